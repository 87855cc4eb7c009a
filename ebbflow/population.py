"""Many networks at once: Population, the distributions that its settings are drawn from, and how it searches."""

from .training.population import (
    Choice,
    Ensemble,
    Hyperband,
    Integers,
    LogUniform,
    Population,
    Results,
    Setting,
    SuccessiveHalving,
    Uniform,
)

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
