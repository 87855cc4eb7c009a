"""Tensors hold values or stand for them; variables can be assigned; each error says what to do."""

import threading

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor and Variable their operators)
from ebbflow.core.aval import Aval, floatx, set_floatx
from ebbflow.core.errors import ArgumentError, EbbflowError, ShapeError, TracedValueError
from ebbflow.core.graph import evaluate
from ebbflow.core.primitive import registry
from ebbflow.core.tensor import Tensor, as_tensor, current_trace, eagerly, trace
from ebbflow.core.variable import Variable
from ebbflow.ops.elementwise import add

VECTOR = [("x", Aval((3,), np.dtype("float32")))]


# values


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (1.5, "float32"),
        (2, "int32"),
        (True, "bool"),
        ([1.0, 2.0], "float32"),
        ([[1, 2], [3, 4]], "int32"),
        (np.array([1.0]), "float64"),
        (np.array([1], "int64"), "int64"),
        (np.array([1], "int16"), "int32"),
        (np.array([1], "uint16"), "int32"),
        (np.array([1], "uint64"), "int64"),
        (np.array([1.0], "float16"), "float32"),
        (np.float64(1.0), "float64"),
    ],
    ids=lambda value: repr(value).replace(" ", ""),
)
def test_element_types_of_what_becomes_a_tensor(given: object, dtype: str) -> None:
    """Arrays keep their type where tensors have it; Python's numbers take the default types."""
    tensor = as_tensor(given)
    assert tensor.dtype == dtype
    np.testing.assert_array_equal(tensor.numpy(), given)


@pytest.mark.parametrize("given", [["a"], [None], np.array([1j]), np.array(["2020-01-01"], "datetime64[D]")], ids=repr)
def test_what_is_no_number_is_refused(given: object) -> None:
    with pytest.raises(ShapeError, match="as_tensor: expected numbers, got an array of .*; encode it as numbers first"):
        as_tensor(given)


def test_tensors_and_variables_become_themselves() -> None:
    tensor, variable = as_tensor([1.0, 2.0]), Variable([3.0])
    assert as_tensor(tensor) is tensor and as_tensor(variable) is variable.value
    with pytest.raises(ShapeError, match="got a list of tensors; join them with ops.stack"):
        as_tensor([tensor, tensor])
    with pytest.raises(ShapeError, match=r"expected float64, got float32\[2\]; convert with ops.cast"):
        as_tensor(tensor, "float64")


def test_the_default_float_type() -> None:
    try:
        set_floatx("float64")
        assert floatx() == "float64" and as_tensor(1.5).dtype == "float64"
        with pytest.raises(ArgumentError, match="set_floatx: expected 'float32' or 'float64', got 'float16'"):
            set_floatx("float16")
    finally:
        set_floatx("float32")


def test_numbers_take_the_type_of_tensors() -> None:
    double, single, whole = as_tensor(np.ones(2)), as_tensor([1.0, 2.0]), as_tensor([1, 2])
    assert (single * 2.0).dtype == (2 * single).dtype == (single + whole).dtype == "float32"
    assert (double + single).dtype == (double * 2).dtype == "float64"
    assert (whole * 2).dtype == "int32" and (whole * 2.0).dtype == (whole / 2).dtype == "float32"


def test_shape_errors_name_the_operation_and_both_sides() -> None:
    with pytest.raises(ShapeError, match=r"add: expected inputs of one shape and type, got float32\[2\], float32\[3\]"):
        add(as_tensor([1.0, 2.0]), as_tensor([1.0, 2.0, 3.0]))
    with pytest.raises(ShapeError, match=r"\(2,\) and \(3,\) do not broadcast together"):
        as_tensor([1.0, 2.0]) + as_tensor([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match=r"matmul: the last axis of float32\[2\] does not fit float32\[3\]"):
        as_tensor([1.0, 2.0]) @ as_tensor([1.0, 2.0, 3.0])
    assert issubclass(ShapeError, EbbflowError) and issubclass(ShapeError, ValueError)


def test_eager_values_are_there_at_once() -> None:
    x = as_tensor([1.0, 2.0])
    assert float((x * x).sum()) == 5.0 and bool(x.sum() > 2.0) and not x.is_traced
    assert repr(x) == "Tensor([1. 2.], float32[2])"


# tracing


def test_a_traced_value_has_no_number_and_the_error_names_the_line() -> None:
    def function(x: Tensor) -> Tensor:
        if x.sum() > 0.0:  # the line that is named
            return x
        return -x

    line = function.__code__.co_firstlineno + 1
    with pytest.raises(TracedValueError) as caught:
        trace(function, VECTOR)
    assert str(caught.value) == (
        f"the value of a traced bool[] was asked for at test_tensor.py:{line}: it has none until the compiled program "
        "runs; write ebbflow.ops.where(condition, a, b) in place of `if`, ops such as maximum in place of Python "
        "functions, or compile the model with run_eagerly=True"
    )


@pytest.mark.parametrize("ask", [float, int, bool, Tensor.numpy, np.asarray, lambda x: x.item()])
def test_every_way_to_ask_for_a_traced_number_is_refused(ask: object) -> None:
    with pytest.raises(TracedValueError, match=r"test_tensor.py:\d+: it has none until"):
        trace(lambda x: ask(x.sum()), VECTOR)  # type: ignore[operator]


def test_a_tensor_kept_from_a_trace_that_has_ended_is_refused() -> None:
    kept: list[Tensor] = []
    trace(lambda x: kept.append(x), VECTOR)
    with pytest.raises(TracedValueError, match="add: got a tensor of a trace that has ended; return what the traced"):
        kept[0] + 1.0


def test_a_failed_trace_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        trace(lambda x: 1 // 0, VECTOR)
    assert current_trace() is None
    assert not (as_tensor([1.0]) + 1.0).is_traced


def test_what_depends_on_no_input_is_computed_while_tracing() -> None:
    """It becomes a constant; eagerly() does so for anything."""
    seen: list[np.ndarray] = []

    def function(x: Tensor) -> Tensor:
        table = as_tensor([1.0, 2.0, 3.0]) * 2.0
        seen.append(table.numpy())
        with eagerly():
            seen.append(Variable([1.0, 2.0, 4.0]).value.numpy())
        return x + table

    graph = trace(function, VECTOR).graph
    assert [str(node.primitive) for node in graph.nodes if node.inputs] == ["add"] and len(seen) == 2


def test_threads_trace_apart() -> None:
    """A trace in one thread does not see what another thread computes."""
    inside, results = threading.Event(), []

    def other() -> None:
        inside.wait(20)
        results.append((as_tensor([1.0]) + 1.0).is_traced)

    thread = threading.Thread(target=other)
    thread.start()

    def function(x: Tensor) -> Tensor:
        inside.set()
        thread.join(20)
        return x

    trace(function, VECTOR)
    assert results == [False]


# variables


def test_assigning_copies_and_checks() -> None:
    array = np.array([1.0, 2.0], "float32")
    v = Variable(array, name="v")
    array[0] = 9
    assert v.numpy().tolist() == [1, 2], "the initial array is copied"
    before = v.value
    v.assign([3, 4])
    assert v.numpy().tolist() == [3, 4] and before.numpy().tolist() == [1, 2], (
        "tensors that were read stay as they were"
    )
    assert v.assign_add(1.0).assign_sub(as_tensor([0.0, 5.0])).numpy().tolist() == [4, 0]
    with pytest.raises(ShapeError, match=r"Variable v: expected float32\[2\], got float32\[3\]"):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match=r"Variable v: expected float32\[2\], got int32\[2\]"):
        v.assign(as_tensor([1, 2]))


def test_a_variable_is_equal_to_itself_alone_and_its_value_to_numbers() -> None:
    """Variables are keys of dictionaries, so == of two of them does not compare values."""
    one, other = Variable(1.0), Variable(1.0)
    assert one == one and one != other and len({one, other}) == 2 and [other, one].index(one) == 1
    assert bool(one < 2.0) and bool(one == 1.0) and bool(one == 1.0) and not bool(one == 2.0) and bool(one != 2.0)
    pair = Variable([1.0, 3.0])
    for same in ([1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0]), as_tensor([1.0, 2.0])):
        assert (pair == same).numpy().tolist() == [True, False] and (pair != same).numpy().tolist() == [False, True]
    assert one != "1.0" and one not in (None, "1.0")


@pytest.mark.parametrize("make", [as_tensor, Variable])
def test_one_number_is_formatted_as_numbers_are(make: type) -> None:
    assert f"{make(0.12345):.3f} {make([7]):d}" == "0.123 7"
    assert f"{make([1.0, 2.0])}" == str(make([1.0, 2.0])) or make is Variable
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{make([1.0, 2.0]):.3f}"


def test_quotients_and_rests_are_those_of_numpy() -> None:
    whole = np.arange(-9, 10, dtype=np.int32)
    for divisor in (2, 4, -3):
        np.testing.assert_array_equal((as_tensor(whole) // divisor).numpy(), whole // divisor)
        np.testing.assert_array_equal((as_tensor(whole) % divisor).numpy(), whole % divisor)
    broken = whole[whole != 0] * 0.75
    np.testing.assert_array_equal((7.0 // as_tensor(broken)).numpy(), 7.0 // broken)
    np.testing.assert_array_equal((7.0 % as_tensor(broken)).numpy(), 7.0 % broken)
    big = np.array([2**53 - 1, -(2**53) + 1], np.int64)
    np.testing.assert_array_equal((as_tensor(big) // 3).numpy(), big // 3)
    assert (as_tensor([5, -5]) // 0).numpy().tolist() == (as_tensor([5, -5]) % 0).numpy().tolist() == [0, 0]


def test_rows_are_chosen_by_negative_positions_and_by_masks() -> None:
    table = np.arange(12.0).reshape(4, 3)
    x = as_tensor(table)
    for key in ([-1, 0, -4], np.array([[1], [-2]]), table[:, 0] > 2, table > 4, [True, False, False, True]):
        np.testing.assert_array_equal(x[key].numpy(), table[np.asarray(key)])
    positions = [("k", Aval((2,), np.dtype("int32")))]
    compiled_meaning = evaluate(trace(lambda k: x[k], positions).graph, [np.array([-1, 1], np.int32)])
    np.testing.assert_array_equal(compiled_meaning[0], table[[-1, 1]])
    with pytest.raises(ShapeError, match=r"expected a mask of the first axes of float64\[4,3\], got bool\[2\]"):
        x[[True, False]]
    with pytest.raises(
        ShapeError, match=r"how many elements a traced mask bool\[3\] chooses is not known .* ops.where"
    ):
        trace(lambda x: x[x > 0.0], VECTOR)


def test_a_function_makes_the_initial_value() -> None:
    assert Variable(lambda: np.arange(3.0), dtype="float32").numpy().tolist() == [0, 1, 2]


def test_every_primitive_says_its_name() -> None:
    assert all(str(primitive) == name for name, primitive in registry.items())
