"""What the lowering knows of the machine; a backend fills it in."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Machine:
    """Sizes that make a product fast on one machine; results do not depend on them.

    tile_rows: how many rows of 16 lanes a product keeps in registers, by element type.
    roomy: the element types whose tiles leave so many registers free that other work may go on beside them.
    nearby_bytes: an operand up to this size stays in cache while the other one is walked through.
    """

    tile_rows: dict[str, int] = field(default_factory=lambda: {"float32": 8, "float64": 4}, hash=False)
    roomy: tuple[str, ...] = ()
    nearby_bytes: int = 1 << 18
