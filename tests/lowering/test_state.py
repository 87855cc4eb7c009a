"""Variables are updated in place, and yet every read sees the value that Python's order of statements gives it."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import ebbflow.operators  # noqa: F401  (gives Tensor and Variable their operators)
from ebbflow.compile import Step, compile_program, new_table, view
from ebbflow.core.tensor import Traced, trace
from ebbflow.core.variable import Variable
from ebbflow.ops import elementwise, movement

TURNS = 3


def variables_of(*shapes: tuple[int, ...]) -> list[Variable]:
    """Variables of whole numbers, the first element of each another one."""
    rng = np.random.default_rng(1)
    arrays = [rng.integers(-2, 3, shape).astype("float64") for shape in shapes]
    for k, array in enumerate(arrays):
        array.flat[0] = k
    return [Variable(array, name=f"v{k}") for k, array in enumerate(arrays)]


def traced(update: Callable[[], object]) -> Traced:
    """The update as a graph without results of its own."""

    def function() -> None:
        update()

    return trace(function, [])


def compiled(update: Callable[[], object], variables: Sequence[Variable]) -> list[np.ndarray]:
    """What TURNS runs of the compiled update make of the variables, which themselves stay as they are."""
    program = compile_program({"update": Step(traced(update))}, variables)
    arena, table = program.new_arena(), new_table(0)
    for variable, buffer in program.variables.items():
        buffer.layout.pack(variable.numpy(), view(arena, buffer))
    for _ in range(TURNS):
        program.function("update")(arena.ctypes.data, table.ctypes.data, 0, 1)
    return [
        program.variables[v].layout.unpack(view(arena, program.variables[v])) if v in program.variables else v.numpy()
        for v in variables
    ]


def same_as_eager(update: Callable[[], object], variables: Sequence[Variable]) -> None:
    got = compiled(update, variables)
    for _ in range(TURNS):
        update()
    for variable, array in zip(variables, got, strict=True):
        np.testing.assert_array_equal(array, variable.numpy(), err_msg=variable.name, strict=True)


SHAPES = pytest.mark.parametrize("shape", [(), (1,), (17,), (16, 16), (5, 33)], ids=str)


@SHAPES
def test_two_variables_are_swapped(shape: tuple[int, ...]) -> None:
    a, b = variables_of(shape, shape)

    def swap() -> None:
        old = a.value
        a.assign(b)
        b.assign(old)

    same_as_eager(swap, [a, b])


@SHAPES
def test_a_ring_of_variables_is_turned(shape: tuple[int, ...]) -> None:
    ring = variables_of(*[shape] * 4)

    def turn() -> None:
        values = [v.value for v in ring]
        for v, value in zip(ring, values[1:] + values[:1], strict=True):
            v.assign(value)

    same_as_eager(turn, ring)


@SHAPES
def test_the_old_value_is_read_elsewhere(shape: tuple[int, ...]) -> None:
    """x' = x + 1, y' = 2 x: y must not see x'."""
    x, y = variables_of(shape, shape)

    def update() -> None:
        old = x.value
        x.assign(old + 1.0)
        y.assign(old * 2.0)

    same_as_eager(update, [x, y])


@SHAPES
def test_the_new_value_is_read_elsewhere(shape: tuple[int, ...]) -> None:
    """x' = x + 1, y' = 2 x': an assignment is seen by what follows it."""
    x, y = variables_of(shape, shape)

    def update() -> None:
        x.assign_add(1.0)
        y.assign(x * 2.0)
        x.assign_sub(y)

    same_as_eager(update, [x, y])


@SHAPES
def test_one_value_is_given_to_two_variables(shape: tuple[int, ...]) -> None:
    x, y = variables_of(shape, shape)

    def update() -> None:
        total = x + y
        x.assign(total)
        y.assign(total)

    same_as_eager(update, [x, y])


@pytest.mark.parametrize("n", [1, 5, 16, 33])
def test_a_matrix_becomes_its_transpose(n: int) -> None:
    """Every element is read at a place that the same kernel overwrites: the update waits."""
    (w,) = variables_of((n, n))
    same_as_eager(lambda: w.assign(w.T), [w])
    same_as_eager(lambda: w.assign(w.T + w), [w])


@pytest.mark.parametrize("n", [3, 16, 33])
def test_a_matrix_is_multiplied_by_its_transpose(n: int) -> None:
    w, v = variables_of((n, n), (n, 1))
    same_as_eager(lambda: w.assign(elementwise.sign(w.T @ w - 1.0)), [w])
    same_as_eager(lambda: (w.assign(elementwise.sign(w @ w + v)), v.assign(elementwise.sign(w @ v))), [w, v])


def test_a_row_is_reversed_shifted_and_normalized() -> None:
    x, y = variables_of((37,), (4, 37))
    same_as_eager(lambda: x.assign(movement.reverse(x.value, [0])), [x])
    same_as_eager(lambda: x.assign(movement.concatenate([x[1:], x[:1]])), [x])
    same_as_eager(lambda: x.assign(x - x.sum()), [x])
    same_as_eager(lambda: y.assign(y - y.max(axis=1, keepdims=True) + x), [y, x])


def test_a_constant_is_assigned() -> None:
    x, y = variables_of((17,), ())
    same_as_eager(lambda: (x.assign(np.arange(17.0)), y.assign(3.0)), [x, y])


def test_several_steps_share_variables_of_one_layout() -> None:
    """Two functions of one program, run in turn, see what the other left."""
    w, v = variables_of((5, 33), (33, 5))
    steps = {
        "widen": lambda: w.assign(elementwise.sign(w + v.T)),
        "turn": lambda: v.assign(elementwise.sign(v @ w @ v)),
    }
    program = compile_program({name: Step(traced(step)) for name, step in steps.items()}, [w, v])
    arena, table = program.new_arena(), new_table(0)
    for variable, buffer in program.variables.items():
        buffer.layout.pack(variable.numpy(), view(arena, buffer))
    for name in ("widen", "turn", "turn", "widen"):
        program.function(name)(arena.ctypes.data, table.ctypes.data, 0, 1)
        steps[name]()
    for variable, buffer in program.variables.items():
        np.testing.assert_array_equal(buffer.layout.unpack(view(arena, buffer)), variable.numpy(), strict=True)


UPDATES = {
    "b": lambda a, b: b,
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "2 a + 1": lambda a, b: a * 2.0 + 1.0,
    "b transposed": lambda a, b: b.T,
    "a + b transposed": lambda a, b: a + b.T,
    "a @ b": lambda a, b: a @ b if a.ndim else a * b,
    "b @ a transposed": lambda a, b: b @ a.T if a.ndim else a * b,
    "a - row sums of b": lambda a, b: a - b.sum(axis=-1, keepdims=True) if a.ndim else a,
    "a + the maximum of b": lambda a, b: a + b.max(),
    "b reversed": lambda a, b: movement.reverse(b, [0]) if a.ndim else b,
}


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.sampled_from(list(UPDATES)), st.booleans()
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
    st.sampled_from([1, 2, 16, 19]),
)
def test_any_sequence_of_updates(statements: list[tuple[int, int, int, str, bool]], scalars: bool, n: int) -> None:
    """Statements on three variables, whose operands are values from before all of them or the newest."""
    variables = variables_of(*[() if scalars else (n, n)] * 3)
    for target, a, b, name, newest in statements:
        note(f"v{target}: {name} for a = old v{a}, b = {'new' if newest else 'old'} v{b}")

    def update() -> None:
        before = [v.value for v in variables]
        for target, a, b, name, newest in statements:
            new = UPDATES[name](before[a], variables[b].value if newest else before[b])
            variables[target].assign(elementwise.maximum(elementwise.minimum(new, new * 0.0 + 9.0), new * 0.0 - 9.0))

    same_as_eager(update, variables)
