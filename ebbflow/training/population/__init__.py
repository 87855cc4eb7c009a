"""Populations: seeds, folds and hyperparameters, many networks trained side by side."""

from ..ensemble import Ensemble
from .optuna import Optuna
from .population import Population
from .results import Results
from .search import Hyperband, SuccessiveHalving
from .settings import Choice, Integers, LogUniform, Setting, Uniform

__all__ = [
    "Choice",
    "Ensemble",
    "Hyperband",
    "Integers",
    "LogUniform",
    "Optuna",
    "Population",
    "Results",
    "Setting",
    "SuccessiveHalving",
    "Uniform",
]
