"""The graph of a model or a function: all of it is drawn, nothing overlaps, and the text is well-formed."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError
from ebbflow.core.tensor import trace
from ebbflow.plot.layout import lay_out, ranks_of

SVG = "{http://www.w3.org/2000/svg}"


class Residual(ebb.Model):
    """y = outer(x + inner(x) / 2)"""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = ebb.layers.Dense(4, "relu", name="inner"), ebb.layers.Dense(1, name="outer")
        self.dropout = ebb.layers.Dropout(0.5, name="dropout")

    def call(self, inputs):
        return self.outer(inputs + 0.5 * self.dropout(self.inner(inputs)))


def arrows(drawing) -> set[tuple[str, str]]:
    return {(drawing.boxes[a].title, drawing.boxes[b].title) for a, b in drawing.edges}


def test_a_sequential_model_is_a_column_of_its_layers() -> None:
    layers = [ebb.layers.Dense(4, "relu", name="first"), ebb.layers.Dropout(0.5, name="drop"), ebb.layers.Dense(1)]
    drawing = plot.graph(ebb.Sequential([ebb.Input((3,)), *layers]))
    titles = ["input", "first", "drop", layers[2].name, "output"]
    assert [box.title for box in drawing.boxes] == titles
    assert arrows(drawing) == set(zip(titles, titles[1:], strict=False))
    assert drawing.boxes[1].lines == ("Dense, relu", "float32 (batch, 4)", "16 parameters")


def test_a_residual_connection_is_an_arrow_around_its_layers() -> None:
    drawing = plot.graph(Residual(), np.zeros((2, 4), np.float32))
    assert arrows(drawing) == {
        *(("input", "inner"), ("inner", "dropout"), ("dropout", "multiply"), ("0.5", "multiply")),
        *(("input", "add"), ("multiply", "add"), ("add", "outer"), ("outer", "output")),
    }


def test_a_layer_called_twice_has_two_boxes_and_the_model_stays() -> None:
    class Twice(ebb.Model):
        def __init__(self):
            super().__init__()
            self.shared, self.add = ebb.layers.Dense(2, name="shared"), ebb.layers.Add(name="sum")

        def call(self, inputs):
            return self.add([self.shared(inputs), self.shared(self.shared(inputs))])

    model = Twice()
    drawing = plot.graph(model, np.zeros((1, 2), np.float32))
    assert [box.title for box in drawing.boxes].count("shared") == 3
    assert arrows(drawing) >= {("shared", "shared"), ("shared", "sum"), ("sum", "output")}
    assert not any("call" in vars(layer) for layer in model.layers)
    assert model(np.zeros((1, 2), np.float32)).shape == (1, 2)


def test_a_model_of_two_inputs_is_drawn_with_both() -> None:
    class Meeting(ebb.Model):
        def __init__(self):
            super().__init__()
            self.left, self.sum = ebb.layers.Dense(2, name="left"), ebb.layers.Add(name="sum")

        def call(self, inputs):
            return self.sum([self.left(inputs[0]), inputs[1]])

    drawing = plot.graph(Meeting(), np.zeros((5, 3), np.float32), np.zeros((5, 2), np.float32))
    assert arrows(drawing) == {("input_0", "left"), ("left", "sum"), ("input_1", "sum"), ("sum", "output")}
    assert drawing.boxes[0].lines == ("float32 (batch, 3)",)


def test_every_operation_of_the_traced_graph_is_drawn() -> None:
    model = Residual()
    model(np.zeros((1, 4), np.float32))
    traced = trace(lambda x: model(x, training=False), [("input", Aval((8, 4), np.dtype("float32")))])
    computed = [node for node in traced.graph.nodes if node.inputs and not all(s.is_constant for s in node.inputs)]
    drawing = plot.graph(model, level="operations", batch_size=8)
    drawn = sorted(box.title for box in drawing.boxes if box.kind == "operation")
    assert drawn == sorted(node.primitive.name for node in computed)
    weights = {box.title for box in drawing.boxes if box.kind == "weight"}
    assert weights == {weight.name for weight in model.weights}


def test_a_function_is_drawn_with_the_names_of_its_arguments() -> None:
    drawing = plot.graph(lambda x, w: ebb.ops.tanh(x @ w), np.zeros((2, 3)), ebb.Variable(np.zeros((3, 1)), name="w"))
    assert arrows(drawing) == {("x", "contract"), ("w", "contract"), ("contract", "tanh"), ("tanh", "output")}


def test_a_gradient_and_an_update_can_be_drawn() -> None:
    weight = ebb.Variable(np.ones(3), name="weight")

    def step(x):
        with ebb.GradientTape() as tape:
            loss = ((x * weight) ** 2).sum()
        weight.assign_sub(tape.gradient(loss, weight))
        return loss

    titles = [box.title for box in plot.graph(step, np.ones(3)).boxes]
    assert {"x", "weight", "output", "new weight"} <= set(titles)
    np.testing.assert_array_equal(weight.numpy(), np.ones(3))


@pytest.mark.parametrize("level", ["layers", "operations"])
def test_the_text_is_xml_that_holds_every_box_and_arrow(level: str, tmp_path) -> None:
    names = ['<a> & "b"', "c'd\x07"]
    model = ebb.Sequential([ebb.Input((3,)), *(ebb.layers.Dense(2, "tanh", name=name) for name in names)], name="<&>")
    drawing = plot.graph(model, level=level)
    drawing.save(tmp_path / "graph.svg")
    root = ElementTree.fromstring((tmp_path / "graph.svg").read_bytes())
    assert drawing._repr_svg_() == str(drawing) == (tmp_path / "graph.svg").read_text(encoding="utf-8")
    groups = root.findall(f"{SVG}g")
    shown = [[text.text for text in group.findall(f"{SVG}text")] for group in groups]
    assert shown == [[line.replace("\x07", " ") for line in (box.title, *box.lines)] for box in drawing.boxes]
    assert len([path for path in root.findall(f"{SVG}path") if path.get("class") == "edge"]) == len({*drawing.edges})
    width, height = float(root.get("width")), float(root.get("height"))
    for group in groups:
        box = {
            key: float(value) for key, value in group.find(f"{SVG}rect").items() if key in ("x", "y", "width", "height")
        }
        assert -16 <= box["x"] <= box["x"] + box["width"] <= width
        assert -16 <= box["y"] <= box["y"] + box["height"] <= height


@st.composite
def graphs(draw):
    """Sizes of boxes, and edges from lower to higher numbers."""
    count = draw(st.integers(1, 14))
    sizes = draw(st.lists(st.tuples(st.integers(10, 200), st.integers(10, 80)), min_size=count, max_size=count))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    return sizes, draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []


@settings(max_examples=60)
@given(graphs())
def test_boxes_do_not_overlap_and_arrows_go_down(graph) -> None:
    sizes, edges = graph
    layout, rank = lay_out(sizes, edges), ranks_of(len(sizes), edges)
    for a, b in edges:
        assert rank[a] < rank[b]
        heights = [y for _, y in layout.routes[a, b]]
        assert heights == sorted(heights)
    for a in range(len(sizes)):
        x, y = layout.centers[a]
        assert sizes[a][0] / 2 <= x + 1e-6 and x <= layout.width - sizes[a][0] / 2 + 1e-6
        assert sizes[a][1] / 2 <= y + 1e-6 and y <= layout.height - sizes[a][1] / 2 + 1e-6
        for b in range(a):
            apart = [
                abs(p - q) - (s + t) / 2
                for p, q, s, t in zip(layout.centers[b], (x, y), sizes[b], sizes[a], strict=True)
            ]
            assert max(apart) > 0


def test_weights_stand_just_above_their_use() -> None:
    """0 -> 1 -> 2 -> 3 with 4 -> 5 -> 3, where 4 could stand at the top."""
    assert ranks_of(6, [(0, 1), (1, 2), (2, 3), (4, 5), (5, 3)]) == [0, 1, 2, 3, 1, 2]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.graph(3), "a model or a function, got int"),
        (lambda: plot.graph(ebb.Sequential([ebb.layers.Dense(1)])), "a model that is built"),
        (lambda: plot.graph(ebb.ops.tanh, 1.0, level="layers"), "a model for level='layers'"),
        (lambda: plot.graph(ebb.ops.tanh, 1.0, level="layer"), "did you mean 'layers'"),
    ],
)
def test_a_bad_argument_is_named(draw, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        draw()
