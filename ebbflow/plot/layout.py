"""Where to draw the nodes of a graph: in ranks from top to bottom, with few crossings.

Source: Sugiyama, Tagawa, Toda (1981), "Methods for Visual Understanding of Hierarchical System Structures".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
Edge = tuple[int, int]

GAP, RANK_GAP, BEND = 24.0, 40.0, 12.0  # between neighbors, between ranks, width of an edge that passes a rank
SWEEPS, PLACING_SWEEPS = 12, 100


@dataclass
class Layout:
    """Centers of the nodes, a line of points for each edge, and the size of it all."""

    centers: list[Point]
    routes: dict[Edge, list[Point]]
    width: float
    height: float


@dataclass
class _Ranked:
    """Nodes in ranks; one that stands for an edge on its way through a rank has a number after those of the graph's."""

    widths: list[float]
    ranks: list[list[int]]
    above: dict[int, list[int]] = field(default_factory=dict)
    below: dict[int, list[int]] = field(default_factory=dict)
    x: dict[int, float] = field(default_factory=dict)


def lay_out(sizes: Sequence[tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    """Place boxes of these widths and heights, for edges (from, to) without a cycle."""
    rank = ranks_of(len(sizes), edges)
    ranked, chains = _with_bends(sizes, edges, rank)
    for sweep in range(SWEEPS):
        _order(ranked, downward=sweep % 2 == 0)
    _place(ranked)
    _straighten(ranked, chains.values())
    heights = [max((sizes[n][1] for n in row if n < len(sizes)), default=0.0) for row in ranked.ranks]
    tops = [sum(heights[:k]) + RANK_GAP * k for k in range(len(heights))]
    left = min(ranked.x[n] - ranked.widths[n] / 2 for row in ranked.ranks for n in row)
    right = max(ranked.x[n] + ranked.widths[n] / 2 for row in ranked.ranks for n in row)
    centers = [(ranked.x[n] - left, tops[rank[n]] + heights[rank[n]] / 2) for n in range(len(sizes))]
    routes = {edge: _route(edge, chain, ranked, rank, centers, sizes, tops, heights, left)
              for edge, chain in chains.items()}  # fmt: skip
    return Layout(centers, routes, right - left, tops[-1] + heights[-1])


def ranks_of(count: int, edges: Sequence[Edge]) -> list[int]:
    """The length of the longest way to each node, except that what nothing else needs stands just above its user."""
    sources: list[list[int]] = [[] for _ in range(count)]
    users: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        sources[end].append(start)
        users[start].append(end)
    rank = [-1] * count
    waiting = [len(one) for one in sources]
    ready = [n for n in range(count) if not waiting[n]]
    done = 0
    while ready:
        node = ready.pop()
        done += 1
        rank[node] = max((rank[source] + 1 for source in sources[node]), default=0)
        for user in users[node]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    assert done == count, "a graph to be drawn has no cycles"
    _sink(rank, sources, users)
    return rank


def _sink(rank: list[int], sources: list[list[int]], users: list[list[int]]) -> None:
    """Move weights, and what is made of them alone, down to where it is used."""
    free: set[int] = set()
    upward = sorted(range(len(rank)), key=lambda node: -rank[node])
    for node in reversed(upward):
        if all(one in free and len(users[one]) == 1 for one in sources[node]):
            free.add(node)
    for node in upward:
        if node in free and users[node]:
            rank[node] = min(rank[user] for user in users[node]) - 1


def _with_bends(
    sizes: Sequence[tuple[float, float]], edges: Sequence[Edge], rank: list[int]
) -> tuple[_Ranked, dict[Edge, list[int]]]:
    widths = [width for width, _ in sizes]
    ranked = _Ranked(widths, [[] for _ in range(max(rank) + 1)])
    for node, row in enumerate(rank):
        ranked.ranks[row].append(node)
    chains: dict[Edge, list[int]] = {}
    for start, end in dict.fromkeys(edges):
        chain = []
        for row in range(rank[start] + 1, rank[end]):
            chain.append(len(widths))
            ranked.ranks[row].append(len(widths))
            widths.append(BEND)
        chains[start, end] = chain
        line = [start, *chain, end]
        for one, other in zip(line, line[1:], strict=False):
            ranked.below.setdefault(one, []).append(other)
            ranked.above.setdefault(other, []).append(one)
    return ranked, chains


def _order(ranked: _Ranked, downward: bool) -> None:
    """Sort each rank by the mean place of the neighbors in the rank before it."""
    neighbors = ranked.above if downward else ranked.below
    rows = ranked.ranks if downward else ranked.ranks[::-1]
    for before, row in zip(rows, rows[1:], strict=False):
        place = {node: k for k, node in enumerate(before)}
        own = {node: k for k, node in enumerate(row)}

        def center(node: int, place: dict[int, int] = place, own: dict[int, int] = own, row: list[int] = row) -> float:
            found = [place[one] for one in neighbors.get(node, ())]
            return sum(found) / len(found) if found else own[node] * len(place) / max(len(row), 1)

        row.sort(key=center)


def _place(ranked: _Ranked) -> None:
    """Move each node toward the mean of its neighbors, without changing the order."""
    for row in ranked.ranks:
        ranked.x.update(zip(row, _apart(row, [0.0] * len(row), ranked.widths), strict=True))
    for sweep in range(PLACING_SWEEPS):
        for row in ranked.ranks if sweep % 2 == 0 else ranked.ranks[::-1]:
            wanted = []
            for node in row:
                near = [ranked.x[one] for one in ranked.above.get(node, []) + ranked.below.get(node, [])]
                wanted.append(sum(near) / len(near) if near else ranked.x[node])
            ranked.x.update(zip(row, _apart(row, wanted, ranked.widths), strict=True))
    for row in ranked.ranks[1:]:
        near = ranked.above.get(row[0], [])
        if len(row) == len(near) == 1:
            ranked.x[row[0]] = ranked.x[near[0]]


def _straighten(ranked: _Ranked, chains: Iterable[list[int]]) -> None:
    """Let edges that pass several ranks pass them in one vertical line, where there is room for it."""
    neighbors: dict[int, list[int]] = {}
    for row in ranked.ranks:
        for k, node in enumerate(row):
            neighbors[node] = [*row[max(k - 1, 0) : k], *row[k + 1 : k + 2]]

    def fits(node: int, x: float) -> bool:
        return all(
            (x - ranked.x[one]) * (ranked.x[node] - ranked.x[one]) > 0
            and abs(x - ranked.x[one]) >= (ranked.widths[node] + ranked.widths[one] + GAP) / 2
            for one in neighbors[node]
        )

    for chain in chains:
        places = sorted(ranked.x[node] for node in chain)
        wanted = [places[len(places) // 2], *places[:1], *places[-1:]] if places else []
        best = next((x for x in wanted if all(fits(node, x) for node in chain)), None)
        if best is not None:
            ranked.x.update((node, best) for node in chain)


def _apart(row: list[int], wanted: list[float], widths: list[float]) -> list[float]:
    """Places near the wanted ones that do not overlap: the mean of pushing to the right and of pushing to the left."""
    space = [(widths[one] + widths[other]) / 2 + GAP for one, other in zip(row, row[1:], strict=False)]
    right, left = wanted[:1], wanted[-1:]
    for k, gap in enumerate(space):
        right.append(max(wanted[k + 1], right[-1] + gap))
        left.append(min(wanted[-k - 2], left[-1] - space[-k - 1]))
    return [(one + other) / 2 for one, other in zip(right, left[::-1], strict=True)]


def _route(
    edge: Edge,
    chain: list[int],
    ranked: _Ranked,
    rank: list[int],
    centers: list[Point],
    sizes: Sequence[tuple[float, float]],
    tops: list[float],
    heights: list[float],
    left: float,
) -> list[Point]:
    """From the lower edge of a box, straight through each rank on the way, to the upper edge of another box."""
    start, end = edge
    points = [(centers[start][0], centers[start][1] + sizes[start][1] / 2)]
    for row, node in enumerate(chain, rank[start] + 1):
        points += [(ranked.x[node] - left, tops[row]), (ranked.x[node] - left, tops[row] + heights[row])]
    return [*points, (centers[end][0], centers[end][1] - sizes[end][1] / 2)]
