"""Layers: what networks are built from."""

from .activation import ELU, Activation, Identity, LeakyReLU, PReLU, ReLU, Softmax
from .augmentation import RandomAffine, RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom
from .base import Layer
from .batch_normalization import BatchNormalization
from .dense import Dense
from .dropout import Dropout
from .embedding import Embedding
from .flatten import Flatten
from .function import Lambda
from .input import Input, InputLayer
from .layer_normalization import LayerNormalization, RMSNormalization
from .merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .noise import GaussianDropout, GaussianNoise
from .normalization import Normalization
from .polynomial import PolynomialFeatures
from .rbf import RBF
from .registry import deserialize, get, register, serialize
from .rescaling import Rescaling
from .reshaping import Permute, RepeatVector, Reshape

__all__ = [
    "Activation",
    "Add",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "PolynomialFeatures",
    "RBF",
    "RMSNormalization",
    "RandomAffine",
    "RandomFlip",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "get",
    "maximum",
    "minimum",
    "multiply",
    "register",
    "serialize",
    "subtract",
]

for _name in __all__:
    if isinstance(_cls := globals()[_name], type) and _cls is not Layer:
        register(_cls)
