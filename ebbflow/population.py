"""Many networks at once: Population, and the distributions that its settings are drawn from."""

from .training.population import Choice, Ensemble, Integers, LogUniform, Population, Results, Setting, Uniform

__all__ = ["Choice", "Ensemble", "Integers", "LogUniform", "Population", "Results", "Setting", "Uniform"]
