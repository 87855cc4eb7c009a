"""The loop language: what its verifier refuses, how it prints, and how its builder saves work."""

import pytest

from ebbflow.lowering.arithmetic import Arithmetic
from ebbflow.lowering.index import LANES
from ebbflow.lowering.loops import INDEX, For, Kernel, Value, print_kernel, verify_kernel, walk


def running_sum(count: int) -> tuple[Arithmetic, list[Value]]:
    """sum = 0; for i in 0..count: sum = sum + x[i]"""
    b = Arithmetic(1)
    x = b.parameter("x")
    zero = b.constant(0, "float32")
    total = b.loop(0, count, 1, lambda i, s: [b.add(s, b.load(b.at(x, "float32", i), "float32"))], [zero])
    b.store(total[0], x)
    return b, total


def loop_of(kernel: Kernel) -> For:
    return next(statement for _, statement in walk(kernel.body) if isinstance(statement, For))


def test_a_sum_as_text() -> None:
    b, _ = running_sum(5)
    assert print_kernel(verify_kernel(b.finish("total"))) == (
        "kernel total(x: pointer):\n"
        "    for i1 in 0..5 step 1 carrying c2=0.0:\n"
        "        v3: pointer = at(x, i1) float32\n"
        "        v4: float32 = load(v3)\n"
        "        v5: float32 = add(c2, v4)\n"
        "        yield v5\n"
        "    r6 = carried\n"
        "    store(r6, x)\n"
    )


def test_loops_of_one_turn_or_none_are_not_written() -> None:
    for count in (0, 1):
        b, _ = running_sum(count)
        assert "for " not in print_kernel(b.finish("total"))


def test_a_value_is_used_before_it_is_defined() -> None:
    b, _ = running_sum(5)
    kernel = b.finish("total")
    kernel.body.reverse()
    with pytest.raises(AssertionError, match="total: r6 is used before it is defined"):
        verify_kernel(kernel)


def test_a_value_of_a_loop_is_used_behind_it() -> None:
    b, _ = running_sum(5)
    inside = loop_of(b.finish("total")).body[-1].result
    b.store(inside, b.parameters[0])
    with pytest.raises(AssertionError, match="v5 is used before it is defined"):
        verify_kernel(b.finish("total"))


def test_a_stranger_is_used_or_yielded() -> None:
    stranger = Value("stranger", ("float32", 1), 0)
    b, _ = running_sum(5)
    b.store(stranger, b.parameters[0])
    with pytest.raises(AssertionError, match="stranger is used before it is defined"):
        verify_kernel(b.finish("total"))
    b, _ = running_sum(5)
    kernel = b.finish("total")
    loop_of(kernel).yielded = [stranger]
    with pytest.raises(AssertionError, match="stranger is yielded, not known"):
        verify_kernel(kernel)


def test_a_value_is_defined_twice() -> None:
    b, _ = running_sum(5)
    kernel = b.finish("total")
    body = loop_of(kernel).body
    body.append(body[0])
    with pytest.raises(AssertionError, match="v3 is defined twice"):
        verify_kernel(kernel)


def test_a_loop_yields_what_it_carries() -> None:
    b = Arithmetic(1)
    with pytest.raises(AssertionError, match="a loop yields what it carries"):
        b.loop(0, 9, 1, lambda i, s: [b.constant(0, "float64")], [b.constant(0, "float32")])


def test_types_must_agree() -> None:
    b = Arithmetic()
    with pytest.raises(AssertionError, match="add of"):
        b.add(b.constant(1, "float32"), b.constant(1, "float64"))
    with pytest.raises(AssertionError, match="compare"):
        b.compare("lt", b.constant(1, "float32"), b.constant(1, "int32"))


def test_an_operation_is_written_once_per_scope() -> None:
    b = Arithmetic()
    x = b.load(b.parameter("x"), "float32", LANES)
    assert b.mul(x, x) is b.mul(x, x)
    assert b.add(x, b.constant(1, "float32")) is b.add(x, b.constant(1.0, "float32"))
    assert b.add(x, b.constant(1, "float32")) is not b.add(x, b.constant(2, "float32"))


def test_zero_and_minus_zero_are_two_numbers() -> None:
    b = Arithmetic()
    x = b.load(b.parameter("x"), "float32", LANES)
    assert b.add(x, b.constant(0.0, "float32")) is not b.add(x, b.constant(-0.0, "float32"))


def test_what_is_written_in_a_branch_is_not_known_behind_it() -> None:
    b = Arithmetic()
    x = b.load(b.parameter("x"), "float32", LANES)
    inside: list[Value] = []
    b.when(b.compare_index("lt", b.parameter("n", INDEX), 3), lambda: inside.append(b.mul(x, x)))
    behind = b.mul(x, x)
    assert behind is not inside[0] and behind is b.mul(x, x)


def test_kernels_are_equal_if_they_do_the_same() -> None:
    one, same, other = (running_sum(count)[0].finish(name) for name, count in (("one", 5), ("same", 5), ("other", 6)))
    assert one == same and hash(one) == hash(same) and one != other


def test_addresses_are_computed_in_the_outermost_loop_that_can() -> None:
    """Twice the outer variable is computed in the outer loop, though only the inner one uses it."""
    b = Arithmetic(1)
    x = b.parameter("x")

    def inner(i: Value, j: Value) -> None:
        b.store(b.constant(0, "float32"), b.at(x, "float32", b.iadd(b.imul(i, 2), j)))

    b.loop(0, 4, 1, lambda i: b.loop(0, 4, 1, lambda j: inner(i, j)) and None)
    kernel = verify_kernel(b.finish("corner"))
    depths = {statement.name: depth for depth, statement in walk(kernel.body) if not isinstance(statement, For)}
    assert (depths["imul"], depths["iadd"], depths["store"]) == (1, 2, 2)


def test_integers_known_to_python_are_folded() -> None:
    b = Arithmetic(1)
    n = b.parameter("n", INDEX)
    assert (b.iadd(2, 3), b.imul(2, 3), b.imin(2, 3), b.imax(2, 3), b.idiv(7, 2), b.irem(7, 2)) == (5, 6, 2, 3, 3, 1)
    assert b.iadd(n, 0) is n and b.imul(n, 1) is n and b.imul(n, 0) == 0 and b.idiv(n, 1) is n
    assert b.iadd(0, n) is n and b.isub(n, 0) is n and b.imul(1, n) is n and b.irem(n, 1) == 0
