"""Networks lent to one fit after another, as many of a structure as there are fits of it at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..runtime.threads import cores
from ..training.trainer import Programs
from .network import Network, Structure, size_of
from .shelf import MOST_PROGRAMS, Shelf

MOST_IDLE, MOST_WEIGHTS = max(8, 2 * cores()), 1_000_000  # networks kept for later fits: so many, of at most this size
_idle: list[Network] = []
_lent: list[Network] = []
_lock = threading.Lock()


@contextmanager
def borrowed(structure: Structure) -> Iterator[Network]:
    """A network of this structure for oneself: one that an earlier fit left, whose program is there, or a new one.

    One whose fit failed is not lent again.
    """
    network, ended_well = _lend(structure), False
    try:
        yield network
        ended_well = True
    finally:
        _take_back(network, ended_well and size_of(structure.widths) <= MOST_WEIGHTS)


def _lend(structure: Structure) -> Network:
    with _lock:
        network = next((one for one in reversed(_idle) if one.structure == structure), None)
        if network is None:
            sibling = next((one for one in _lent if one.structure == structure), None)
            network = Network(structure, Shelf() if sibling is None else sibling.shelf)
        else:
            _idle.remove(network)
        _lent.append(network)
        return network


def _take_back(network: Network, keep: bool) -> None:
    if len(network.model.programs.known) > MOST_PROGRAMS:
        network.model.programs = Programs()
    with _lock:
        _lent.remove(network)
        if keep:
            _idle.append(network)
            del _idle[:-MOST_IDLE]
