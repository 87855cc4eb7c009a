"""Models with a history: units that came before networks, regressions, Boltzmann machines, autoencoders, policies.

Each is made of the vocabulary that everybody has, so their sources are also examples of a training step of one's own.
"""

from ..layers import register
from ..training.loading import load_model
from ..training.model import Model
from ..training.sequential import Sequential, clone_model
from .autoencoders import Autoencoder, TransposedDense, autoencoder, pretrain
from .boltzmann import RestrictedBoltzmannMachine
from .kernel import hinge_machine, kernel_machine
from .policy import Policy, discounted_returns
from .regression import linear_regression, logistic_regression, ridge_solution, softmax_regression
from .threshold import Adaline, McCullochPitts, Perceptron

__all__ = [
    "Adaline",
    "Autoencoder",
    "McCullochPitts",
    "Model",
    "Perceptron",
    "Policy",
    "RestrictedBoltzmannMachine",
    "Sequential",
    "TransposedDense",
    "autoencoder",
    "clone_model",
    "discounted_returns",
    "hinge_machine",
    "kernel_machine",
    "linear_regression",
    "load_model",
    "logistic_regression",
    "pretrain",
    "ridge_solution",
    "softmax_regression",
]

for _cls in (Adaline, Autoencoder, McCullochPitts, Perceptron, RestrictedBoltzmannMachine, TransposedDense):
    register(_cls)
