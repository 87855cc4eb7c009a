"""Layers: what networks are built from."""

from .activation import Activation, LeakyReLU, ReLU, Softmax
from .base import Layer
from .dense import Dense
from .dropout import Dropout
from .flatten import Flatten
from .input import Input, InputLayer
from .normalization import Normalization
from .registry import deserialize, get, register, serialize
from .rescaling import Rescaling

for _cls in (Activation, Dense, Dropout, Flatten, InputLayer, LeakyReLU, Normalization, ReLU, Rescaling, Softmax):
    register(_cls)

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "Normalization",
    "ReLU",
    "Rescaling",
    "Softmax",
    "deserialize",
    "get",
    "register",
    "serialize",
]
