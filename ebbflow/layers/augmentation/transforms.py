"""The layers that move, turn, scale, shear and mirror images at random."""

from collections.abc import Sequence
from typing import Any

from ...core.tensor import Tensor
from ...functions import array, shapes
from ...functions.arguments import choose
from .base import RandomImages, RandomMap
from .ranges import Range
from .resampling import AffineMap, about_center, cosine_and_sine, shifted

Factor = float | Sequence[float]


class RandomTranslation(RandomMap):
    """Moves each image by a part of its height, down, and of its width, to the right.

    Parameters:
        height_factor, width_factor: a number f for parts from -f to f, or two for those between them, all in [-1, 1].
            The ends are the attributes height_lower, height_upper, width_lower and width_upper, which can be changed
            without compiling again.
        fill_mode, interpolation, fill_value: how the result is read, as for RandomMap.
        seed: makes what this layer draws reproducible by itself.
        data_format: "channels_last", which None means, or "channels_first".
        name, dtype, trainable: as for Layer.

    Inputs are (batch, height, width) or (batch, height, width, channels), in prediction they are the outputs.
    Raises ArgumentError for a bad argument, ShapeError for inputs of other shapes.
    Source: Simard, Steinkraus, Platt (2003), "Best Practices for Convolutional Neural Networks Applied to Visual
    Document Analysis".
    """

    height_factor, width_factor = Range(), Range()

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor

    def source(self, images: Tensor) -> AffineMap:
        height, width = images.shape[1:3]
        down = height * self.drawn(images, "height_factor")
        return shifted(width * self.drawn(images, "width_factor"), down)


class RandomRotation(RandomMap):
    """Turns each image about its center.

    Parameters:
        factor: the angle in parts of a whole turn, counterclockwise if positive: a number f for -f to f, or two for
            what is between them, all in [-1, 1]. The ends are the attributes lower and upper, which can be changed
            without compiling again.
        fill_mode, interpolation, fill_value: how the result is read, as for RandomMap.
        seed: makes what this layer draws reproducible by itself.
        data_format: "channels_last", which None means, or "channels_first".
        name, dtype, trainable: as for Layer.

    Inputs are (batch, height, width) or (batch, height, width, channels), in prediction they are the outputs.
    Raises ArgumentError for a bad argument, ShapeError for inputs of other shapes.
    """

    factor = Range()

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = factor

    def source(self, images: Tensor) -> AffineMap:
        cosine, sine = cosine_and_sine(self.drawn(images, "factor"))
        return about_center(cosine, -sine, sine, cosine, images.shape[1:3])


class RandomZoom(RandomMap):
    """Scales each image about its center: an output pixel shows 1 + f pixels of the input.

    Parameters:
        height_factor: a number f for factors from -f to f, or two for those between them, all in [-1, 1]; negative
            factors magnify, positive ones make room around the image.
        width_factor: the same for the width; None for the same factor as that of the height, which keeps the form. The
            ends are the attributes height_lower, height_upper, width_lower and width_upper, which can be changed
            without compiling again.
        fill_mode, interpolation, fill_value: how the result is read, as for RandomMap.
        seed: makes what this layer draws reproducible by itself.
        data_format: "channels_last", which None means, or "channels_first".
        name, dtype, trainable: as for Layer.

    Inputs are (batch, height, width) or (batch, height, width, channels), in prediction they are the outputs.
    Raises ArgumentError for a bad argument, ShapeError for inputs of other shapes.
    """

    height_factor, width_factor = Range(), Range(optional=True)

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor

    def source(self, images: Tensor) -> AffineMap:
        height = 1.0 + self.drawn(images, "height_factor")
        width = height if self.width_factor is None else 1.0 + self.drawn(images, "width_factor")
        return about_center(width, 0.0, 0.0, height, images.shape[1:3])


class RandomShear(RandomMap):
    """Slants each image, with its first pixel in place: output pixel (x, y) shows (x + s y, t x + y) of the input.

    Parameters:
        x_factor, y_factor: s and t, a number f for -f to f, or two for what is between them, all in [-1, 1]; half of
            the images take both with the other sign. The ends are the attributes x_lower, x_upper, y_lower and
            y_upper, which can be changed without compiling again.
        interpolation, fill_mode, fill_value: how the result is read, as for RandomMap.
        data_format: "channels_last", which None means, or "channels_first".
        seed: makes what this layer draws reproducible by itself.
        name, dtype, trainable: as for Layer.

    Inputs are (batch, height, width) or (batch, height, width, channels), in prediction they are the outputs.
    Raises ArgumentError for a bad argument, ShapeError for inputs of other shapes.
    """

    x_factor, y_factor = Range(), Range()

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor, self.y_factor = x_factor, y_factor

    def source(self, images: Tensor) -> AffineMap:
        sign = array.where(self.halves(images), 1.0, -1.0)
        y, x = (sign * self.drawn(images, name) for name in ("y_factor", "x_factor"))
        return AffineMap(1.0, x, 0.0, y, 1.0, 0.0)


class RandomAffine(RandomMap):
    """Scales, shears, turns about its center, and then moves each image, in one reading of its pixels.

    The result is sharper than that of one layer after another, each of which would read pixels between pixels, and
    costs no more than one of them: p' = (1 + zoom) [[1, shear], [0, 1]] R(rotation) (p - center - shift) + center.

    Parameters:
        translation: the part of the height and, drawn apart, of the width by which the image moves.
        rotation: the angle in parts of a whole turn, counterclockwise if positive.
        zoom: in both directions; negative ones magnify, positive ones make room around the image.
        shear: by how much of a pixel a row is shifted against the one above.
            Each is a number f for -f to f, or two for what is between them, all in [-1, 1]. The ends are attributes
            such as rotation_lower and rotation_upper, which can be changed without compiling again.
        fill_mode, interpolation, fill_value: how the result is read, as for RandomMap.
        seed: makes what this layer draws reproducible by itself.
        data_format: "channels_last", which None means, or "channels_first".
        name, dtype, trainable: as for Layer.

    Inputs are (batch, height, width) or (batch, height, width, channels), in prediction they are the outputs.
    Raises ArgumentError for a bad argument, ShapeError for inputs of other shapes.
    """

    translation, rotation, zoom, shear = Range(), Range(), Range(), Range()

    def __init__(
        self,
        translation: Factor = 0.0,
        rotation: Factor = 0.0,
        zoom: Factor = 0.0,
        shear: Factor = 0.0,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.translation, self.rotation, self.zoom, self.shear = translation, rotation, zoom, shear

    def source(self, images: Tensor) -> AffineMap:
        height, width = images.shape[1:3]
        down, right = height * self.drawn(images, "translation"), width * self.drawn(images, "translation")
        cosine, sine = cosine_and_sine(self.drawn(images, "rotation"))
        zoom, shear = 1.0 + self.drawn(images, "zoom"), self.drawn(images, "shear")
        a0, a1 = zoom * (cosine + shear * sine), zoom * (shear * cosine - sine)
        return about_center(a0, a1, zoom * sine, zoom * cosine, (height, width), (right, down))


class RandomFlip(RandomImages):
    """Mirrors half of the images.

    Parameters:
        mode: "horizontal" exchanges left and right, "vertical" top and bottom, "horizontal_and_vertical" both at once.
        seed: makes what this layer draws reproducible by itself.
        data_format: "channels_last", which None means, or "channels_first".
        name, dtype, trainable: as for Layer.

    Inputs are (batch, height, width) or (batch, height, width, channels), in prediction they are the outputs.
    Raises ArgumentError for a bad argument, ShapeError for inputs of other shapes.
    """

    _AXES = {"horizontal": [2], "vertical": [1], "horizontal_and_vertical": [1, 2]}

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.mode = choose("RandomFlip", "mode", mode, self._AXES)

    def transform(self, images: Tensor) -> Tensor:
        flips = self.halves(images).reshape((-1, *[1] * (images.ndim - 1)))
        return array.where(flips, shapes.flip(images, self._AXES[self.mode]), images)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"mode": self.mode}
