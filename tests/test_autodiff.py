"""The gradient tape: what it watches, how often it can be asked, what it answers and what it refuses."""

from collections.abc import Callable

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor and Variable their operators)
from ebbflow.autodiff import GradientTape, grad, value_and_grad
from ebbflow.compile import Executable
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.tensor import Tensor, recorders, trace
from ebbflow.core.variable import Variable
from ebbflow.ops.elementwise import exp, log, maximum, sqrt, stop_gradient, tanh, where


def tensor(*numbers: float) -> Tensor:
    return Tensor(np.array(numbers if len(numbers) > 1 else numbers[0], "float64"))


def close(got: Tensor, wanted: object) -> None:
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-12)


# what is watched


def test_a_watched_tensor() -> None:
    """d(x^2)/dx = 2x"""
    x = tensor(3.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x
    close(tape.gradient(y, x), 6)


def test_an_unwatched_tensor_is_not_connected() -> None:
    x = tensor(3.0)
    with GradientTape() as tape:
        y = x * x
    assert tape.gradient(y, x) is None


def test_trainable_variables_are_watched_by_themselves_others_on_demand() -> None:
    weight, fixed, watched = Variable(2.0), Variable(3.0, trainable=False), Variable(4.0, trainable=False)
    with GradientTape() as tape:
        tape.watch(watched)
        y = weight * fixed * watched
    by_weight, by_fixed, by_watched = tape.gradient(y, [weight, fixed, watched])
    close(by_weight, 12)
    close(by_watched, 6)
    assert by_fixed is None


def test_variables_can_be_left_alone() -> None:
    one, other = Variable(2.0), Variable(3.0)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(one)
        y = one * other
    by_one, by_other = tape.gradient(y, [one, other])
    close(by_one, 3)
    assert by_other is None


def test_a_variable_is_read_before_and_after_an_assignment() -> None:
    """w, then w + 1: both readings count."""
    w = Variable(2.0)
    with GradientTape() as tape:
        first = w * 3.0
        w.assign(10.0)
        y = first + w * w
    close(tape.gradient(y, w), 3 + 20)


def test_what_happens_outside_is_not_recorded() -> None:
    x = tensor(3.0)
    tape = GradientTape()
    with tape:
        tape.watch(x)
        y = x * x
    z = y * 2.0
    assert tape.gradient(z, x) is None


def test_a_tape_can_be_continued() -> None:
    x = tensor(3.0)
    tape = GradientTape(persistent=True)
    with tape:
        tape.watch(x)
        y = x * x
    with tape:
        z = y * y
    close(tape.gradient(z, x), 4 * 27)


# what is answered


def test_a_used_value_gets_the_sum_of_its_uses() -> None:
    x = tensor(1.0, 2.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x + x * 3.0 + x[::-1]
    close(tape.gradient(y, x), 2 * x.numpy() + 3 + 1)


def test_broadcasting_is_summed_over() -> None:
    """Each of the three rows adds its part to the gradient of the one row."""
    row, column = tensor(1.0, 2.0), tensor(1.0, 2.0, 3.0).reshape(3, 1)
    with GradientTape() as tape:
        tape.watch([row, column])
        y = row * column
    by_row, by_column = tape.gradient(y, [row, column])
    close(by_row, [6, 6])
    close(by_column, [[3], [3], [3]])


def test_the_answer_has_the_structure_of_the_sources() -> None:
    x, w = tensor(2.0), Variable(3.0)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * w
    close(tape.gradient(y, x), 3)
    assert [g.numpy().item() for g in tape.gradient(y, [w, x])] == [2, 3]
    assert [g.numpy().item() for g in tape.gradient(y, (w,))] == [2]


def test_several_targets_are_added_and_weighted() -> None:
    x = tensor(1.0, 2.0)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x, x * 3.0
    close(tape.gradient([y, z], x), [2 + 3, 4 + 3])
    close(tape.gradient([y, z], x, output_gradients=[tensor(1.0, 10.0), tensor(0.0, 1.0)]), [2, 40 + 3])
    close(tape.gradient(y, x, output_gradients=tensor(1.0, 0.0)), [2, 0])


def test_the_target_is_itself_a_source() -> None:
    x = tensor(1.0, 2.0)
    with GradientTape() as tape:
        tape.watch(x)
    close(tape.gradient(x, x), [1, 1])


def test_unconnected_sources_give_none_or_zeros() -> None:
    x, other, w = tensor(2.0), tensor(1.0, 2.0), Variable(np.ones((2, 3)))
    with GradientTape(persistent=True) as tape:
        tape.watch([x, other])
        y = x * x
    assert tape.gradient(y, [other, w]) == [None, None]
    for zeros, shape in zip(tape.gradient(y, [other, w], unconnected_gradients="zero"), [(2,), (2, 3)], strict=True):
        assert zeros.shape == shape and not zeros.numpy().any()


def test_stop_gradient() -> None:
    """x stop(x): the second factor is a number."""
    x = tensor(3.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * stop_gradient(x) + stop_gradient(x * x)
    close(tape.gradient(y, x), 3)


def test_comparisons_and_integers_carry_no_gradient() -> None:
    x = tensor(-1.0, 2.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = where(x > 0.0, x * x, x * 5.0) * (x > 0.0).astype("float64") + x.astype("int32").astype("float64")
    close(tape.gradient(y, x), [0, 4])


def test_ties() -> None:
    """Equal maxima of one tensor share its gradient; between two tensors the first gets it."""
    x = tensor(2.0, 5.0, 5.0)
    close(grad(lambda x: x.max())(x), [0, 0.5, 0.5])
    by_first, by_second = grad(lambda x, y: maximum(x, y).sum(), (0, 1))(x, tensor(2.0, 6.0, 4.0))
    close(by_first, [1, 0, 1])
    close(by_second, [0, 1, 0])


def test_no_nan_leaks_through_a_branch_that_is_guarded() -> None:
    """The usual care with where: the unused branch is given an input without a singularity."""
    x = tensor(0.0, 4.0)

    def root(x: Tensor) -> Tensor:
        positive = x > 0.0
        return where(positive, sqrt(where(positive, x, x * 0.0 + 1.0)), x * 0.0).sum()

    close(grad(root)(x), [0, 0.25])


# again and again


def test_one_gradient_unless_persistent() -> None:
    x = tensor(3.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(ArgumentError, match="a tape gives one gradient; make it with persistent=True for more"):
        tape.gradient(y, x)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    close(tape.gradient(y, x), 6)
    close(tape.gradient(z, x), 4 * 27)


def test_nested_tapes_give_second_derivatives() -> None:
    """d2(x^3)/dx2 = 6x"""
    x = tensor(2.0)
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = x * x * x
        first = inner.gradient(y, x)
    close(first, 12)
    close(outer.gradient(first, x), 12)


def test_nested_tapes_on_a_variable() -> None:
    """The mixed derivative of w1^2 w2 is 2 w1."""
    w1, w2 = Variable(3.0), Variable(5.0)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = w1 * w1 * w2
        by_w1 = inner.gradient(y, w1)
    close(by_w1, 30)
    close(outer.gradient(by_w1, w2), 6)


def test_a_persistent_tape_records_its_own_gradients() -> None:
    x = tensor(2.0)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        first = tape.gradient(y, x)
    close(tape.gradient(first, x), 12)


DERIVATIVES: dict[str, list[Callable[[np.ndarray], np.ndarray]]] = {
    "exp": [np.exp, np.exp, np.exp, np.exp],
    "log": [np.log, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3],
    "tanh": [
        np.tanh,
        lambda x: 1 - np.tanh(x) ** 2,
        lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
        lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2),
    ],
}


@pytest.mark.parametrize(("function", "name"), [(exp, "exp"), (log, "log"), (tanh, "tanh")], ids=["exp", "log", "tanh"])
def test_grad_of_grad_of_grad(function: Callable[[Tensor], Tensor], name: str) -> None:
    """Interpreted, and as one compiled graph of the function and its derivatives."""
    x = np.linspace(0.3, 1.7, 19)
    chain = [function]
    for _ in range(3):
        chain.append(grad(lambda x, f=chain[-1]: f(x).sum()))
    graph = trace(lambda x: [f(x) for f in chain], [("x", Aval(x.shape, x.dtype))]).graph
    for f, compiled, wanted in zip(chain, Executable(graph)(x), DERIVATIVES[name], strict=True):
        np.testing.assert_allclose(f(Tensor(x)).numpy(), wanted(x), rtol=1e-12)
        np.testing.assert_allclose(compiled, wanted(x), rtol=1e-11)


def test_value_and_grad_of_chosen_arguments() -> None:
    value, (by_x, by_z) = value_and_grad(lambda x, y, z, power: (x * y * z**power).sum(), (0, 2))(
        tensor(1.0, 2.0), tensor(3.0, 4.0), tensor(5.0, 6.0), power=2
    )
    close(value, 75 + 288)
    close(by_x, [75, 144])
    close(by_z, [30, 96])
    close(grad(lambda x, y: (x * y).sum(), 1)(tensor(1.0, 2.0), tensor(3.0, 4.0)), [1, 2])


def test_grad_of_what_does_not_depend_is_zero() -> None:
    close(grad(lambda x: tensor(5.0))(tensor(1.0, 2.0)), [0, 0])


# what is refused


def test_grad_wants_one_number() -> None:
    with pytest.raises(ShapeError, match=r"grad: expected a function of one number, got float64\[2\]; sum or mean it"):
        grad(lambda x: x * x)(tensor(1.0, 2.0))


def test_a_target_of_integers_is_refused() -> None:
    x = tensor(1.0, 2.0)
    with GradientTape() as tape:
        tape.watch(x)
        y = x.astype("int32")
    with pytest.raises(ShapeError, match=r"gradient: expected a target of floats, got int32\[2\]"):
        tape.gradient(y, x)


def test_watch_wants_tensors() -> None:
    with GradientTape() as tape, pytest.raises(ArgumentError, match="expected a tensor or variable, got ndarray"):
        tape.watch(np.ones(3))


def test_output_gradients_fit_the_target() -> None:
    x = tensor(1.0, 2.0)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    with pytest.raises(ShapeError, match=r"output_gradients: expected shape \(2,\) of the target, got float64\[3\]"):
        tape.gradient(y, x, output_gradients=tensor(1.0, 2.0, 3.0))
    with pytest.raises(ArgumentError, match="unconnected_gradients: expected 'none' or 'zero', got 'nought'"):
        tape.gradient(y, x, unconnected_gradients="nought")


def test_an_error_inside_leaves_no_tape_behind() -> None:
    with pytest.raises(ZeroDivisionError), GradientTape():
        raise ZeroDivisionError
    assert recorders() == []
