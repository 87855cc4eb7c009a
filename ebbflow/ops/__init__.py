"""The primitives, each with its shape rule, NumPy meaning, derivatives, lowering and samples.

The functions in its modules take Tensors that fit exactly; those published here by `functions` convert and broadcast.
"""

from . import contraction, elementwise, indexing, movement, random, reduction

__all__ = ["contraction", "elementwise", "indexing", "movement", "random", "reduction"]
