"""What is fused: nodes of a graph grouped into kernels, and which values are stored between them.

A kernel has at most one root (a contraction or a reduction) and elementwise nodes of the same shape around it, computed
on the root's results before they are stored. Moves (broadcast, reshape, transpose, slice) are never kernels of their
own: they are positions, read through. What is cheap to compute again from stored values is not stored.
"""

from collections.abc import Iterable

from ..core.graph import Graph, Node
from ..core.primitive import Contraction, Elementwise, Leaf, Pointwise, Reduction

RECOMPUTE_COST = 6
FORBIDDEN = 10**6


def is_leaf(node: Node) -> bool:
    return isinstance(node.primitive.lower, Leaf)


def is_heavy(node: Node) -> bool:
    return isinstance(node.primitive.lower, (Contraction, Reduction))


def is_move(node: Node) -> bool:
    return isinstance(node.primitive.lower, Elementwise) and node.primitive.cost == 0


class Cluster:
    """Nodes that one kernel computes."""

    def __init__(self, node: Node):
        self.root = node if is_heavy(node) else None
        self.members = [node]
        self.shape = node.aval.shape
        self.outputs: list[Node] = []
        self.is_read = False  # whether another cluster may read it

    def __repr__(self) -> str:
        return f"Cluster({', '.join(str(node.primitive) for node in self.members)})"


class Clustering:
    """Clusters in an order that runs, and for each node the cluster that computes it."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.of: dict[Node, Cluster] = {}
        self.position = {node: k for k, node in enumerate(graph.nodes)}
        self._sources: dict[Node, list[Node]] = {}
        self._reads: dict[Cluster, set[Node]] = {}
        outputs = set(graph.outputs)
        for node in graph.nodes:
            if not is_leaf(node) and (not is_move(node) or node in outputs):
                self._place(node)
        self._join_scalars()
        self._inline_operands()
        self._choose_stored()

    # reading through moves
    def sources(self, node: Node) -> list[Node]:
        """The computed nodes that a node reads, directly or through moves."""
        found = self._sources.get(node)
        if found is None:
            found = self._sources[node] = []
            for source in node.inputs:
                if source in self.of:
                    found.append(source)
                elif not is_leaf(source):
                    found += self.sources(source)
        return found

    # grouping
    def _place(self, node: Node) -> None:
        cluster = Cluster(node)
        self.of[node] = cluster
        for source in self.sources(node):
            self.of[source].is_read = True
        if not isinstance(node.primitive.lower, Pointwise):
            return
        for source in node.inputs:
            other = self.of.get(source)
            if other is None or other is cluster or other.shape != cluster.shape:
                continue
            if not (other.root and cluster.root) and self._may_join(other, cluster):
                cluster = self._join(other, cluster)

    def _join(self, a: Cluster, b: Cluster) -> Cluster:
        a.root, a.is_read = a.root or b.root, a.is_read or b.is_read
        a.members = sorted(a.members + b.members, key=self.position.__getitem__)
        for node in b.members:
            self.of[node] = a
        self._reads.pop(a, None)
        return a

    def _reads_from(self, cluster: Cluster) -> set[Cluster]:
        reads = self._reads.get(cluster)
        if reads is None:
            reads = self._reads[cluster] = {source for node in cluster.members for source in self.sources(node)}
        return {self.of[source] for source in reads} - {cluster}

    def _reads_elsewhere_in(self, reader: Cluster, other: Cluster) -> bool:
        """Whether `reader` reads `other` at other positions than its own: through moves, or as a root's operand."""
        for node in reader.members:
            direct = () if is_heavy(node) or not isinstance(node.primitive.lower, Pointwise) else node.inputs
            for source in node.inputs:
                if source in direct and source in self.of:
                    continue
                below = [source] if source in self.of else self.sources(source) if not is_leaf(source) else []
                if any(self.of[s] is other for s in below):
                    return True
        return False

    def _may_join(self, a: Cluster, b: Cluster) -> bool:
        """No value may leave the joined cluster and come back, nor be read at positions not yet computed."""
        if self._reads_elsewhere_in(a, b) or self._reads_elsewhere_in(b, a):
            return False
        return not self._comes_back(b, a) and not (b.is_read and self._comes_back(a, b))

    def _comes_back(self, reader: Cluster, other: Cluster) -> bool:
        """Whether `reader` reads, at some remove, what another cluster made of values of `other`."""
        stack = self._reads_from(reader) - {other}
        seen: set[Cluster] = set()
        while stack:
            cluster = stack.pop()
            seen.add(cluster)
            below = self._reads_from(cluster)
            if other in below:
                return True
            stack |= below - seen
        return False

    def _join_scalars(self) -> None:
        """Scalar arithmetic (step counts, learning rates) goes into as few kernels as possible."""
        scalars = [c for c in self.clusters() if c.shape == () and c.root is None]
        for k, cluster in enumerate(scalars):
            for other in scalars[:k]:
                alive = self.of[cluster.members[0]] is cluster and self.of[other.members[0]] is other
                if alive and self._may_join(other, cluster):
                    self._join(other, cluster)
                    break

    def clusters(self) -> list[Cluster]:
        """Every cluster once, in the order of first members (not yet an order that runs)."""
        return list(dict.fromkeys(self.of[node] for node in self.graph.nodes if node in self.of))

    # storing
    def users(self) -> dict[Node, set[Node]]:
        """For each computed node, the computed nodes that read it, directly or through moves."""
        result: dict[Node, set[Node]] = {node: set() for node in self.of}
        for node in self.of:
            for source in self.sources(node):
                result[source].add(node)
        return result

    def _inline_operands(self) -> None:
        """An elementwise operand that one reduction alone reads is computed where it is read."""
        outputs, users = set(self.graph.outputs), self.users()
        for node in [n for n in self.of if isinstance(n.primitive.lower, Reduction)]:
            operand = node.inputs[0]
            cluster = self.of.get(operand)
            if cluster is None or cluster.root is not None or cluster.shape != operand.aval.shape:
                continue
            outside = {user for member in cluster.members for user in users[member] if self.of.get(user) is not cluster}
            if outside == {node} and not outputs & set(cluster.members):
                self._dissolve(cluster.members)
                users = self.users()

    def _dissolve(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            cluster = self.of.pop(node)
            cluster.members.remove(node)
        self._sources.clear()
        self._reads.clear()

    def _choose_stored(self) -> None:
        """Values that other kernels or the caller need are stored, unless they are cheap to compute again."""
        outputs = set(self.graph.outputs)
        operands = {s for n in self.of if isinstance(n.primitive.lower, Contraction) for s in self._bases(n)}
        operands |= {s for n in self.graph.nodes for s in self._tables(n)}
        users = self.users()
        stored = {
            node
            for node, cluster in self.of.items()
            if node in outputs or node in operands or any(self.of[user] is not cluster for user in users[node])
        }
        for node in sorted(stored, key=self.position.__getitem__, reverse=True):
            cluster = self.of[node]
            keep = node in outputs or node in operands or is_heavy(node)
            inside = any(self.of.get(user) is cluster for user in users[node])
            if keep or inside or self._again(node, stored) > RECOMPUTE_COST:
                continue
            stored.discard(node)
            chain = self._chain(node, stored)
            self._dissolve([n for n in chain if not any(self.of.get(u) is cluster for u in users[n] - chain)])
        for cluster in self.clusters():
            cluster.outputs = [node for node in cluster.members if node in stored]

    def _again(self, node: Node, stored: set[Node]) -> int:
        """The cost of computing one element from what is stored, or a part of it that is too much already."""
        if is_heavy(node):
            return FORBIDDEN
        cost = node.primitive.cost
        for source in node.inputs:
            if cost <= RECOMPUTE_COST and not is_leaf(source) and source not in stored:
                cost += self._again(source, stored)
        return cost

    def _chain(self, node: Node, stored: set[Node]) -> set[Node]:
        """The clustered nodes that computing this one again runs through."""
        if is_leaf(node) or node in stored:
            return set()
        below = set().union(*(self._chain(source, stored) for source in node.inputs))
        return below | ({node} if node in self.of else set())

    def _bases(self, node: Node) -> list[Node]:
        """What a contraction's operands are moves of."""
        return [base for operand in node.inputs if not is_leaf(base := through_moves(operand))]

    def _tables(self, node: Node) -> list[Node]:
        """What `take` looks up in: it is read at positions that only the run knows."""
        return [node.inputs[0]] if node.primitive.name == "take" and node.inputs[0] in self.of else []


def through_moves(node: Node) -> Node:
    while is_move(node):
        node = node.inputs[0]
    return node
