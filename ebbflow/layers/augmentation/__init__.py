"""Image augmentation: in training, each image is moved, turned, scaled or mirrored at random."""

from .base import RandomImages
from .transforms import RandomAffine, RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom

__all__ = [
    "RandomAffine",
    "RandomFlip",
    "RandomImages",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]
