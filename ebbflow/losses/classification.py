"""Losses of probabilities: how unlikely the targets are under what was predicted."""

import math
from typing import Any

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions import array, nn, shapes
from ..functions.arguments import expect_integer, is_number, labels_of
from ..functions.bounds import not_negative, share, true_share
from ..functions.hyperparameter import Hyperparameter, held_by
from ..functions.naming import expect_flag
from ..functions.nn import EPSILON
from ..operators import as_float
from .base import LossFunctionWrapper, aligned, expect_axis, scalar, target_of

# formulas, one value per sample


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Tensor:
    """mean_k -(y_k log p_k + (1 - y_k) log(1 - p_k)) over the axis: (batch, outputs) -> (batch,).

    Parameters:
        from_logits: y_pred holds z with p = sigmoid(z); finite for any finite z.
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / 2.
    """
    y, p = aligned("binary_crossentropy", y_true, y_pred)
    return array.mean(nn.binary_crossentropy(_smoothed(y, label_smoothing, 2), p, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> Tensor:
    """mean_k (1 - q_k)^gamma times the binary cross-entropy, with q_k = y_k p_k + (1 - y_k)(1 - p_k).

    Parameters:
        apply_class_balancing: weigh targets 1 with alpha and targets 0 with 1 - alpha.
        alpha, gamma: the class' weight, and how strongly samples that are right already are left aside.
        from_logits, label_smoothing: as for binary_crossentropy.
    """
    y, z = aligned("binary_focal_crossentropy", y_true, y_pred)
    y = _smoothed(y, label_smoothing, 2)
    p = nn.sigmoid(z) if from_logits else z
    missed = array.clip(y * (1.0 - p) + (1.0 - y) * p, EPSILON, 1.0)
    loss = array.power(missed, scalar(gamma, p)) * nn.binary_crossentropy(y, z, from_logits)
    if apply_class_balancing:
        alpha = scalar(alpha, p)
        loss = loss * (y * alpha + (1.0 - y) * (1.0 - alpha))
    return array.mean(loss, axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Tensor:
    """-sum_k y_k log p_k over the axis of the classes, for one-hot targets: (batch, classes) -> (batch,).

    Parameters:
        from_logits: y_pred holds z with p = softmax(z); finite for any finite z.
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / classes.
    """
    y, p = _one_hot_pair("categorical_crossentropy", y_true, y_pred)
    return nn.categorical_crossentropy(_smoothed(y, label_smoothing, y.shape[axis]), p, from_logits, axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> Tensor:
    """-alpha sum_k (1 - p_k)^gamma y_k log p_k over the axis of the classes: (batch, classes) -> (batch,).

    Parameters:
        alpha, gamma: a factor, and how strongly samples that are right already are left aside.
        from_logits, label_smoothing: as for categorical_crossentropy.
    """
    y, z = _one_hot_pair("categorical_focal_crossentropy", y_true, y_pred)
    y = _smoothed(y, label_smoothing, y.shape[axis])
    if from_logits:
        log_p = nn.log_softmax(z, axis)
    else:
        share = z / array.sum(z, axis, keepdims=True)
        log_p = array.log(array.clip(share, EPSILON, 1.0 - EPSILON))
    missed = array.clip(1.0 - array.exp(log_p), EPSILON, 1.0)
    return -array.sum(scalar(alpha, z) * array.power(missed, scalar(gamma, z)) * y * log_p, axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """-log p_y over the axis of the classes, for class numbers y from 0: (batch,), (batch, classes) -> (batch,).

    Parameters:
        from_logits: y_pred holds z with p = softmax(z); finite for any finite z.
        ignore_class: a number, of a class or not, whose samples have loss 0.

    NaN for any other number that is no class, so that training stops instead of ignoring the sample.
    """
    name = "sparse_categorical_crossentropy"
    if ignore_class is None:
        return nn.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    p = as_float(y_pred)
    labels = labels_of(name, y_true, p, axis)
    kept = array.not_equal(labels, ignore_class)
    values = nn.sparse_categorical_crossentropy(array.where(kept, labels, 0), p, from_logits, axis)
    return array.where(kept, values, 0.0)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: Any) -> Tensor:
    """(1 - p_y^q) / q with q in (0, 1), for class numbers y from 0: (batch,), (batch, classes) -> (batch,).

    Probabilities below 1e-7 count as 1e-7. NaN for a number that is no class.
    """
    p = as_float(y_pred)
    labels = labels_of("categorical_generalized_cross_entropy", y_true, p)
    hit = shapes.one_hot(labels, p.shape[-1], dtype="bool")
    q, own = scalar(q, p), array.sum(array.where(hit, p, 0.0), axis=-1)
    return array.where(array.any(hit, axis=-1), (1.0 - array.power(array.maximum(own, EPSILON), q)) / q, math.nan)


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """sum_k y_k log(y_k / p_k) over the last axis, both clipped to [1e-7, 1]: (batch, classes) -> (batch,)."""
    y, p = aligned("kl_divergence", y_true, y_pred)
    y, p = array.clip(y, EPSILON, 1.0), array.clip(p, EPSILON, 1.0)
    return array.sum(y * array.log(y / p), axis=-1)


def _one_hot_pair(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    y_pred = as_float(y_pred)
    y = array.cast(target_of(y_true, y_pred), y_pred.dtype)
    if y.shape != y_pred.shape:
        hint = "; for class numbers use the sparse loss" if y.ndim < y_pred.ndim or y.shape[-1:] == (1,) else ""
        raise ShapeError(f"{name}: expected y_true of the shape of y_pred {y_pred.aval}, got {y.aval}{hint}")
    return y, y_pred


def _smoothed(y: Tensor, smoothing: Any, classes: int) -> Tensor:
    """y (1 - s) + s / classes; without smoothing y itself, which costs nothing."""
    if isinstance(smoothing, (int, float)) and smoothing == 0:
        return y
    smoothing = scalar(smoothing, y)
    return y * (1.0 - smoothing) + smoothing / float(classes)


# classes


class Smoothing(Hyperparameter):
    """A hyperparameter in [0, 1] that is the plain number 0 until it is set to another one.

    Smoothing by 0 is structure and costs nothing; any other number is read by the program when it runs.
    """

    def __init__(self) -> None:
        super().__init__("a number between 0 and 1", lambda value: 0.0 <= value <= 1.0)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return super().__get__(instance, owner) if instance is None or self._name in held_by(instance) else 0.0

    def __set__(self, instance: Any, value: Any) -> None:
        if not is_number(value) or value != 0 or self._name in held_by(instance):
            super().__set__(instance, value)
        instance.is_smoothed = self._name in held_by(instance)  # an attribute, hence a new program, when it begins


class _Crossentropy(LossFunctionWrapper):
    """What the losses on one-hot or binary targets share: logits, an axis and smoothing."""

    label_smoothing = Smoothing()

    def __init__(
        self,
        fn: Any,
        from_logits: bool,
        label_smoothing: float,
        axis: int,
        reduction: str | None,
        name: str,
        dtype: Any,
        **kwargs: Any,
    ):
        self.from_logits = expect_flag(type(self).__name__, "from_logits", from_logits)
        self.axis = expect_axis(type(self).__name__, axis)
        super().__init__(fn, reduction, name, dtype, from_logits=self.from_logits, axis=self.axis, **kwargs)
        self.label_smoothing = label_smoothing

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": 0.0} | super().get_config()


class BinaryCrossentropy(_Crossentropy):
    """mean_k -(y_k log p_k + (1 - y_k) log(1 - p_k)) per sample, y in [0, 1].

    Parameters:
        from_logits: y_pred holds logits z with p = sigmoid(z); else probabilities, clipped to [1e-7, 1 - 1e-7].
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / 2; unless it is 0, an attribute that can be
            changed without compiling again.
        axis: the axis of the mean.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(binary_crossentropy, from_logits, label_smoothing, axis, reduction, name, dtype)


class BinaryFocalCrossentropy(_Crossentropy):
    """mean_k (1 - q_k)^gamma times the binary cross-entropy, q_k the probability that was given to the target.

    Parameters:
        apply_class_balancing: weigh targets 1 with alpha and targets 0 with 1 - alpha.
        alpha: in [0, 1]; gamma: 0 or more. Attributes that can be changed without compiling again.
        from_logits, label_smoothing, axis: as for BinaryCrossentropy.
        reduction, name, dtype: as for Loss.

    Source: Lin et al. (2017), "Focal Loss for Dense Object Detection".
    """

    alpha = share()
    gamma = not_negative()

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        owner, fn = type(self).__name__, binary_focal_crossentropy
        self.apply_class_balancing = expect_flag(owner, "apply_class_balancing", apply_class_balancing)
        balancing = {"apply_class_balancing": self.apply_class_balancing}
        super().__init__(fn, from_logits, label_smoothing, axis, reduction, name, dtype, **balancing)
        self.alpha, self.gamma = alpha, gamma


class CategoricalCrossentropy(_Crossentropy):
    """-sum_k y_k log p_k per sample, y one-hot.

    Parameters:
        from_logits: y_pred holds logits z with p = softmax(z); else probabilities, made to sum to 1 and clipped to
            [1e-7, 1 - 1e-7].
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / classes; unless it is 0, an attribute that
            can be changed without compiling again.
        axis: the axis of the classes.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(categorical_crossentropy, from_logits, label_smoothing, axis, reduction, name, dtype)


class CategoricalFocalCrossentropy(_Crossentropy):
    """-alpha sum_k (1 - p_k)^gamma y_k log p_k per sample, y one-hot.

    Parameters:
        alpha: 0 or more; gamma: 0 or more. Attributes that can be changed without compiling again.
        from_logits, label_smoothing, axis: as for CategoricalCrossentropy.
        reduction, name, dtype: as for Loss.

    Source: Lin et al. (2017), "Focal Loss for Dense Object Detection".
    """

    alpha = not_negative()
    gamma = not_negative()

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(categorical_focal_crossentropy, from_logits, label_smoothing, axis, reduction, name, dtype)
        self.alpha, self.gamma = alpha, gamma


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """-log p_y per sample, y the number of the class, from 0.

    Parameters:
        from_logits: y_pred holds logits z with p = softmax(z); else probabilities, made to sum to 1 and clipped to
            [1e-7, 1 - 1e-7].
        ignore_class: samples of this number have no loss, and do not count in a mean; it need not be a class: -1.
        axis: the axis of the classes.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        if ignore_class is not None:
            low, high = -(2**31), 2**31 - 1
            ignore_class = expect_integer("SparseCategoricalCrossentropy", "ignore_class", ignore_class, low, high)
        self.from_logits = expect_flag("SparseCategoricalCrossentropy", "from_logits", from_logits)
        self.ignore_class, self.axis = ignore_class, expect_axis("SparseCategoricalCrossentropy", axis)
        own: dict[str, Any] = {"from_logits": self.from_logits, "ignore_class": ignore_class, "axis": self.axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **own)

    def counted(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        if self.ignore_class is None:
            return None
        return array.not_equal(labels_of(self.name, y_true, y_pred, self.axis), self.ignore_class)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """(1 - p_y^q) / q per sample, y the number of the class: from cross-entropy (q near 0) to 1 - p_y (q near 1).

    The greater q is, the less a wrong label in the data pulls.

    Parameters:
        q: above 0 and below 1; an attribute that can be changed without compiling again.
        reduction, name, dtype: as for Loss.

    Source: Zhang, Sabuncu (2018), "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels".
    """

    q = true_share()

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype)
        self.q = q


class KLDivergence(LossFunctionWrapper):
    """sum_k y_k log(y_k / p_k) per sample, for targets that are the probabilities of the classes.

    Source: Kullback, Leibler (1951), "On Information and Sufficiency".
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None):
        super().__init__(kl_divergence, reduction, name, dtype)
