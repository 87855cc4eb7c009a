"""Many networks at once: Population, the distributions that its settings are drawn from, and how it searches."""

from .training.population import *  # noqa: F403
from .training.population import __all__ as __all__
