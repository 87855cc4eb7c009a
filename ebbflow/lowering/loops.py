"""The loop language: what a kernel is before it is LLVM IR.

    kernel    := name(parameters) body
    body      := statement*
    statement := value = operation(values, attributes)
               | for variable in low..high step n [carrying values] body [yield values]
               | if condition body

Values have an element type and a number of lanes (1 or 16). Pointers are values; memory is touched by `load` and
`store` alone. Integer arithmetic on addresses is written in the outermost loop that knows its operands, since no pass
of LLVM will move it there.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    """A number known to the compiler, the same in all lanes."""

    __slots__ = ("number",)

    def __init__(self, number: Any, type_: Type):
        super().__init__("", type_, 0)
        self.number = number

    def __repr__(self) -> str:
        return repr(self.number)


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
    """A function of pointers (and of index values) that returns nothing."""

    def __init__(self, name: str, parameters: list[Value], body: Body):
        self.name, self.parameters, self.body = name, parameters, body

    def __str__(self) -> str:
        return print_kernel(self)


class Builder:
    """Writes the loop language; the methods that lowering rules may call are those of `Arithmetic` in arithmetic.py."""

    def __init__(self) -> None:
        self.parameters: list[Value] = []
        self._scopes: list[Body] = [Body()]
        self._memos: list[dict[Any, Value]] = [{}]
        self._count = 0

    # writing
    def _fresh(self, type_: Type, depth: int, stem: str = "v") -> Value:
        self._count += 1
        return Value(f"{stem}{self._count}", type_, depth)

    @property
    def depth(self) -> int:
        return len(self._scopes) - 1

    def parameter(self, name: str, dtype: str = POINTER) -> Value:
        value = Value(name, (dtype, 1), 0)
        self.parameters.append(value)
        return value

    def op(self, name: str, type_: Type, *operands: Any, attributes: Any = None) -> Value:
        """A pure operation, written once per scope however often it is asked for."""
        key = (name, type_, *(repr(o) + str(o.type) if isinstance(o, Constant) else o for o in operands), attributes)
        for memo in reversed(self._memos):
            if key in memo:
                return memo[key]
        at = max((o.depth for o in operands if isinstance(o, Value)), default=0) if type_[0] == INDEX else self.depth
        result = self._fresh(type_, at)
        self._scopes[at].append(Operation(name, operands, attributes, result))
        self._memos[at][key] = result
        return result

    def effect(self, name: str, *operands: Any, attributes: Any = None, type_: Type | None = None) -> Value | None:
        """An operation that touches memory, written where it stands."""
        result = self._fresh(type_, self.depth) if type_ else None
        self._scopes[-1].append(Operation(name, operands, attributes, result))
        return result

    @contextmanager
    def _scope(self, body: Body) -> Iterator[None]:
        self._scopes.append(body)
        self._memos.append({})
        yield
        self._scopes.pop()
        self._memos.pop()

    @contextmanager
    def outermost(self) -> Iterator[None]:
        """What is written within comes before all loops that are open now."""
        scopes, memos = self._scopes, self._memos
        self._scopes, self._memos = scopes[:1], memos[:1]
        yield
        self._scopes, self._memos = scopes, memos

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
            return {"iadd": a + b, "isub": a - b, "imul": a * b, "imin": min(a, b), "imax": max(a, b)}[name]
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
    """Assert that every value is defined before it is used, in a scope that encloses the use."""

    def check(body: Body, known: set[Value]) -> None:
        known = set(known)

        def used(*values: Any) -> None:
            for value in values:
                if isinstance(value, Value) and not isinstance(value, Constant):
                    assert value in known, f"{kernel.name}: {value} is used before it is defined"

        for statement in body:
            if isinstance(statement, Operation):
                used(*statement.operands)
                if statement.result is not None:
                    assert statement.result not in known, f"{kernel.name}: {statement.result} is defined twice"
                    known.add(statement.result)
            elif isinstance(statement, If):
                used(statement.condition)
                check(statement.body, known)
            else:
                used(statement.low, statement.high, *statement.initial)
                inner = known | {statement.variable, *statement.carried}
                check(statement.body, inner)
                defined = inner | {s.result for s in statement.body if isinstance(s, Operation)}
                defined |= {r for s in statement.body if isinstance(s, For) for r in s.results}
                for value in statement.yielded:
                    assert isinstance(value, Constant) or value in defined, (
                        f"{kernel.name}: {value} is yielded, not known"
                    )
                known.update(statement.results)

    check(kernel.body, set(kernel.parameters))
    return kernel


def print_kernel(kernel: Kernel) -> str:
    """The kernel as text, one statement a line."""
    lines = [f"kernel {kernel.name}({', '.join(f'{p}: {p.dtype}' for p in kernel.parameters)}):"]

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


def _show_type(type_: Type) -> str:
    return type_[0] if type_[1] == 1 else f"{type_[0]}x{type_[1]}"


def _show_operation(statement: Operation) -> str:
    attributes = "" if statement.attributes is None else f" {statement.attributes}"
    text = f"{statement.name}({', '.join(map(str, statement.operands))}){attributes}"
    return text if statement.result is None else f"{statement.result}: {_show_type(statement.result.type)} = {text}"
