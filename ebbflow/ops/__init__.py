"""The primitives, each with its shape rule, NumPy meaning, derivatives, lowering and samples.

The functions of this package take Tensors that fit exactly; `ebbflow.ops`, the public vocabulary, converts and broadcasts.
"""

from . import contraction, elementwise, indexing, movement, random, reduction

__all__ = ["contraction", "elementwise", "indexing", "movement", "random", "reduction"]
