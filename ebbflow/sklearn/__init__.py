"""Estimators for scikit-learn: MLPClassifier and MLPRegressor with its parameters and attributes, and more of them.

    from ebbflow.sklearn import MLPClassifier            # instead of sklearn.neural_network
    from ebbflow.sklearn import PopulationSearchCV       # instead of GridSearchCV: the same, on all cores at once

What scikit-learn's mean, these mean; the same random_state gives the same first weights and the same rows to validate
on, while rows are shuffled by ebbflow's own generator. Needs scikit-learn: pip install 'ebbflow[sklearn]'.

Where they differ:

- Numbers of both types are read as float32. The arithmetic is that of the type of X, but float32 where float64 would
  cost time: with "sgd" and "adam" from networks of SMALL multiplications a step on. Weights have the type of X.
- Sparse matrices are made dense to train on.
- `partial_fit` goes on with the random numbers of the call before, so that k calls are one `fit` of k epochs.
- Of several outputs, "lbfgs" minimizes the sum of the squared errors, whose gradient scikit-learn follows, too.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "ebbflow.sklearn: needs scikit-learn, which is not installed; install it with pip install 'ebbflow[sklearn]'"
    ) from error

from .classifier import MLPClassifier
from .regressor import MLPRegressor
from .search import PopulationSearchCV

__all__ = ["MLPClassifier", "MLPRegressor", "PopulationSearchCV"]
