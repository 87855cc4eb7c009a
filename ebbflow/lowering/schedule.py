"""A graph to kernels in an order that runs: layouts, copies in other layouts, updates in place.

Samples are the lanes of whatever has a sample axis, unless that wastes too many of them (samples.py); weights take the
lanes of the kernel that updates them. A product that needs an operand's other axis along the lanes gets a copy in that
layout, written right after the original.
"""

import heapq
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from ..core.aval import Aval
from ..core.graph import Graph, Node, rewrite, verify
from ..core.primitive import Contraction, Pointwise, Reduction, registry
from ..ops.contraction import split_labels
from ..passes import share
from .clusters import Cluster, Clustering, is_leaf, is_move, through_moves
from .contraction import MovedOperand, Product, vector_axes
from .evaluate import Storage
from .index import Variable, variable_index
from .kernels import Code, elementwise_kernel
from .layout import Buffer, Layout, panels, round_up, rows
from .loops import verify_kernel
from .machine import Machine
from .reductions import fold_in_order, reduction_kernel
from .samples import as_lanes, sample_axes
from .transfer import gather_kernel, relayout_kernel


@dataclass
class Lowered:
    """A graph as kernels.

    Attributes:
        codes: kernels in order.
        inputs: the buffer of every input (batch inputs: the buffers that a gather fills).
        gathers: for each batch input the kernel that fills it.
        outputs: where every output is afterwards.
        constants: buffers with the arrays they must hold.
        scratch: buffers that live within one run.
    """

    name: str
    codes: list[Code] = field(default_factory=list)
    inputs: dict[Node, Buffer] = field(default_factory=dict)
    gathers: dict[Node, Code] = field(default_factory=dict)
    outputs: list[Buffer] = field(default_factory=list)
    constants: list[tuple[Buffer, np.ndarray]] = field(default_factory=list)
    scratch: list[Buffer] = field(default_factory=list)


def lower(
    graph: Graph,
    batch: Mapping[Node, tuple[np.dtype, bool]],
    state: Mapping[Node, Hashable],
    updates: Mapping[int, Node],
    state_buffers: dict[Hashable, Buffer],
    machine: Machine,
    ready: Callable[[Code], object] = lambda _: None,
) -> Lowered:
    """Kernels for a graph.

    Parameters:
        batch: inputs that are gathered from rows of the user's arrays: (type of the array, by row numbers or in order).
        state: inputs that live on between runs, each with a key; other inputs are plain arguments.
        updates: for outputs that are the new value of such an input, the input.
        state_buffers: the state's buffers by key, where already decided; filled in.
        ready: called with each kernel as soon as it is written.
    """
    return Lowering(graph, batch, state, updates, state_buffers, machine, ready).run()


# before clustering


def prepare(graph: Graph) -> Graph:
    """Make outputs computed values, inner products sums, and operands of products readable position by position."""
    graph = rewrite(graph, _without_inner_product)
    graph = share(rewrite(graph, _with_readable_operands))  # a copy serves all who read it
    outputs: list[Node] = []
    seen: set[Node] = set()
    for node in graph.outputs:
        node = copied(node) if is_leaf(node) or is_move(node) or node in seen else node
        seen.add(node)
        outputs.append(node)
    return verify(Graph(graph.inputs, outputs, graph.name))


def copied(node: Node) -> Node:
    return Node(registry["stop_gradient"], (node,), {}, node.aval)


def _without_inner_product(node: Node) -> Node:
    """contract(a, b, "ij,ji->") as sum(a * transpose(b))."""
    if not isinstance(node.primitive.lower, Contraction) or node.aval.shape != ():
        return node
    left, right, _ = split_labels(node.params["labels"])
    a, b = node.inputs
    order = tuple(right.index(label) for label in left)
    if order != tuple(range(len(order))):
        b = Node(registry["transpose"], (b,), {"axes": order}, a.aval)
    product = Node(registry["multiply"], (a, b), {}, a.aval)
    return Node(registry["sum"], (product,), {"axes": tuple(range(a.aval.ndim))}, node.aval)


def _with_readable_operands(node: Node) -> Node:
    if node.primitive.name == "take":
        table, indices = node.inputs
        return Node(node.primitive, (copied(table) if is_move(table) else table, indices), node.params, node.aval)
    if not isinstance(node.primitive.lower, Contraction):
        return node
    inputs = tuple(x if _is_readable(x) else copied(x) for x in node.inputs)
    return Node(node.primitive, inputs, node.params, node.aval, node.label)


def _is_readable(operand: Node) -> bool:
    """Whether every axis of the operand is one axis of the stored value, in unit steps."""
    if not is_move(operand):
        return True
    moved = MovedOperand(operand)
    probes = [Variable(f"a{axis}", max(n, 2)) for axis, n in enumerate(operand.aval.shape)]
    position = moved.position(tuple(map(variable_index, probes)))
    return all(i.is_affine and len(i.terms) <= 1 and set(i.terms.values()) <= {1} for i in position)


class Lowering:
    def __init__(
        self,
        graph: Graph,
        batch: Mapping[Node, tuple[np.dtype, bool]],
        state: Mapping[Node, Hashable],
        updates: Mapping[int, Node],
        state_buffers: dict[Hashable, Buffer],
        machine: Machine,
        ready: Callable[[Code], object],
    ):
        self.graph, self.machine, self.ready = prepare(graph), machine, ready
        self.batch, self.state, self.state_buffers = batch, state, state_buffers
        self.updates = {self.graph.outputs[k]: node for k, node in updates.items()}
        self.clustering = Clustering(self.graph)
        self.sample_axes = sample_axes(self.graph, set(batch))
        self.axes = as_lanes(self.sample_axes)
        self.storage = Storage()
        self.lowered = Lowered(graph.name)
        self.late: list[tuple[Node, Node]] = []  # (new value, state input) that is copied after everything else
        self.count = 0

    def run(self) -> Lowered:
        self.leaves = {c: self._leaves_of(c) for c in self.clustering.clusters()}
        order = self._order()
        lanes = {cluster: self._lane_axis(cluster) for cluster in order}
        self._make_leaf_buffers(lanes)
        for cluster in order:
            self._make_output_buffers(cluster, lanes[cluster])
        copies = self._copies(order, lanes)
        for node in self.batch:
            self._gather(node)
        for node, target in copies:
            if is_leaf(node) and node not in self.batch:
                self._relayout(node, target)
        for cluster in order:
            self._emit(cluster, lanes[cluster])
            for node, target in copies:
                if node in cluster.outputs:
                    self._relayout(node, target)
        for new, old in self.late:
            self._copy_state(new, self.state_buffers[self.state[old]])
        self.lowered.outputs = [self.storage.buffers[node][0] for node in self.graph.outputs]
        return self.lowered

    def _name(self, stem: str) -> str:
        self.count += 1
        return f"{self.graph.name}_{self.count}_{stem}"

    # order
    def _leaves_of(self, cluster: Cluster) -> dict[Node, bool]:
        """The leaves that a kernel reads -> whether only at the position that it computes."""
        found: dict[Node, bool] = {}
        stored = {node for c in self.clustering.clusters() for node in c.outputs}
        seen: set[tuple[Node, bool]] = set()

        def visit(node: Node, same: bool) -> None:
            if (node, same) in seen:
                return
            seen.add((node, same))
            if is_leaf(node):
                found[node] = found.get(node, True) and same
            elif node not in stored or node in cluster.members:
                below = same and isinstance(node.primitive.lower, Pointwise)
                for source in node.inputs:
                    visit(source, below)

        for node in cluster.members:
            visit(node, True)
        return found

    def _order(self) -> list[Cluster]:
        """Readers after writers, and whoever reads a state's old value before the kernel that updates it in place."""
        clusters = self.clustering.clusters()
        after: dict[Cluster, set[Cluster]] = {c: self.clustering._reads_from(c) for c in clusters}
        inline = self._inline_reads(clusters)
        for c in clusters:
            after[c] |= inline[c] - {c}
        for new, old in self.updates.items():
            writer = self.clustering.of[new]
            readers = {c for c in clusters if old in self.leaves[c] and c is not writer}
            apart = self.leaves[writer].get(old, True)
            if apart and not any(_reaches(after, reader, writer) for reader in readers):
                after[writer] |= readers
            else:
                self.late.append((new, old))
        return self._sorted(clusters, after)

    def _inline_reads(self, clusters: Sequence[Cluster]) -> dict[Cluster, set[Cluster]]:
        """Clusters whose stored values a kernel reads through values that it computes again."""
        stored = {node: c for c in clusters for node in c.outputs}
        result: dict[Cluster, set[Cluster]] = {}
        for cluster in clusters:
            found: set[Cluster] = set()
            stack = [source for node in cluster.members for source in node.inputs]
            seen: set[Node] = set()
            while stack:
                node = stack.pop()
                if node in seen or is_leaf(node):
                    continue
                seen.add(node)
                if node in stored and node not in cluster.members:
                    found.add(stored[node])
                else:
                    stack.extend(node.inputs)
            result[cluster] = found
        return result

    def _sorted(self, clusters: list[Cluster], after: dict[Cluster, set[Cluster]]) -> list[Cluster]:
        """Kernels over samples, and numbers that all share, as early as they can be; else in the graph's order.

        So few barriers are needed: two in a step of training.
        """
        place = {c: k for k, c in enumerate(clusters)}
        waiting = {c: len(after[c]) for c in clusters}
        before: dict[Cluster, list[Cluster]] = {c: [] for c in clusters}
        for c, sources in after.items():
            for source in sources:
                before[source].append(c)
        late = {c: not (self._by_panel(c) or (c.shape == () and c.root is None)) for c in clusters}
        ready = [(late[c], place[c]) for c in clusters if not waiting[c]]
        heapq.heapify(ready)
        order = []
        while ready:
            cluster = clusters[heapq.heappop(ready)[1]]
            order.append(cluster)
            for user in before[cluster]:
                waiting[user] -= 1
                if not waiting[user]:
                    heapq.heappush(ready, (late[user], place[user]))
        assert len(order) == len(clusters), "kernels wait for each other"
        return order

    # lanes and layouts
    def _sample_axis(self, cluster: Cluster) -> int | None:
        return next((self.axes[node] for node in cluster.members if node in self.axes), None)

    def _by_panel(self, cluster: Cluster) -> bool:
        return self._sample_axis(cluster) is not None

    def _lane_axis(self, cluster: Cluster) -> int | None:
        if cluster.shape == ():
            return None
        axis = self._sample_axis(cluster)
        if axis is not None:
            return axis
        for node in cluster.outputs:
            old = self.updates.get(node)
            if old is not None and self.state[old] in self.state_buffers:
                return self.state_buffers[self.state[old]].layout.lane_axis
        if cluster.root is not None and isinstance(cluster.root.primitive.lower, Contraction):
            return self._lanes_of_product(cluster.root)
        return len(cluster.shape) - 1

    def _lanes_of_product(self, root: Node) -> int:
        """The axis that wastes the fewest lanes; between nearly equal ones the shorter, which costs less to copy."""
        shape = root.aval.shape
        waste = [round_up(n) / n for n in shape]
        usable = [axis for axis in range(len(shape)) if vector_axes(root, axis)] or list(range(len(shape)))
        best = min(waste[axis] for axis in usable)
        return min((axis for axis in usable if waste[axis] <= 1.1 * best), key=lambda axis: shape[axis])

    def _make_leaf_buffers(self, lanes: Mapping[Cluster, int | None]) -> None:
        """State takes the layout of the kernel that updates it; what nothing updates lies as a product reads it."""
        streamed = self._read_as_vectors(lanes)
        chosen = {old: self.clustering.of[new] for new, old in self.updates.items() if (new, old) not in self.late}
        for node in self.graph.inputs:
            if node in self.batch:
                continue
            key = self.state.get(node)
            if key is None or key not in self.state_buffers:
                if node in streamed and node not in chosen:
                    layout = panels(node.aval.shape, streamed[node])
                else:
                    layout = rows(node.aval.shape, self._lane_axis(chosen[node]) if node in chosen else None)
                kind = "argument" if key is None else "state"
                buffer = Buffer(node.label or self._name("input"), node.aval, layout, kind)
                if key is not None:
                    self.state_buffers[key] = buffer
            else:
                buffer = self.state_buffers[key]
            self.lowered.inputs[node] = self.storage.add(node, buffer)
        looked_up = {through_moves(x) for n in self.graph.nodes if _reads_memory(n) for x in n.inputs}
        for node in self.graph.nodes:
            if node.is_constant and (node.scalar is None or node in looked_up):
                buffer = Buffer(self._name("constant"), node.aval, rows(node.aval.shape), "constant")
                self.lowered.constants.append((self.storage.add(node, buffer), node.value))
        for node in self.batch:
            layout = panels(node.aval.shape, 0) if node in self.axes or node.aval.ndim > 2 else rows(node.aval.shape)
            buffer = self._scratch(node.label or "batch", node.aval, layout)
            self.lowered.inputs[node] = self.storage.add(node, buffer)

    def _read_as_vectors(self, lanes: Mapping[Cluster, int | None]) -> dict[Node, int]:
        """What products read along one of its axes, with the axis: in panels along it every tile reads on and on."""
        axes: dict[Node, int] = {}
        for cluster, lane_axis in lanes.items():
            if lane_axis is not None and cluster.root and isinstance(cluster.root.primitive.lower, Contraction):
                for node, axis in vector_axes(cluster.root, lane_axis):
                    axes.setdefault(node, axis)
        return axes

    def _scratch(self, name: str, aval: Aval, layout: Layout, kind: str = "scratch") -> Buffer:
        buffer = Buffer(name, aval, layout, kind)
        self.lowered.scratch.append(buffer)
        return buffer

    def _make_output_buffers(self, cluster: Cluster, lane_axis: int | None) -> None:
        for node in cluster.outputs:
            old = self.updates.get(node)
            if old is not None and (node, old) not in self.late:
                self.storage.add(node, self.state_buffers[self.state[old]])
                continue
            layout = (
                panels(node.aval.shape, lane_axis or 0) if self._by_panel(cluster) else rows(node.aval.shape, lane_axis)
            )
            self.storage.add(node, self._scratch(self._name(str(node.primitive)), node.aval, layout))

    def _copies(self, order: Sequence[Cluster], lanes: Mapping[Cluster, int | None]) -> list[tuple[Node, Buffer]]:
        """The copies in other layouts that products need: (node, buffer)."""
        copies = []
        for cluster in order:
            root = cluster.root
            if root is None or not isinstance(root.primitive.lower, Contraction):
                continue
            lane_axis = lanes[cluster]
            assert lane_axis is not None
            for base, axis in vector_axes(root, lane_axis):
                if any(buffer.layout.lane_axis == axis for buffer in self.storage.buffers[base]):
                    continue
                if base.is_constant:
                    buffer = Buffer(self._name("constant"), base.aval, panels(base.aval.shape, axis), "constant")
                    self.lowered.constants.append((self.storage.add(base, buffer), base.value))
                    continue
                buffer = self._scratch(self._name("lanes"), base.aval, panels(base.aval.shape, axis), "copy")
                self.storage.add(base, buffer)
                copies.append((base, buffer))
        return copies

    # kernels
    def _add(self, code: Code) -> None:
        verify_kernel(code.kernel)
        self.lowered.codes.append(code)
        self.ready(code)

    def _gather(self, node: Node) -> None:
        """Read the rows of a batch: into the layout of rows, and from there along the samples; or there at once."""
        dtype, indexed = self.batch[node]
        data = Aval(node.aval.shape, np.dtype(dtype))
        own, *others = self.storage.buffers[node]
        batch, width = node.aval.shape[0], prod(node.aval.shape[1:])
        by_samples = panels((batch, width), 0)
        if width == 1 and own.layout.lane_axis == 0:
            code = gather_kernel(self._name("gather"), data, own, by_samples, indexed)
            self._add(code)
        elif own.layout.lane_axis == 0:
            by_rows = panels((batch, width), 1)
            target = next((other for other in others if other.layout == by_rows), None)
            if target is None:
                target = self._scratch(self._name("rows"), Aval((batch, width), node.aval.dtype), by_rows)
            else:
                others.remove(target)
            code = gather_kernel(self._name("gather"), data, target, by_rows, indexed)
            self._add(code)
            self._add(relayout_kernel(self._name("relayout"), target, own, 0, (by_rows, by_samples)))
        else:
            code = gather_kernel(self._name("gather"), data, own, rows((batch, width)), indexed)
            self._add(code)
        self.lowered.gathers[node] = code
        for other in others:
            self._relayout(node, other)

    def _relayout(self, node: Node, target: Buffer) -> None:
        source = self.storage.buffers[node][0]
        axis = self.axes.get(node)
        divided = axis if axis in (source.layout.lane_axis, target.layout.lane_axis) else source.layout.lane_axis
        assert divided is not None
        self._add(relayout_kernel(self._name("relayout"), source, target, divided))

    def _emit(self, cluster: Cluster, lane_axis: int | None) -> None:
        by_panel, root = self._by_panel(cluster), cluster.root
        if not cluster.outputs:
            return
        if root is None:
            name = self._name(str(cluster.members[-1].primitive))
            self._add(elementwise_kernel(name, cluster, lane_axis, by_panel, self.storage))
        elif isinstance(root.primitive.lower, Reduction):
            name = self._name(str(root.primitive))
            if self._folds_few(root) and root.inputs[0].aval.ndim - 1 in root.params["axes"]:
                self._add(fold_in_order(name, cluster, self.storage))
                return
            operand_axis = self._operand_axis(cluster, lane_axis)
            self._add(reduction_kernel(name, cluster, lane_axis, operand_axis, self.storage))
        else:
            assert lane_axis is not None
            name = self._name("product")
            product = Product(name, cluster, lane_axis, by_panel, self.storage, self.machine, self._scratch)
            self._add(product.write())

    def _folds_few(self, root: Node) -> bool:
        """Whether it folds each of a few samples by itself, too few to be the lanes."""
        operand = root.inputs[0]
        return root in self.sample_axes and operand not in self.axes

    def _operand_axis(self, cluster: Cluster, lane_axis: int | None) -> int:
        """The axis of a reduction's operand along the lanes: samples, else as in its memory, else the result's."""
        root = cluster.root
        assert root is not None
        operand, axes = root.inputs[0], root.params["axes"]
        kept = [axis for axis in range(operand.aval.ndim) if axis not in axes]
        if operand in self.axes:
            return self.axes[operand]
        base = through_moves(operand)
        if base is operand and operand in self.storage:
            stored = self.storage.buffers[operand][0].layout.lane_axis
            if stored is not None and stored in axes and not self._folds_few(root):
                return stored
        return kept[lane_axis] if lane_axis is not None else operand.aval.ndim - 1

    def _copy_state(self, new: Node, target: Buffer) -> None:
        copy = copied(new)
        cluster = Cluster(copy)
        cluster.outputs = [copy]
        self.storage.add(copy, target)
        self._add(elementwise_kernel(self._name("keep"), cluster, target.layout.lane_axis, False, self.storage))


def _reads_memory(node: Node) -> bool:
    """Whether the node needs its operands in memory, even constants that are one number."""
    return isinstance(node.primitive.lower, Contraction) or node.primitive.name == "take"


def _reaches(after: Mapping[Cluster, set[Cluster]], start: Cluster, goal: Cluster) -> bool:
    """Whether `start` waits, at some remove, for `goal`."""
    stack, seen = [start], set()
    while stack:
        cluster = stack.pop()
        if cluster is goal:
            return True
        if cluster not in seen:
            seen.add(cluster)
            stack.extend(after[cluster])
    return False
