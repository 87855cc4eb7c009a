"""A graph to kernels for a GPU: what is fused and stored, and in which order sums are added, is decided as on the CPU.

So the same bits come out; only where each element is computed, and how values lie in memory, is another.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...core.graph import Graph, Node
from ...core.primitive import Reduction
from ...lowering.clusters import Cluster
from ...lowering.contraction import Product
from ...lowering.evaluate import Storage
from ...lowering.layout import Buffer
from ...lowering.machine import Machine
from ...lowering.schedule import Lowered, Lowering, copied
from .frame import Code, Plain
from .kernels import elementwise_kernel, gather_kernel, lane_fold, ordered_fold
from .product import product_kernel

Twins = dict[Buffer, Buffer]


@dataclass
class DeviceStep:
    """A graph as kernels for a GPU; attributes as of `lowering.schedule.Lowered`."""

    codes: list[Code] = field(default_factory=list)
    inputs: dict[Node, Buffer] = field(default_factory=dict)
    gathers: dict[Node, Code] = field(default_factory=dict)
    outputs: list[Buffer] = field(default_factory=list)
    constants: list[tuple[Buffer, np.ndarray]] = field(default_factory=list)
    scratch: list[Buffer] = field(default_factory=list)


class _PlainStorage(Storage):
    """The storage of the CPU's lowering with every buffer's twin, in row-major order, in place of the buffer."""

    def __init__(self, own: Storage, twin_of: Callable[[Buffer], Buffer]):
        self._own, self._twin_of = own, twin_of

    @property
    def buffers(self) -> Any:  # type: ignore[override]
        return self

    def __getitem__(self, node: Node) -> list[Buffer]:
        return [self._twin_of(self._own.buffers[node][0])]

    def __contains__(self, node: Node) -> bool:
        return node in self._own


def lower_for_device(
    graph: Graph,
    batch: Mapping[Node, tuple[np.dtype, bool]],
    state: Mapping[Node, Hashable],
    updates: Mapping[int, Node],
    state_buffers: dict[Hashable, Buffer],
    twins: Twins,
    has_double: bool,
) -> DeviceStep:
    """Kernels for a graph; parameters as of `lowering.schedule.lower`.

    Parameters:
        state_buffers: those of the CPU, on whose layouts the order of some sums depends; filled in.
        twins: for each of them the one that there is on the device; filled in.
    """
    lowering = _DeviceLowering(graph, batch, state, updates, state_buffers, Machine(), lambda _: None)
    return lowering.for_device(twins, has_double)


class _DeviceLowering(Lowering):
    """The CPU's decisions, carried out otherwise."""

    def for_device(self, twins: Twins, has_double: bool) -> DeviceStep:
        self.twins, self.has_double, self.step = twins, has_double, DeviceStep()
        self.plain = _PlainStorage(self.storage, self._twin_of)
        lowered = self.run()
        step = self.step
        step.inputs = {node: self._twin_of(buffer) for node, buffer in lowered.inputs.items()}
        step.outputs = [self._twin_of(buffer) for buffer in lowered.outputs]
        step.constants = self._constants(lowered)
        return step

    def _twin_of(self, buffer: Buffer) -> Buffer:
        twin = self.twins.get(buffer)
        if twin is None:
            layout: Any = Plain(buffer.aval.shape)
            twin = self.twins[buffer] = Buffer(buffer.name, buffer.aval, layout, buffer.kind)
            if buffer.kind == "scratch":
                self.step.scratch.append(twin)
        return twin

    def _constants(self, lowered: Lowered) -> list[tuple[Buffer, np.ndarray]]:
        """Each constant once: the CPU may have it in several layouts."""
        first = {
            self.storage.buffers[node][0] for node in self.graph.nodes if node.is_constant and node in self.storage
        }
        return [(self._twin_of(buffer), value) for buffer, value in lowered.constants if buffer in first]

    def _put(self, code: Code) -> None:
        if all(code.size):
            self.step.codes.append(code)

    def _gather(self, node: Node) -> None:
        dtype, indexed = self.batch[node]
        target = self.plain.buffers[node][0]
        code = gather_kernel(target, np.dtype(dtype), indexed, self.plain, self.has_double)
        self._put(code)
        self.step.gathers[node] = code

    def _relayout(self, node: Node, target: Buffer) -> None:
        """There is one layout only."""

    def _emit(self, cluster: Cluster, lane_axis: int | None) -> None:
        if not cluster.outputs:
            return
        root, rest = cluster.root, (self.plain, self.has_double)
        if root is None:
            self._put(elementwise_kernel(cluster, *rest))
        elif not isinstance(root.primitive.lower, Reduction):
            assert lane_axis is not None
            by_panel = self._by_panel(cluster)
            product = Product("product", cluster, lane_axis, by_panel, self.storage, self.machine, self._scratch)
            self._put(product_kernel(product, *rest))
        elif self._folds_in_lanes(cluster, root, lane_axis):
            self._put(lane_fold(cluster, self._operand_axis(cluster, lane_axis), *rest))
        else:
            self._put(ordered_fold(cluster, *rest))

    def _folds_in_lanes(self, cluster: Cluster, root: Node, lane_axis: int | None) -> bool:
        """Whether the CPU folds along its vectors."""
        axes = root.params["axes"]
        if self._folds_few(root) and root.inputs[0].aval.ndim - 1 in axes:
            return False
        return self._operand_axis(cluster, lane_axis) in axes

    def _copy_state(self, new: Node, target: Buffer) -> None:
        copy = copied(new)
        cluster = Cluster(copy)
        cluster.outputs = [copy]
        self.storage.add(copy, target)
        self._put(elementwise_kernel(cluster, *(self.plain, self.has_double)))
