"""MLPClassifier: a network that tells classes apart."""

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from .base import BaseMLP
from .parameters import OF_PROBABILITIES, constraints

_OWN = ("log_loss", "squared_error")


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A network of dense layers for classes, or for several labels a row: scikit-learn's MLPClassifier, and more.

    It minimizes the log-loss plus alpha |W|^2 / 2n, n the rows of a batch (or the sum of their weights).

    Parameters of scikit-learn's, with their meaning and defaults: hidden_layer_sizes, solver, alpha, batch_size,
    learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum,
    nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, n_iter_no_change, max_fun, and

        activation: the name of any ebbflow activation or a function, or a list with one for each hidden layer.
        learning_rate: also a LearningRateSchedule, for both "sgd" and "adam".

    Parameters of its own:
        loss: "log_loss", "squared_error" of the probabilities, the name of any ebbflow loss, a Loss, or a function of
            (y_true, y_pred).
        output_activation: None for "softmax", or "logistic" for two classes or labels; else any of these, "sparsemax",
            "hard_sigmoid", "sparse_sigmoid".
        dropout: share of the hidden units that a training step leaves out, in [0, 1).
        batch_norm: whether hidden sums are normalized before they are activated.
        weight_decay: share of the weights, times the learning rate, taken off in every step, beside alpha's penalty.
        class_weight: {class: weight}, "balanced" or None, as scikit-learn means it.
        monitor: what early stopping watches on the rows to validate on: None for the accuracy, "loss", or the name of
            an ebbflow metric or one of your own.
        n_estimators: how many networks, from seeds of their own, have their probabilities averaged.
        folds: number of folds, or a splitter; `fit` then also fits a network without each fold.
            The networks of seeds and folds are trained side by side, one for each core.

    Attributes, as scikit-learn's: classes_, coefs_, intercepts_, loss_, loss_curve_, best_loss_, validation_scores_,
    best_validation_score_, n_iter_, t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_, and
        stopped_: whether the rule of stopping ended the last fit or partial_fit.
        batch_norms_: gamma, beta, mean and variance for each hidden layer.
        encoder_: the TableEncoder of a frame with texts, dates or gaps.
        estimators_: the networks, if there are several; the other attributes are those of the first.
        cv_results_, cv_predictions_: scores with `folds`, and what was predicted for each row without it.
    """

    _own_losses = _OWN
    _parameter_constraints: dict[str, list[Any]] = constraints(_OWN, OF_PROBABILITIES) | {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

    def __init__(
        self,
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
        loss: Any = "log_loss",
        output_activation: str | None = None,
        dropout: float = 0.0,
        batch_norm: bool = False,
        weight_decay: float = 0.0,
        class_weight: Any = None,
        monitor: Any = None,
        n_estimators: int = 1,
        folds: Any = None,
    ):
        self._keep(locals())

    # fitting

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPClassifier":
        """Train from the beginning, or with warm_start go on.

        Parameters:
            X: (rows, features), dense or sparse, or a frame, also with texts, dates and gaps.
            y: (rows,) classes of any type, or (rows, labels) of 0 and 1.
            sample_weight: one number per row.
            X_val, y_val, sample_weight_val: rows to validate on after each epoch, in place of a part of X where
                early_stopping asks for some.

        Raises ValueError for data or parameters that do not fit, and where the loss becomes NaN or infinite.
        """
        return self._fit_all(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @available_if(lambda self: self._check_solver())
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> "MLPClassifier":
        """One epoch over these rows. Parameters: as of fit; classes, all that may come, needed in the first call.

        With early_stopping, X_val and y_val are needed; when `stopped_` says so, the best weights are back.
        """
        if _check_partial_fit_first_call(self, classes):
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._label_binarizer = LabelBinarizer().fit(labels)
        return self._fit_all(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=True)

    def _targets(self, y: Any, incremental: bool, reset: bool) -> np.ndarray:
        y = _labels_of(y)
        if not hasattr(self, "classes_") or (not self.warm_start and not incremental):
            self._label_binarizer = _coding_of(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        return self._binary(y)

    def _check_classes(self, classes: np.ndarray) -> None:
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        if not self.warm_start and len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _binary(self, y: Any) -> np.ndarray:
        """(rows, classes) of booleans, (rows, 1) for two classes: whether it is the second one."""
        if self._is_multilabel:
            return (y.toarray() if scipy.sparse.issparse(y) else np.asarray(y)).astype(bool)
        own = np.asarray(y)[:, np.newaxis] == self.classes_
        return own if len(self.classes_) > 2 else own[:, 1:] if len(self.classes_) == 2 else np.zeros_like(own)

    @property
    def _is_multilabel(self) -> bool:
        return self._label_binarizer.y_type_.startswith("multilabel")

    def _known_targets(self, y: Any) -> np.ndarray:
        y = _labels_of(y)
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise ValueError(f"{type(self).__name__}: expected classes of y in y_val, got also {unknown}")
        return self._binary(y)

    def _head_kind(self) -> tuple[str, str]:
        one_of_many = self._label_binarizer.y_type_ == "multiclass"
        kind, activation = ("classes", "softmax") if one_of_many else ("labels", "logistic")
        return kind, self.output_activation or activation

    def _row_weights(self, y: Any, sample_weight: Any) -> Any:
        if self.class_weight is None:
            return sample_weight
        y = y.toarray() if scipy.sparse.issparse(y) else y
        by_class = compute_sample_weight(self.class_weight, y)
        return by_class if sample_weight is None else by_class * sample_weight

    # using

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row (rows,), or its labels (rows, labels)."""
        p = self._outputs(X)
        if self.n_outputs_ == 1 and not self._is_multilabel:
            return self.classes_[(p[:, 0] > 0.5).astype(int) if len(self.classes_) > 1 else np.zeros(len(p), int)]
        if self._head_kind()[0] == "classes":
            return self.classes_[p.argmax(axis=1)]
        return self._label_binarizer.inverse_transform(p)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of classes_ (rows, classes), or of each label (rows, labels)."""
        p = self._outputs(X)
        if self.n_outputs_ == 1:
            return np.hstack([1 - p, p])
        one_of_many = self._head_kind()[0] == "classes" and self.out_activation_ not in ("softmax", "sparsemax")
        return p / p.sum(axis=1, keepdims=True) if one_of_many else p

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of predict_proba."""
        return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _coding_of(y: Any) -> LabelBinarizer:
    """The LabelBinarizer fitted to y; of plain numbers it need not be asked, who takes longer than many a fit."""
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "biu":
        return LabelBinarizer().fit(y)
    coding = LabelBinarizer()
    coding.classes_, coding.sparse_input_ = np.unique(y), False
    coding.y_type_ = "multiclass" if len(coding.classes_) > 2 else "binary"
    return coding


def _labels_of(y: Any) -> Any:
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 and not scipy.sparse.issparse(y) else y
