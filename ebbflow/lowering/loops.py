"""The loop language: what a kernel is before it is LLVM IR.

    kernel    := name(parameters) body
    body      := statement*
    statement := value = operation(values, attributes)
               | for variable in low..high step n [carrying values] body [yield values]
               | if condition body

Values have an element type and a number of lanes (1 or 16). Pointers are values; memory is touched by `load`, `store`
and `prefetch` alone. Integer arithmetic on addresses is written in the outermost loop that knows its operands, since no
pass of LLVM will move it there.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

from .index import LANE, Clamp, Index, Quotient, Variable, flatten, reindex

INDEX, POINTER = "index", "pointer"
Type = tuple[str, int]


class Value:
    """The result of one operation, a parameter, or a loop's variable."""

    __slots__ = ("depth", "name", "type")

    def __init__(self, name: str, type_: Type, depth: int):
        self.name, self.type, self.depth = name, type_, depth

    @property
    def dtype(self) -> str:
        return self.type[0]

    @property
    def lanes(self) -> int:
        return self.type[1]

    def __repr__(self) -> str:
        return self.name


class Constant(Value):
    """A number known to the compiler, the same in all lanes; two that read the same are equal, so 0 is not -0."""

    __slots__ = ("number",)

    def __init__(self, number: Any, type_: Type):
        super().__init__(repr(number), type_, 0)
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.name == other.name and self.type == other.type

    def __hash__(self) -> int:
        return hash((self.name, self.type))


class Operation:
    __slots__ = ("attributes", "name", "operands", "result")

    def __init__(self, name: str, operands: tuple[Any, ...], attributes: Any, result: Value | None):
        self.name, self.operands, self.attributes, self.result = name, operands, attributes, result


class For:
    """A counted loop; its body sees `carried`, set to `initial` first and to `yielded` after each turn."""

    __slots__ = ("body", "carried", "high", "initial", "low", "results", "step", "variable", "yielded")

    def __init__(self, variable: Value, low: Any, high: Any, step: int, initial: Sequence[Value], carried: list[Value]):
        self.variable, self.low, self.high, self.step = variable, low, high, step
        self.initial, self.carried, self.body = list(initial), carried, Body()
        self.yielded: list[Value] = []
        self.results: list[Value] = []


class If:
    __slots__ = ("body", "condition")

    def __init__(self, condition: Value):
        self.condition, self.body = condition, Body()


class Body(list):
    """Statements in order."""


class Kernel:
    """A function of pointers (and of index values) that returns nothing.

    Two kernels are equal if they do the same, whatever their names.
    """

    def __init__(self, name: str, parameters: list[Value], body: Body):
        self.name, self.parameters, self.body = name, parameters, body

    @cached_property
    def statements(self) -> list[Any]:
        """All of its statements, those of loops and branches behind their heads."""
        return [statement for _, statement in walk(self.body)]

    @cached_property
    def text(self) -> str:
        """The kernel without its name, one statement a line."""
        return _print(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kernel) and (self is other or self.text == other.text)

    def __hash__(self) -> int:
        return hash((len(self.parameters), len(self.statements)))

    def __str__(self) -> str:
        return print_kernel(self)


FOLDED: dict[str, Callable[[int, int], int]] = {
    "iadd": operator.add,
    "isub": operator.sub,
    "imul": operator.mul,
    "imin": min,
    "imax": max,
}


class Builder:
    """Writes the loop language; the methods that lowering rules may call are those of `Arithmetic` in arithmetic.py."""

    def __init__(self) -> None:
        self.parameters: list[Value] = []
        self._scopes: list[Body] = [Body()]
        self._known: dict[Any, Value] = {}  # what was written in the scopes that are open
        self._keys: list[list[Any]] = [[]]  # for each of them, where it stands in `_known`
        self._count = 0
        self.depth = 0  # of the innermost open scope

    # writing
    def _fresh(self, type_: Type, depth: int, stem: str = "v") -> Value:
        self._count += 1
        return Value(f"{stem}{self._count}", type_, depth)

    def parameter(self, name: str, dtype: str = POINTER) -> Value:
        value = Value(name, (dtype, 1), 0)
        self.parameters.append(value)
        return value

    def op(self, name: str, type_: Type, *operands: Any, attributes: Any = None) -> Value:
        """A pure operation, written once per scope however often it is asked for."""
        key = name, type_, operands, attributes
        known, at = self._known.get(key), self.depth
        if known is not None and known.depth <= at:
            return known
        if type_[0] == INDEX:
            at = max((o.depth for o in operands if isinstance(o, Value)), default=0)
        self._count += 1
        result = self._known[key] = Value(f"v{self._count}", type_, at)
        self._scopes[at].append(Operation(name, operands, attributes, result))
        self._keys[at].append(key)
        return result

    def effect(self, name: str, *operands: Any, attributes: Any = None, type_: Type | None = None) -> Value | None:
        """An operation that touches memory, written where it stands."""
        result = self._fresh(type_, self.depth) if type_ else None
        self._scopes[-1].append(Operation(name, operands, attributes, result))
        return result

    @contextmanager
    def _scope(self, body: Body) -> Iterator[None]:
        self._scopes.append(body)
        self._keys.append([])
        self.depth += 1
        yield
        for key in self._keys.pop():
            if self._known[key].depth == self.depth:
                del self._known[key]
        self._scopes.pop()
        self.depth -= 1

    @contextmanager
    def outermost(self) -> Iterator[None]:
        """What is written within comes before all loops that are open now."""
        scopes, depth = self._scopes, self.depth
        self._scopes, self.depth = scopes[:1], 0
        yield
        self._scopes, self.depth = scopes, depth

    def loop(
        self,
        low: Any,
        high: Any,
        step: int,
        body: Callable[..., Sequence[Value] | None],
        carry: Sequence[Value] = (),
        name: str = "i",
    ) -> list[Value]:
        """for name in low..high step: carried = body(variable, *carried); returns what was carried last."""
        if isinstance(low, int) and isinstance(high, int):
            if low >= high:
                return list(carry)
            if low + step >= high:
                return list(body(low, *carry) or [])
        inside = self.depth + 1
        variable = self._fresh((INDEX, 1), inside, name)
        carried = [self._fresh(value.type, inside, "c") for value in carry]
        loop = For(variable, low, high, step, carry, carried)
        with self._scope(loop.body):
            loop.yielded = list(body(variable, *carried) or [])
        assert [v.type for v in loop.yielded] == [v.type for v in carried], "a loop yields what it carries"
        loop.results = [self._fresh(value.type, self.depth, "r") for value in carry]
        self._scopes[-1].append(loop)
        return loop.results

    def when(self, condition: Value, body: Callable[[], None]) -> None:
        """if condition: body()"""
        branch = If(condition)
        with self._scope(branch.body):
            body()
        self._scopes[-1].append(branch)

    def finish(self, name: str) -> Kernel:
        assert self.depth == 0
        return Kernel(name, self.parameters, self._scopes[0])

    # integers: Python's are folded, the machine's are written
    def _integer(self, name: str, a: Any, b: Any) -> Any:
        if isinstance(a, int) and isinstance(b, int):
            return FOLDED[name](a, b)
        return self.op(name, (INDEX, 1), a, b)

    def iadd(self, a: Any, b: Any) -> Any:
        if isinstance(a, int) and a == 0:
            return b
        return a if isinstance(b, int) and b == 0 else self._integer("iadd", a, b)

    def isub(self, a: Any, b: Any) -> Any:
        return a if isinstance(b, int) and b == 0 else self._integer("isub", a, b)

    def imul(self, a: Any, b: Any) -> Any:
        if isinstance(a, int) and not isinstance(b, int):
            a, b = b, a
        if isinstance(b, int) and b in (0, 1):
            return a if b else 0
        return self._integer("imul", a, b)

    def idiv(self, a: Any, b: int) -> Any:
        if isinstance(a, int):
            return a // b
        return a if b == 1 else self.op("idiv", (INDEX, 1), a, b)

    def irem(self, a: Any, b: int) -> Any:
        if isinstance(a, int):
            return a % b
        return 0 if b == 1 else self.op("irem", (INDEX, 1), a, b)

    def imin(self, a: Any, b: Any) -> Any:
        return self._integer("imin", a, b)

    def imax(self, a: Any, b: Any) -> Any:
        return self._integer("imax", a, b)

    def position(self, index: Index) -> Any:
        """The value of an index that does not depend on the lane: a Python int or an index value."""
        total: Any = 0
        terms = [(self._variable(v), c) for v, c in index.terms.items()]
        for value, coefficient in sorted(terms, key=lambda t: t[0].depth if isinstance(t[0], Value) else 0):
            total = self.iadd(total, self.imul(value, coefficient))
        return self.iadd(total, index.constant)

    def _variable(self, variable: Variable) -> Any:
        if isinstance(variable, Quotient):
            inner = self.position(variable.index)
            return self.irem(inner, variable.divisor) if variable.remainder else self.idiv(inner, variable.divisor)
        if isinstance(variable, Clamp):
            return self.imin(self.imax(self.position(variable.index), 0), variable.size - 1)
        assert variable is not LANE and variable.value is not None, f"{variable} has no value here"
        return variable.value

    # memory
    def at(self, pointer: Value, dtype: str, offset: Any) -> Value:
        """The address of element `offset` after a pointer."""
        if isinstance(offset, int) and offset == 0:
            return pointer
        return self.op("at", (POINTER, 1), pointer, offset, attributes=dtype)

    def load(self, pointer: Value, dtype: str, lanes: int = 1, aligned: bool = True) -> Value:
        """The element, or the 16 elements, at a pointer; aligned: a vector starts at a multiple of its size."""
        value = self.effect("load", pointer, attributes=None if aligned else "unaligned", type_=(dtype, lanes))
        assert value is not None
        return value

    def store(self, value: Value, pointer: Value, aligned: bool = True) -> None:
        self.effect("store", value, pointer, attributes=None if aligned else "unaligned")

    def prefetch(self, pointer: Value) -> None:
        """Bring what is there nearer, without waiting for it."""
        self.effect("prefetch", pointer)

    # what rules of primitives use of positions
    def index(self, constant: int) -> Index:
        return Index({}, constant)

    def reindex(self, index: Any, shape: Any, target: Any) -> Any:
        return reindex(index, shape, target)

    def flat_index(self, index: Any, shape: Any) -> Index:
        return flatten(index, shape)

    def clamp_index(self, index: Index, size: int) -> Index:
        return index.clamped(max(size, 1))


def walk(body: Body, depth: int = 0) -> Iterator[tuple[int, Any]]:
    """Every statement with its depth, outer before inner."""
    for statement in body:
        yield depth, statement
        if isinstance(statement, (For, If)):
            yield from walk(statement.body, depth + 1)


def verify_kernel(kernel: Kernel) -> Kernel:
    """Assert that every value is defined once, before it is used, in a scope that encloses the use."""
    known: set[Any] = set(kernel.parameters)

    def used(values: Iterable[Any], how: str = "used before it is defined") -> None:
        for value in values:
            assert value in known or isinstance(value, (int, Constant)), f"{kernel.name}: {value} is {how}"

    def check(body: Body, given: Sequence[Value] = (), yielded: Sequence[Value] = ()) -> None:
        known.update(given)
        own = list(given)
        for statement in body:
            defined: Sequence[Value] = ()
            if isinstance(statement, Operation):
                used(statement.operands)
                if statement.result is not None:
                    defined = (statement.result,)
            elif isinstance(statement, If):
                used((statement.condition,))
                check(statement.body)
            else:
                used((statement.low, statement.high, *statement.initial))
                check(statement.body, (statement.variable, *statement.carried), statement.yielded)
                defined = statement.results
            for value in defined:
                assert value not in known, f"{kernel.name}: {value} is defined twice"
                known.add(value)
                own.append(value)
        used(yielded, "yielded, not known")
        known.difference_update(own)

    check(kernel.body)
    return kernel


def print_kernel(kernel: Kernel) -> str:
    """The kernel as text, one statement a line."""
    return f"kernel {kernel.name}{kernel.text}"


def _print(kernel: Kernel) -> str:
    lines = [f"({', '.join(f'{p}: {p.dtype}' for p in kernel.parameters)}):"]

    def show(body: Body, indent: str) -> None:
        for statement in body:
            if isinstance(statement, Operation):
                lines.append(indent + _show_operation(statement))
            elif isinstance(statement, If):
                lines.append(f"{indent}if {statement.condition}:")
                show(statement.body, indent + "    ")
            else:
                carried = ", ".join(f"{c}={i}" for c, i in zip(statement.carried, statement.initial, strict=True))
                head = f"for {statement.variable} in {statement.low}..{statement.high} step {statement.step}"
                lines.append(f"{indent}{head}{' carrying ' + carried if carried else ''}:")
                show(statement.body, indent + "    ")
                if statement.yielded:
                    lines.append(f"{indent}    yield {', '.join(map(str, statement.yielded))}")
                    lines.append(f"{indent}{', '.join(map(str, statement.results))} = carried")

    show(kernel.body, "    ")
    return "\n".join(lines) + "\n"


@cache
def _show_type(type_: Type) -> str:
    return type_[0] if type_[1] == 1 else f"{type_[0]}x{type_[1]}"


def _show_operation(statement: Operation) -> str:
    operands = ", ".join([o.name if isinstance(o, Value) else str(o) for o in statement.operands])
    attributes = "" if statement.attributes is None else f" {statement.attributes}"
    text = f"{statement.name}({operands}){attributes}"
    result = statement.result
    return text if result is None else f"{result.name}: {_show_type(result.type)} = {text}"
