"""What both estimators share: data in, a network trained, attributes out."""

import json
import warnings
from abc import ABC, abstractmethod
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import (
    _check_feature_names,
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .. import activations
from ..core.errors import ArgumentError
from ..core.tensor import Tensor
from ..optimizers.schedules import LearningRateSchedule
from ..placement import expect_processor
from ..training.data import Rows
from . import frames, members, plain
from .crew import respect_the_pool
from .head import Head, activated, loss_of
from .lending import borrowed
from .network import Structure, arithmetic
from .solving import NOT_FINITE, OptimizerState, Stochastic, Streams, load, restore_best, solve_lbfgs, store

STOCHASTIC = ("sgd", "adam")
SPARSE = ("csr", "csc")
_EPSILON = 1e-3  # of batch normalization, as its layer has it


class BaseMLP(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """Base of the estimators; see MLPClassifier for parameters and attributes."""

    _own_losses: tuple[str, ...] = ()

    def _keep(self, given: dict[str, Any]) -> None:
        """The arguments of __init__ as attributes, untouched, as scikit-learn wants it."""
        vars(self).update({name: value for name, value in given.items() if name not in ("self", "__class__")})

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return list(_parameters_of(cls))

    def _validate_params(self) -> None:
        """As of BaseEstimator, once for all estimators with these parameters."""
        key = plain.key_of(type(self), tuple(getattr(self, name) for name in _parameters_of(type(self))))
        if not plain.was_valid(key):
            super()._validate_params()
            plain.note_valid(key)

    # what a kind of estimator says

    @abstractmethod
    def _targets(self, y: Any, incremental: bool, reset: bool) -> np.ndarray:
        """y as (rows, outputs): booleans, or numbers."""

    @abstractmethod
    def _head_kind(self) -> tuple[str, str]:
        """(kind of Head, name of the output activation)."""

    @abstractmethod
    def _row_weights(self, y: Any, sample_weight: Any) -> Any:
        """The samples' weights with those of their classes; None if all count alike."""

    # fitting

    def _fit_all(self, X: Any, y: Any, sample_weight: Any, validation: Any, incremental: bool = False) -> Any:
        """This network, or the several whose predictions are averaged, and the folds."""
        expect_processor(f"{type(self).__name__}.fit")
        respect_the_pool()
        if self.n_estimators > 1:
            members.fit_members(self, X, y, sample_weight, validation, incremental)
        else:
            vars(self).pop("estimators_", None)
            self._fit(X, y, sample_weight, validation, incremental)
        if self.folds is not None and not incremental:
            members.fit_folds(self, X, y, sample_weight)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: Any, incremental: bool) -> None:
        sizes, names = self._hidden_sizes(), self._activations()
        first = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y = self._read(X, y, first)
        Y = self._targets(y, incremental, first)
        weights = self._row_weights(
            y, sample_weight if sample_weight is None else _check_sample_weight(sample_weight, X)
        )
        self.n_outputs_ = Y.shape[1]
        draws = plain.random_state(self.random_state)
        if first:
            self._initialize([X.shape[1], *sizes, self.n_outputs_], names, X.dtype, draws)
        self._expect_shapes([X.shape[1], *sizes, self.n_outputs_])
        if self.solver in STOCHASTIC and (not incremental or not hasattr(self, "_optimizer")):
            self._optimizer = OptimizerState(float(self.learning_rate_init))
        self.batch_norms_ = getattr(self, "batch_norms_", [])
        training, held = self._split(X, Y, weights, validation, incremental, draws)
        if not incremental or not hasattr(self, "_streams"):
            self._streams = Streams.of(draws, len(sizes))
        self._solve(names, training, held, incremental)
        if not all(np.isfinite(array).all() for array in self.coefs_ + self.intercepts_):
            raise ValueError(NOT_FINITE)

    def _hidden_sizes(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = list(given) if hasattr(given, "__iter__") else [given]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _expect_shapes(self, units: list[int]) -> None:
        """Raise ValueError where a warm start finds other layers than it left, and ready what another solver lacks."""
        known = [len(self.coefs_[0]), *(coef.shape[1] for coef in self.coefs_)]
        if known != units:
            raise ValueError(
                f"{type(self).__name__}: expected layers of {known} units as in the fit before, got {units}; set "
                "warm_start=False to begin anew"
            )
        if self.solver in STOCHASTIC and not hasattr(self, "loss_curve_"):
            self._begin_curves()

    def _activations(self) -> list[Any]:
        """One for each hidden layer."""
        count, given = len(self._hidden_sizes()), self.activation
        several = list(given) if isinstance(given, (list, tuple)) else [given] * count
        if len(several) != count:
            raise ValueError(
                f"{type(self).__name__}: expected one activation for each of the {count} hidden layers, got {several}"
            )
        try:
            for one in several:
                activations.get(one)
        except ArgumentError as error:
            raise ValueError(f"{type(self).__name__}: for activation, {error}") from None
        return several

    def _initialize(self, units: list[int], names: list[Any], dtype: Any, draws: np.random.RandomState) -> None:
        """First weights, uniform in +- sqrt(6 / (fan_in + fan_out)), 2 for logistic units, drawn as scikit-learn does.

        Source: Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks".
        """
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(units)
        self.out_activation_ = self._head_kind()[1]
        self.coefs_, self.intercepts_, self.batch_norms_ = [], [], []
        for k, (fan_in, fan_out) in enumerate(zip(units[:-1], units[1:], strict=True)):
            logistic = (names[k] if k < len(names) else self.activation) == "logistic"
            bound = np.sqrt((2.0 if logistic else 6.0) / (fan_in + fan_out))
            self.coefs_.append(draws.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype))
            self.intercepts_.append(draws.uniform(-bound, bound, fan_out).astype(dtype))
        if self.batch_norm:
            self.batch_norms_ = [tuple(np.full(n, start, dtype) for start in (1, 0, 0, 1)) for n in units[1:-1]]
        if self.solver in STOCHASTIC:
            self._begin_curves()

    def _begin_curves(self) -> None:
        self.loss_curve_, self._no_improvement_count = [], 0
        self.validation_scores_ = self.best_validation_score_ = None
        self.best_loss_ = None if self.early_stopping else np.inf
        self._best = self.coefs_, self.intercepts_, self.batch_norms_

    # data

    def _read(self, X: Any, y: Any, reset: bool) -> tuple[np.ndarray, Any]:
        """X as a dense matrix of floats, of a frame what its encoder makes of it."""
        if reset:
            vars(self).pop("encoder_", None)
        if y is None:
            self._need_targets()
        if self._is_plain(X, reset) and plain.is_column(y, len(X)):
            self.n_features_in_ = X.shape[1]
            return np.ascontiguousarray(X), y
        if hasattr(self, "encoder_") or frames.must_encode(X):
            X = self._encode(X, reset)
            y = _check_y(y, multi_output=True, y_numeric=not is_classifier(self), estimator=self)
            check_consistent_length(X, y)
        else:
            numeric = {} if is_classifier(self) else {"y_numeric": True}
            X, y = validate_data(
                self, X, y, accept_sparse=SPARSE, multi_output=True, dtype=plain.FLOATS, reset=reset, **numeric
            )
        if scipy.sparse.issparse(X):
            X = X.toarray()
        if X.dtype == np.float64 and X.size and max(X.max(), -X.min()) > plain.LARGEST:
            raise ValueError(f"{NOT_FINITE} There is a number beyond float32, in which X is read.")
        return np.ascontiguousarray(X), y

    def _is_plain(self, X: Any, reset: bool) -> bool:
        """Whether X can be read as it is, with nothing to be said of it: an array, where no frame came before."""
        if hasattr(self, "encoder_") or hasattr(self, "feature_names_in_") or not plain.is_table(X):
            return False
        return reset or X.shape[1] == getattr(self, "n_features_in_", None)

    def _need_targets(self) -> None:
        raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")

    def _encode(self, X: Any, reset: bool) -> np.ndarray:
        _check_feature_names(self, X, reset=reset)
        if not hasattr(X, "columns") and not hasattr(X, "column_names"):
            raise ValueError(f"{type(self).__name__}: expected a frame with the columns seen in fit, got {type(X)}")
        if reset:
            self.n_features_in_ = len(frames.names_of(X))
            self.encoder_ = frames.fit_encoder(X)
        return self.encoder_.encode(X)

    def _split(
        self, X: np.ndarray, Y: np.ndarray, weights: Any, validation: Any, incremental: bool, draws: Any
    ) -> tuple[Rows, Rows | None]:
        """(rows to train on, rows to validate on or None) for a network."""
        given = validation is not None and validation[0] is not None
        if self.solver == "lbfgs":
            return self._rows(X, Y, weights), None
        if self.early_stopping and incremental and not given:
            raise ValueError("partial_fit does not support early_stopping=True without X_val and y_val to stop by")
        if given:
            held = self._given_validation(*validation)
        elif self.early_stopping:
            training, held = self._hold_out(len(X), Y, draws)
            if len(held) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
                )
            part = None if weights is None else weights[held]
            held = self._rows(X[held], Y[held], part)
            X, Y, weights = X[training], Y[training], None if weights is None else weights[training]
        else:
            return self._rows(X, Y, weights), None
        if self.validation_scores_ is None:
            self.validation_scores_ = []
        return self._rows(X, Y, weights), held

    def _hold_out(self, count: int, Y: np.ndarray, draws: Any) -> Any:
        stratify = Y if is_classifier(self) and self.n_outputs_ == 1 else None
        return train_test_split(
            np.arange(count), random_state=draws, test_size=self.validation_fraction, stratify=stratify
        )

    def _given_validation(self, X: Any, y: Any, weights: Any) -> Rows:
        if y is None:
            raise ValueError(f"{type(self).__name__}: expected y_val along with X_val, got None")
        X, y = self._read(X, y, False)
        weights = None if weights is None else _check_sample_weight(weights, X)
        return self._rows(X, self._known_targets(y), weights)

    @abstractmethod
    def _known_targets(self, y: Any) -> np.ndarray:
        """Targets to validate on as (rows, outputs)."""

    def _rows(self, X: np.ndarray, Y: np.ndarray, weights: Any) -> Rows:
        kind = self._head_kind()[0]
        y = Y.argmax(axis=1).astype(np.int32) if kind == "classes" else Y
        rows = {"x": X, "y": np.ascontiguousarray(y.astype(np.int32) if y.dtype == bool else y)}
        return rows if weights is None else rows | {"sample_weight": np.ascontiguousarray(weights)}

    # training

    def _solve(self, names: list[Any], data: Rows, held: Rows | None, incremental: bool) -> None:
        batch_size = self._batch_size(len(data["x"]))
        with borrowed(self._structure(names, data, held, batch_size)) as network:
            load(self, network)
            if self.solver == "lbfgs":
                solve_lbfgs(self, network, data)
                return
            if held is not None and self.best_validation_score_ is None and self.early_stopping:
                self.best_validation_score_ = -np.inf if network.direction == "max" else np.inf
            epochs = 1 if incremental else self.max_iter
            is_over = Stochastic(self, network, data, held, batch_size, epochs).run()
            store(self, network)
        self.stopped_ = is_over
        if self.early_stopping and (is_over or not incremental):
            restore_best(self)
        if not incremental and not is_over:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _batch_size(self, rows: int) -> int:
        if self.solver == "lbfgs":
            return rows
        if self.batch_size == "auto":
            return min(200, rows)
        if self.batch_size > rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=7
            )
        return min(int(self.batch_size), rows)

    def _structure(self, names: list[Any], data: Rows, held: Rows | None, batch_size: int) -> Structure:
        lbfgs = self.solver == "lbfgs"
        if lbfgs and (self.dropout or self.weight_decay):
            raise ValueError(
                f"{type(self).__name__}: expected dropout=0 and weight_decay=0 with solver='lbfgs', which needs the "
                "gradient of one function; use solver='adam'"
            )
        widths = (len(self.coefs_[0]), *(coef.shape[1] for coef in self.coefs_))
        schedule = self.learning_rate if isinstance(self.learning_rate, LearningRateSchedule) else None
        monitor = False if held is None else self.monitor
        return Structure(
            widths=widths,
            activations=tuple(names),
            head=self._head(),
            dtype=arithmetic(self.coefs_[0].dtype, self.solver, widths, batch_size),
            dropout=self.dropout > 0.0,
            batch_norm=bool(self.batch_norms_),
            solver=self.solver,
            momentum=self.solver == "sgd" and self.momentum > 0.0,
            nesterov=self.solver == "sgd" and bool(self.nesterovs_momentum),
            decay=self.weight_decay > 0.0,
            schedule=None if lbfgs else schedule,
            monitor=monitor,
            keys=(_key_of(schedule), _key_of(monitor)),
        )

    def _head(self) -> Head:
        kind, _ = self._head_kind()
        loss = loss_of(self.loss, self._own_losses)
        return Head(kind, self.n_outputs_, self.out_activation_, loss, self.solver != "lbfgs", _key_of(self.loss))

    # using

    def _forward(self, X: Any, layers: int | None = None) -> np.ndarray:
        """The outputs, or what the first `layers` layers give."""
        names = self._activations()
        h = X
        for k, (coef, intercept) in enumerate(zip(self.coefs_[:layers], self.intercepts_[:layers], strict=True)):
            h = h @ coef + intercept
            if k == self.n_layers_ - 2:
                return _in_numpy(self.out_activation_, h)
            if self.batch_norms_:
                gamma, beta, mean, variance = self.batch_norms_[k]
                h = (h - mean) * (gamma / np.sqrt(variance + h.dtype.type(_EPSILON))) + beta
            h = _in_numpy(names[k], h)
        return h.toarray() if scipy.sparse.issparse(h) else h

    def _outputs(self, X: Any) -> np.ndarray:
        """The predictions (rows, outputs), averaged if there are several networks."""
        check_is_fitted(self)
        if getattr(self, "estimators_", None):
            return np.mean([one._outputs(X) for one in self.estimators_], axis=0)
        return self._forward(self._features(X))

    def _features(self, X: Any) -> Any:
        if hasattr(self, "encoder_"):
            return self._encode(X, False).astype(self.coefs_[0].dtype)
        if self._is_plain(X, False):
            return X
        return validate_data(self, X, accept_sparse=SPARSE, dtype=plain.FLOATS, reset=False)

    def transform(self, X: Any) -> np.ndarray:
        """What the last hidden layer gives for every row: (rows, units)."""
        check_is_fitted(self)
        return self._forward(self._features(X), self.n_layers_ - 2)

    @property
    def _n_features_out(self) -> int:
        return self.coefs_[-1].shape[0]

    def _check_solver(self) -> bool:
        if self.solver not in STOCHASTIC:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _in_numpy(activation: Any, h: np.ndarray) -> np.ndarray:
    return np.maximum(h, 0) if activation == "relu" else activated(activation, Tensor(h)).numpy()


def _key_of(given: Any) -> Any:
    """What equal losses, schedules or metrics have in common: their class and description, else what they are."""
    if given is None or isinstance(given, (str, bool)):
        return given
    try:
        return type(given), json.dumps(given.get_config(), sort_keys=True)
    except (AttributeError, TypeError, ValueError, NotImplementedError):  # a function, or a class of the user's
        return given


@cache
def _parameters_of(kind: type[BaseMLP]) -> tuple[str, ...]:
    """The names of its parameters, which scikit-learn would read from the signature a dozen times a fit."""
    return tuple(super(BaseMLP, kind)._get_param_names())
