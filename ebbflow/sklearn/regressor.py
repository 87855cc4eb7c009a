"""MLPRegressor: a network that tells numbers."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from .base import BaseMLP
from .parameters import ACTIVATIONS, constraints

_OWN = ("squared_error", "poisson")


class MLPRegressor(RegressorMixin, BaseMLP):
    """A network of dense layers for one number or several a row: scikit-learn's MLPRegressor, and more.

    It minimizes half the squared error, or half the Poisson deviance, plus alpha |W|^2 / 2n, n the rows of a batch.

    Parameters: as of MLPClassifier without class_weight, but
        loss: "squared_error"; "poisson", for targets of 0 or more and with exp as output activation; or the name of any
            ebbflow loss, a Loss, or a function of (y_true, y_pred).
        output_activation: None for "identity", or "exp" with the Poisson loss; else the name of any activation.
        monitor: None for R^2, "loss", or the name of an ebbflow metric or one of your own.

    Attributes: as of MLPClassifier without classes_.
    """

    _own_losses = _OWN
    _parameter_constraints: dict[str, list[Any]] = constraints(_OWN, ACTIVATIONS | {"exp"})

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        output_activation: str | None = None,
        dropout: float = 0.0,
        batch_norm: bool = False,
        weight_decay: float = 0.0,
        monitor: Any = None,
        n_estimators: int = 1,
        folds: Any = None,
    ):
        self._keep(locals())

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPRegressor":
        """Train from the beginning, or with warm_start go on.

        Parameters: y: (rows,) or (rows, outputs) numbers; the others, and errors, as of MLPClassifier.fit.
        """
        return self._fit_all(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @available_if(lambda self: self._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPRegressor":
        """One epoch over these rows; as of MLPClassifier.partial_fit."""
        return self._fit_all(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=True)

    def _targets(self, y: Any, incremental: bool, reset: bool) -> np.ndarray:
        return self._known_targets(y)

    def _known_targets(self, y: Any) -> np.ndarray:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if isinstance(self.loss, str) and self.loss == "poisson" and y.min() < 0:
            raise ValueError(f"{type(self).__name__}: expected y of 0 or more with loss='poisson', got {y.min()}")
        y = y if y.dtype.kind == "f" else y.astype(np.float64)
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def _head_kind(self) -> tuple[str, str]:
        of_counts = isinstance(self.loss, str) and self.loss == "poisson"
        return "numbers", self.output_activation or ("exp" if of_counts else "identity")

    def _row_weights(self, y: Any, sample_weight: Any) -> Any:
        return sample_weight

    def predict(self, X: Any) -> np.ndarray:
        """The numbers of each row: (rows,), or (rows, outputs)."""
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs
