"""Populations: seeds, folds and hyperparameters, many networks trained side by side."""

from ..ensemble import Ensemble
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
    "Population",
    "Results",
    "Setting",
    "SuccessiveHalving",
    "Uniform",
]
