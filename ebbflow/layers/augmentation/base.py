"""What the layers that change images at random share."""

from typing import Any

from ...core.errors import ShapeError
from ...core.tensor import Tensor
from ...functions import array, random, shapes
from ...functions.arguments import choose, expect_integer
from ...functions.hyperparameter import Hyperparameter, number
from ..base import Layer
from .ranges import describe_ranges
from .resampling import FILL_MODES, INTERPOLATIONS, AffineMap, resample

DATA_FORMATS = ("channels_last", "channels_first")
_MOST_OF_IMAGE, _MOST_OF_BATCH = 2**24, 2**31


class RandomImages(Layer):
    """In training, each image of a batch changed in its own way, drawn at random; in prediction the images themselves.

    Subclass it and define `transform`. Images of integers become floats of the layer's type.

    Parameters:
        seed: makes what this layer draws reproducible by itself.
        data_format: where the channels of images with four axes are, "channels_last", which None means, or
            "channels_first".
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for a bad argument, ShapeError for inputs that are not (batch, height, width) or have one axis
    more, the channels.
    """

    def __init__(self, seed: int | None = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.data_format = "channels_last" if data_format is None else data_format
        choose(owner, "data_format", self.data_format, DATA_FORMATS)
        self.seed = None if seed is None else expect_integer(owner, "seed", seed, 0)
        self.seed_generator = random.SeedGenerator(seed, name=f"{self.name}/seed_generator")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if inputs.ndim not in (3, 4):
            raise ShapeError(
                f"{self}: expected images (batch, height, width), or with one more axis of channels, got {inputs.aval}"
            )
        images = array.cast(inputs, self.dtype)
        if not training:
            return images
        if self.data_format == "channels_last" or images.ndim == 3:
            return self.transform(images)
        return shapes.transpose(self.transform(shapes.transpose(images, (0, 2, 3, 1))), (0, 3, 1, 2))

    def transform(self, images: Tensor) -> Tensor:
        """The changed images, of the same shape (batch, height, width) or (batch, height, width, channels)."""
        raise NotImplementedError(f"{self}: define transform(self, images), which returns the changed images")

    def drawn(self, images: Tensor, name: str) -> Tensor:
        """(batch,) numbers of equal probability in the range of this name, one for each image."""
        lower, upper = (array.cast(getattr(self, end), self.dtype) for end in getattr(type(self), name).ends)
        return lower + (upper - lower) * random.uniform(images.shape[0], dtype=self.dtype, seed=self.seed_generator)

    def halves(self, images: Tensor) -> Tensor:
        """(batch,) truth values, each true for half of the images."""
        return array.less(random.uniform(images.shape[0], dtype=self.dtype, seed=self.seed_generator), 0.5)

    def get_config(self) -> dict[str, Any]:
        own = {"seed": self.seed, "data_format": self.data_format}
        return super().get_config() | describe_ranges(self) | own


class RandomMap(RandomImages):
    """Each image read at places that an affine map of its own gives. Subclass it and define `source`.

    Parameters:
        fill_mode: what lies beyond the edges of an image a b c d:
            "reflect"   d c b a | a b c d | d c b a,
            "wrap"      a b c d | a b c d | a b c d,
            "nearest"   a a a a | a b c d | d d d d,
            "constant"  k k k k | a b c d | k k k k with k = fill_value.
        interpolation: "bilinear" weights the four pixels around a place by nearness, "nearest" takes the nearest one.
        fill_value: an attribute that can be changed without compiling again.
        seed, data_format: as for RandomImages.
        name, dtype, trainable: as for Layer.

    Raises what RandomImages does.
    """

    fill_value = Hyperparameter()

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.fill_mode = choose(type(self).__name__, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = choose(type(self).__name__, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def source(self, images: Tensor) -> AffineMap:
        """Where the pixels of the result come from, with coefficients (batch,) or, the same for all images, numbers."""
        raise NotImplementedError(f"{self}: define source(self, images), which returns an AffineMap")

    def transform(self, images: Tensor) -> Tensor:
        # up to there places are whole numbers of float32 and int32
        if images.size > _MOST_OF_BATCH or images.size > _MOST_OF_IMAGE * images.shape[0]:
            raise ShapeError(
                f"{self}: expected images of up to 2^24 numbers, and 2^31 in all, got {images.aval}; use smaller ones"
            )
        fill_value = array.cast(self.fill_value, self.dtype)
        return resample(images, self.source(images), self.interpolation, self.fill_mode, fill_value)

    def get_config(self) -> dict[str, Any]:
        own = {"fill_mode": self.fill_mode, "interpolation": self.interpolation}
        return super().get_config() | own | {"fill_value": number(self.fill_value)}
