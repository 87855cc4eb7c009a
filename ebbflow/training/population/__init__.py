"""Populations: seeds, folds and hyperparameters, many networks trained side by side."""

from .ensemble import Ensemble
from .population import Population
from .results import Results
from .settings import Choice, Integers, LogUniform, Setting, Uniform

__all__ = ["Choice", "Ensemble", "Integers", "LogUniform", "Population", "Results", "Setting", "Uniform"]
