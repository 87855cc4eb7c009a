"""What the estimators' parameters may be, as scikit-learn describes it to itself."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .. import activations, losses
from ..losses.base import Loss
from ..metrics import Metric
from ..optimizers.schedules import LearningRateSchedule

_NO_ACTIVATIONS = {"deserialize", "get", "serialize", "glu", "threshold"}
ACTIVATIONS = frozenset(activations.__all__) - _NO_ACTIVATIONS
OF_PROBABILITIES = ("softmax", "sparsemax", "logistic", "sigmoid", "hard_sigmoid", "sparse_sigmoid")
NAMED_LOSSES = frozenset(name for name in losses.NAMES if name.islower())


def constraints(own_losses: tuple[str, ...], outputs: Any) -> dict[str, list[Any]]:
    """By parameter, what is allowed; outputs: names of output activations."""
    positive, natural = Interval(Real, 0, None, closed="neither"), Interval(Integral, 1, None, closed="left")
    not_negative, fraction = Interval(Real, 0, None, closed="left"), Interval(Real, 0, 1, closed="left")
    return {
        "hidden_layer_sizes": ["array-like", natural],
        "activation": [StrOptions(set(ACTIVATIONS)), callable, list, tuple],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [not_negative],
        "batch_size": [StrOptions({"auto"}), natural],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), LearningRateSchedule],
        "learning_rate_init": [positive],
        "power_t": [not_negative],
        "max_iter": [natural],
        "loss": [StrOptions(set(NAMED_LOSSES | set(own_losses))), Loss, callable],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [not_negative],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [fraction],
        "beta_1": [fraction],
        "beta_2": [fraction],
        "epsilon": [positive],
        "n_iter_no_change": [natural, Options(Real, {np.inf})],
        "max_fun": [natural],
        "dropout": [fraction],
        "batch_norm": ["boolean"],
        "output_activation": [StrOptions(set(outputs)), None],
        "weight_decay": [not_negative],
        "monitor": [str, Metric, callable, None],
        "n_estimators": [natural],
        "folds": [Interval(Integral, 2, None, closed="left"), "cv_object", None],
    }
