"""The loop language as OpenCL C, for values of one lane: every work item computes elements of its own."""

from ctypes import c_float
from typing import Any

from ...lowering.loops import INDEX, POINTER, Body, Constant, For, If, Operation, Value

C_TYPES = {
    "float16": "half",
    "float32": "float",
    "float64": "double",
    "int8": "char",
    "uint8": "uchar",
    "int16": "short",
    "uint16": "ushort",
    "int32": "int",
    "uint32": "uint",
    "int64": "long",
    "uint64": "ulong",
    "bool": "bool",
    INDEX: "index_t",
}
FLOATS = ("float32", "float64")
UNSIGNED_TWIN = {"int8": "uchar", "int16": "ushort", "int32": "uint", "int64": "ulong"}
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%", "and": "&", "or": "|", "xor": "^", "shl": "<<"}
WRAPPING = ("add", "sub", "mul", "shl")  # what overflows goes on from the other end, which C says of unsigned numbers
INDEX_INFIX = {"iadd": "+", "isub": "-", "imul": "*", "idiv": "/", "irem": "%"}
INDEX_CALLS = {"imin": "min", "imax": "max"}
CALLS = {"fma": "fma", "sqrt": "sqrt", "rint": "rint", "floor": "floor", "mulhi": "mul_hi"}


def memory_type(dtype: str) -> str:
    """Booleans take a byte in memory."""
    return "uchar" if dtype == "bool" else C_TYPES[dtype]


def literal(constant: Constant) -> str:
    """A number, exactly."""
    dtype, number = constant.dtype, constant.number
    if dtype in FLOATS:
        return _float_literal(dtype, number)
    if dtype in ("bool", INDEX):
        return str(int(number))
    bits = {"int64": 64, "uint64": 64}.get(dtype, 32)
    suffix = "ul" if bits == 64 else "u"
    return f"(({C_TYPES[dtype]})0x{int(number) & ((1 << bits) - 1):x}{suffix})"


def _float_literal(dtype: str, number: float) -> str:
    if dtype == "float32":
        number = c_float(number).value  # what is too large becomes infinite
    if number != number:
        return f"(({C_TYPES[dtype]})NAN)"
    if number in (float("inf"), float("-inf")):
        return f"(({C_TYPES[dtype]}){'-' if number < 0 else ''}INFINITY)"
    return f"({float(number).hex()}{'f' if dtype == 'float32' else ''})"


class Writer:
    """Writes the statements of one kernel."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._text: dict[Any, str] = {}

    def body(self, body: Body, indent: str = "  ") -> None:
        for statement in body:
            if isinstance(statement, Operation):
                text = self._operation(statement)
                if text:
                    self.lines.append(indent + text)
            elif isinstance(statement, If):
                self.lines.append(f"{indent}if ({self._name(statement.condition)}) {{")
                self.body(statement.body, indent + "  ")
                self.lines.append(indent + "}")
            else:
                self._for(statement, indent)

    def _name(self, operand: Any) -> str:
        if isinstance(operand, Constant):
            return literal(operand)
        return self._text.get(operand, str(operand))

    def _for(self, loop: For, indent: str) -> None:
        for carried, start in zip(loop.carried, loop.initial, strict=True):
            self.lines.append(f"{indent}{C_TYPES[carried.dtype]} {carried} = {self._name(start)};")
        k = loop.variable
        head = f"for (index_t {k} = {self._name(loop.low)}; {k} < {self._name(loop.high)}; {k} += {loop.step})"
        self.lines.append(f"{indent}{head} {{")
        self.body(loop.body, indent + "  ")
        pairs = list(zip(loop.carried, loop.yielded, strict=True))
        for carried, value in pairs:  # all of them are read before one is set
            self.lines.append(f"{indent}  const {C_TYPES[carried.dtype]} next_{carried} = {self._name(value)};")
        self.lines += [f"{indent}  {carried} = next_{carried};" for carried, _ in pairs]
        self.lines.append(indent + "}")
        for result, carried in zip(loop.results, loop.carried, strict=True):
            self._text[result] = str(carried)

    def _operation(self, statement: Operation) -> str:
        name, result = statement.name, statement.result
        operands = [self._name(operand) for operand in statement.operands]
        if result is None:
            return getattr(self, f"_{name}")(statement, *operands)
        if result.dtype == POINTER:
            pointer, offset = operands
            return f"__global {memory_type(statement.attributes)}* {result} = {pointer} + {offset};"
        return f"const {C_TYPES[result.dtype]} {result} = {self._expression(statement, result, operands)};"

    def _expression(self, statement: Operation, result: Value, operands: list[str]) -> str:
        name = statement.name
        if name in INFIX:
            return _infix(name, result.dtype, *operands)
        if name in CALLS:
            return f"{CALLS[name]}({', '.join(operands)})"
        if name in INDEX_INFIX:
            return f"{operands[0]} {INDEX_INFIX[name]} {operands[1]}"
        if name in INDEX_CALLS:
            return f"{INDEX_CALLS[name]}((index_t){operands[0]}, (index_t){operands[1]})"
        return getattr(self, f"_{name}")(statement, *operands)

    def _neg(self, statement: Operation, x: str) -> str:
        dtype = statement.operands[0].dtype
        return f"-{x}" if dtype in FLOATS else _infix("sub", dtype, "0", x)

    def _abs(self, statement: Operation, x: str) -> str:
        return f"fabs({x})" if statement.operands[0].dtype in FLOATS else f"{x} < 0 ? -{x} : {x}"

    def _shr(self, statement: Operation, x: str, y: str) -> str:
        dtype = statement.operands[0].dtype
        return f"({C_TYPES[dtype]})(({UNSIGNED_TWIN.get(dtype, C_TYPES[dtype])}){x} >> {y})"

    def _sar(self, statement: Operation, x: str, y: str) -> str:
        return f"{x} >> {y}"

    def _compare(self, statement: Operation, x: str, y: str) -> str:
        return f"{x} {COMPARISONS[statement.attributes]} {y}"

    def _select(self, statement: Operation, condition: str, x: str, y: str) -> str:
        return f"{condition} ? {x} : {y}"

    def _cast(self, statement: Operation, x: str) -> str:
        assert statement.result is not None
        return f"({C_TYPES[statement.result.dtype]}){x}"

    _from_index = _to_index = _cast

    def _bitcast(self, statement: Operation, x: str) -> str:
        assert statement.result is not None
        return f"as_{C_TYPES[statement.result.dtype]}({x})"

    def _load(self, statement: Operation, pointer: str) -> str:
        assert statement.result is not None
        return f"*{pointer}" if statement.result.dtype != "bool" else f"*{pointer} != 0"

    def _load_half(self, statement: Operation, pointer: str) -> str:
        return f"vload_half(0, {pointer})"

    def _load_local(self, statement: Operation, at: str) -> str:
        return f"{statement.attributes}[{at}]"

    # what leaves no value
    def _store(self, statement: Operation, value: str, pointer: str) -> str:
        return f"*{pointer} = {value};"

    def _store_local(self, statement: Operation, value: str, at: str) -> str:
        return f"{statement.attributes}[{at}] = {value};"

    def _barrier(self, statement: Operation) -> str:
        return "barrier(CLK_LOCAL_MEM_FENCE);"


def _infix(name: str, dtype: str, x: str, y: str) -> str:
    twin = UNSIGNED_TWIN.get(dtype)
    if name in WRAPPING and twin:
        return f"({C_TYPES[dtype]})(({twin}){x} {INFIX[name]} ({twin}){y})"
    return f"{x} {INFIX[name]} {y}"
