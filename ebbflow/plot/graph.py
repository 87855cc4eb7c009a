"""The computation graph of a model or a function, as a picture."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..core.aval import Aval, dtype_name
from ..core.errors import ArgumentError
from ..core.graph import INPUT, Node
from ..core.primitive import Leaf, Primitive
from ..core.tensor import Tensor, as_tensor, trace
from ..functions.arguments import choose, expect, expect_integer
from ..layers.base import Layer
from ..layers.input import InputLayer
from ..training.model import Model
from .looking import watched
from .svg import Box, Drawing

LONGEST = 34  # characters of a line


def graph(what: Any, *inputs: Any, level: str | None = None, batch_size: int = 1) -> Drawing:
    """The computation graph as SVG: values flow from top to bottom along the arrows.

    On the level "layers" there is a box for each call of a layer of the model, with the shape of its output and its
    number of parameters; what the model computes between them, such as the sum of a residual connection, is drawn as
    operations. On the level "operations" there is one for each primitive operation that was traced, and for each weight
    that it reads; what is done to shapes of constants is left out.

    Parameters:
        what: a model that was built, or a function of tensors.
        inputs: arrays, tensors or variables for the arguments of the function; for a model that is not built, or whose
            inputs are whole numbers, its inputs.
        level: "layers" (of models, their default) or "operations".
        batch_size: of the shapes on the level of operations of a model.

    Returns a Drawing, which notebooks show, and which has `save(path)` and the text `svg`.
    Raises ArgumentError for what cannot be traced, and whatever the function raises.
    """
    is_model = isinstance(what, Model)
    if not is_model and not callable(what):
        raise ArgumentError(f"graph: expected a model or a function, got {type(what).__name__}")
    level = choose("graph", "level", level or ("layers" if is_model else "operations"), ("layers", "operations"))
    batch_size = expect_integer("graph", "batch_size", batch_size, 1)
    if isinstance(what, Model):
        avals, title = _model_inputs(what, inputs, batch_size if level == "operations" else 1), str(what)
        return _of_layers(what, avals, title) if level == "layers" else _of_operations(_calling(what), avals, title)
    if level == "layers":
        raise ArgumentError("graph: expected a model for level='layers', got a function; leave out level")
    return _of_operations(what, _labeled(what, inputs), getattr(what, "__name__", "function"))


# what is traced


def _model_inputs(model: Model, inputs: Sequence[Any], batch_size: int) -> list[tuple[str, Aval]]:
    if inputs and not model.built:
        rows = [as_tensor(x)[:1] for x in inputs]
        model(rows if len(rows) > 1 else rows[0], training=False)
    shapes = model.input_shape
    if not model.built or shapes is None:
        raise ArgumentError(
            f"graph: expected a model that is built, got {model}; call it on data, or write graph(model, x)"
        )
    several = shapes if isinstance(shapes, list) else [shapes]
    types = [as_tensor(x).dtype for x in inputs]
    types = [t if t.kind in "iu" else model.dtype for t in types] or [model.dtype] * len(several)
    expect(len(types) == len(several), "graph", "inputs", f"{len(several)} of them", len(types))
    names = ["input"] if len(several) == 1 else [f"input_{k}" for k in range(len(several))]
    return [
        (name, Aval((batch_size, *(1 if n is None else n for n in shape[1:])), dtype))
        for name, shape, dtype in zip(names, several, types, strict=True)
    ]


def _calling(model: Model) -> Callable[..., Any]:
    several = isinstance(model.input_shape, list)
    return lambda *xs: list(_tensors(model(list(xs) if several else xs[0], training=False)))


def _labeled(function: Callable[..., Any], inputs: Sequence[Any]) -> list[tuple[str, Aval]]:
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    names += [f"input_{k}" for k in range(len(names), len(inputs))]
    return [(name, as_tensor(x).aval) for name, x in zip(names, inputs, strict=False)]


def _tensors(structure: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts."""
    if isinstance(structure, (list, tuple, dict)):
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from _tensors(part)
    elif structure is not None:
        yield as_tensor(structure)


# boxes


class _Picture:
    """Boxes and arrows in the making."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.edges: list[tuple[int, int]] = []

    def add(self, box: Box, sources: Sequence[int] = ()) -> int:
        self.boxes.append(box)
        self.edges += [(source, len(self.boxes) - 1) for source in sources]
        return len(self.boxes) - 1


def _of_operations(function: Callable[..., Any], avals: list[tuple[str, Aval]], title: str) -> Drawing:
    traced = trace(function, avals)
    picture = _Picture()
    place: dict[Node, int] = {}
    arguments = traced.graph.inputs[: traced.arguments]
    for node in traced.graph.nodes:
        if node.primitive is INPUT:
            place[node] = picture.add(Box("input" if node in arguments else "weight", node.label, (str(node.aval),)))
        elif _constant_under(node) is not None:
            place[node] = picture.add(_constant_box(node))
        else:
            place[node] = picture.add(_operation_box(node, str(node.aval)), [place[source] for source in node.inputs])
    names = [f"output {k}" if traced.results > 1 else "output" for k in range(traced.results)]
    names += [f"new {variable.name}" for variable in traced.updated]
    for name, node in zip(names, traced.graph.outputs, strict=True):
        picture.add(Box("output", name, (str(node.aval),)), [place[node]])
    return _without_unused_constants(title, picture)


def _constant_under(node: Node) -> Node | None:
    """The constant that a node is, or is a mere repetition of."""
    while node.primitive.name in ("broadcast_to", "reshape") and len(node.inputs) == 1:
        node = node.inputs[0]
    return node if node.is_constant else None


def _constant_box(node: Node, with_shape: bool = True) -> Box:
    constant = _constant_under(node)
    assert constant is not None
    if constant.scalar is not None:
        return Box("constant", f"{constant.scalar:.6g}", (str(node.aval),) if node.aval.shape and with_shape else ())
    return Box("constant", "constant", (str(node.aval),))


def _operation_box(node: Node, shape: str) -> Box:
    given = ", ".join(f"{key}={_short(value)}" for key, value in node.params.items())
    return Box("operation", node.primitive.name, tuple(_cut(line) for line in (given, shape) if line))


def _short(value: Any) -> str:
    return str(value).replace(" ", "") if isinstance(value, tuple) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _without_unused_constants(title: str, picture: _Picture) -> Drawing:
    """The drawing, without constants that stood only under another box of the same constant."""
    used = {number for edge in picture.edges for number in edge}
    kept = [k for k, box in enumerate(picture.boxes) if box.kind != "constant" or k in used]
    number = {old: new for new, old in enumerate(kept)}
    edges = [(number[start], number[end]) for start, end in picture.edges]
    return Drawing(title, [picture.boxes[k] for k in kept], edges)


# layers

# Stands in the traced graph behind what a layer returned; params: layer, arguments (the nodes that it was given).
_RETURNED = Primitive("returned", lambda x, **_: x, lambda x, **_: x, (None,), Leaf(), lambda rng: ())


def _of_layers(model: Model, avals: list[tuple[str, Aval]], title: str) -> Drawing:
    layers = [layer for layer in model.layers if not isinstance(layer, InputLayer)]

    def note(layer: Layer, arguments: tuple[Any, ...], output: Any) -> Any:
        given = [one.node for one in _tensors(list(arguments)) if one.node is not None]
        return _marked(layer, given, output)

    with watched(layers, note):
        traced = trace(_calling(model), avals)
    arguments = traced.graph.inputs[: traced.arguments]
    return _draw_layers(arguments, traced.graph.outputs[: traced.results], title)


def _marked(layer: Layer, given: list[Node], output: Any) -> Any:
    """The same structure of tensors, each a new node that knows from which layer it is."""
    if isinstance(output, dict):
        return {key: _marked(layer, given, one) for key, one in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(_marked(layer, given, one) for one in output)
    tensor = as_tensor(output)
    if tensor.node is None:
        return tensor
    return Tensor(None, Node(_RETURNED, [tensor.node], {"layer": layer, "arguments": given}, tensor.aval))


def _draw_layers(arguments: Sequence[Node], outputs: Sequence[Node], title: str) -> Drawing:
    picture = _Picture()
    place: dict[Node, int] = {}
    calls: dict[tuple[int, ...], int] = {}  # several outputs of one call share its box
    for node in _above_layers(outputs):
        sources = [place[source] for source in _sources(node) if source in place]
        if node.primitive is _RETURNED:
            call = (id(node.params["layer"]), id(node.params["arguments"]))
            if call not in calls:
                calls[call] = picture.add(_layer_box(node.params["layer"], node.aval), sources)
            place[node] = calls[call]
        elif node.primitive is INPUT:
            kind = "input" if node in arguments else "weight"
            place[node] = picture.add(
                Box(kind, node.label, (_batch(node.aval) if kind == "input" else str(node.aval),))
            )
        elif _constant_under(node) is not None:
            place[node] = picture.add(_constant_box(node, with_shape=False))
        elif node.primitive.name in ("broadcast_to", "cast") and len(sources) == 1:
            place[node] = sources[0]
        else:
            place[node] = picture.add(_operation_box(node, _batch(node.aval)), sources)
    for k, node in enumerate(outputs):
        name = "output" if len(outputs) == 1 else f"output {k}"
        picture.add(Box("output", name, (_batch(node.aval),)), [place[node]])
    return _without_unused_constants(title, picture)


def _sources(node: Node) -> Sequence[Node]:
    return node.params["arguments"] if node.primitive is _RETURNED else node.inputs


def _above_layers(outputs: Sequence[Node]) -> list[Node]:
    """Every node that is not inside a layer, sources before users."""
    order: dict[Node, None] = {}
    opened: set[Node] = set()
    stack = list(outputs)[::-1]
    while stack:
        node = stack[-1]
        if node in order or node in opened:
            order[node] = None
            stack.pop()
        else:
            opened.add(node)
            stack += [source for source in list(_sources(node))[::-1] if source not in order]
    return list(order)


def _layer_box(layer: Layer, aval: Aval) -> Box:
    count = layer.count_params() if layer.weights else 0
    parameters = (f"{count:,} parameter{'s' if count != 1 else ''}",) if count else ()
    kind = type(layer).__name__
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    lines = [f"{kind}, {activation}" if activation != "linear" else kind, _batch(aval), *parameters]
    return Box("layer", layer.name, tuple(lines))


def _batch(aval: Aval) -> str:
    """The shape with `batch` for its first axis."""
    shape = ", ".join(["batch", *map(str, aval.shape[1:])]) if aval.shape else ""
    return f"{dtype_name(aval.dtype)} ({shape})"
