"""The loop language as LLVM IR text."""

import struct
from ctypes import c_float
from functools import cache
from typing import Any

from ...lowering.index import LANES
from ...lowering.loops import INDEX, POINTER, Body, Constant, For, If, Kernel, Operation, Type, Value

LLVM_TYPES = {
    "float32": "float",
    "float64": "double",
    "int32": "i32",
    "uint32": "i32",
    "int64": "i64",
    "uint64": "i64",
    "int16": "i16",
    "uint16": "i16",
    "int8": "i8",
    "uint8": "i8",
    "bool": "i1",
    INDEX: "i64",
    POINTER: "ptr",
}
SIZES = {
    **{"float32": 4, "float64": 8, "bool": 1, INDEX: 8, POINTER: 8},
    **{"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8},
}
FLOATS = ("float32", "float64")
UNSIGNED = ("uint64", "uint32", "uint16", "uint8", "bool")
FLOAT_PREDICATES = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}
INTEGER_OPERATIONS = {
    "iadd": "add nsw i64 {}, {}",
    "isub": "sub nsw i64 {}, {}",
    "imul": "mul nsw i64 {}, {}",
    "idiv": "sdiv i64 {}, {}",
    "irem": "srem i64 {}, {}",
    "imin": "call i64 @llvm.smin.i64(i64 {}, i64 {})",
    "imax": "call i64 @llvm.smax.i64(i64 {}, i64 {})",
}
ARITHMETIC = {  # operation: (on floats, on signed, on unsigned)
    "add": ("fadd", "add", "add"),
    "sub": ("fsub", "sub", "sub"),
    "mul": ("fmul", "mul", "mul"),
    "div": ("fdiv", "sdiv", "udiv"),
    "rem": ("frem", "srem", "urem"),
    "and": ("", "and", "and"),
    "or": ("", "or", "or"),
    "xor": ("", "xor", "xor"),
    "shl": ("", "shl", "shl"),
    "shr": ("", "lshr", "lshr"),
    "sar": ("", "ashr", "ashr"),
}
INTRINSICS = ("fma", "sqrt", "rint", "floor")


@cache
def llvm_type(type_: Type) -> str:
    element = LLVM_TYPES[type_[0]]
    return element if type_[1] == 1 else f"<{type_[1]} x {element}>"


@cache
def memory_type(type_: Type) -> str:
    """Booleans take a byte in memory."""
    return llvm_type(("uint8", type_[1]) if type_[0] == "bool" else type_)


def literal(constant: Constant) -> str:
    dtype, lanes = constant.type
    number = constant.number
    if dtype in FLOATS:
        if dtype == "float32":
            number = c_float(number).value  # what is too large becomes infinite
        text = f"0x{struct.pack('>d', number).hex().upper()}"
    elif dtype == "bool":
        text = "true" if number else "false"
    else:
        text = str(int(number))
    if lanes == 1:
        return text
    return f"splat ({LLVM_TYPES[dtype]} {text})"


@cache
def arithmetic(name: str, type_: Type) -> str:
    """The instruction for an operation of `ARITHMETIC`, with the type."""
    kind = 0 if type_[0] in FLOATS else 2 if type_[0] in UNSIGNED else 1
    return f"{ARITHMETIC[name][kind]} {llvm_type(type_)}"


@cache
def alignment(type_: Type, attributes: Any) -> int:
    """Bytes that the address of a vector, or of one element, is a multiple of."""
    size = SIZES[type_[0]]
    return size if type_[1] == 1 or attributes == "unaligned" else min(64, size * type_[1])


@cache
def suffix(type_: Type) -> str:
    """The type in the names of intrinsics."""
    element = {"float32": "f32", "float64": "f64"}.get(type_[0], LLVM_TYPES[type_[0]])
    return element if type_[1] == 1 else f"v{type_[1]}{element}"


class _Names(dict):
    """Values of a function as they are written: defined ones by name, numbers as they are."""

    def __missing__(self, operand: Any) -> str:
        assert isinstance(operand, (int, Constant)), f"{operand} is not defined"
        self[operand] = text = str(operand) if isinstance(operand, int) else literal(operand)
        return text


class Writer:
    """Writes the functions of one module and remembers which intrinsics they use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.declared: dict[str, str] = {}
        self._labels = 0
        self._defined: set[str] = set()
        self._called: dict[str, str] = {}  # functions, with the types of their parameters
        self._extra = 0
        self._block = "entry"
        self._text = _Names()

    def function(self, kernel: Kernel, is_entry: bool = False) -> None:
        """Write a kernel as a function; an entry can be called from outside, and sets the mode of arithmetic."""
        self._defined.add(kernel.name)
        self._text = _Names({p: f"%{p.name}" for p in kernel.parameters})
        parameters = ", ".join(f"{llvm_type(p.type)} %{p.name}" for p in kernel.parameters)
        self.lines.append(f"define void @{kernel.name}({parameters}) #0 {{")
        self.lines.append("entry:")
        self._block = "entry"
        mode = self._let("call i64 @flush_subnormals()") if is_entry else ""
        self._body(kernel.body)
        if is_entry:
            self.lines.append(f"  call void @restore_mode(i64 {mode})")
        self.lines.append("  ret void")
        self.lines.append("}")

    def module(self, extra: str = "") -> str:
        """All of it as one module, with functions written by hand; others that are called are in other modules."""
        here = {name for name in self._called if name in self._defined or f"@{name}(" in extra}
        outside = [f"declare void @{name}({types})" for name, types in self._called.items() if name not in here]
        declarations = "\n".join([*self.declared.values(), *outside])
        attributes = 'attributes #0 = { nounwind "min-legal-vector-width"="512" "prefer-vector-width"="512" }'
        return f"{declarations}\n{extra}\n" + "\n".join(self.lines) + f"\n{attributes}\n"

    # names
    def _name(self, operand: Any) -> str:
        return self._text[operand]

    def _typed(self, value: Value) -> str:
        return f"{llvm_type(value.type)} {self._text[value]}"

    def _temporary(self) -> str:
        self._extra += 1
        return f"%tmp{self._extra}"

    def _define(self, result: Value, text: str) -> None:
        self._text[result] = name = f"%{result.name}"
        self.lines.append(f"  {name} = {text}")

    def _let(self, text: str) -> str:
        name = self._temporary()
        self.lines.append(f"  {name} = {text}")
        return name

    def _intrinsic(self, name: str, result: str, *parameters: str) -> str:
        if name not in self.declared:
            self.declared[name] = f"declare {result} @{name}({', '.join(parameters)})"
        return f"@{name}"

    # statements
    def _body(self, body: Body) -> None:
        for statement in body:
            if isinstance(statement, Operation):
                self._operation(statement)
            elif isinstance(statement, If):
                self._if(statement)
            else:
                self._for(statement)

    def _label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self._block = name

    def _if(self, statement: If) -> None:
        self._labels += 1
        yes, after = f"then{self._labels}", f"after{self._labels}"
        self.lines.append(f"  br i1 {self._name(statement.condition)}, label %{yes}, label %{after}")
        self._label(yes)
        self._body(statement.body)
        self.lines.append(f"  br label %{after}")
        self._label(after)

    def _for(self, loop: For) -> None:
        self._labels += 1
        head, after, before = f"loop{self._labels}", f"done{self._labels}", self._block
        low, high = self._name(loop.low), self._name(loop.high)
        guarded = not (isinstance(loop.low, int) and isinstance(loop.high, int))
        if guarded:
            some = self._let(f"icmp slt i64 {low}, {high}")
            self.lines.append(f"  br i1 {some}, label %{head}, label %{after}")
        else:
            self.lines.append(f"  br label %{head}")
        self._label(head)
        for value in (loop.variable, *loop.carried):
            self._text[value] = f"%{value.name}"
        slot = len(self.lines)
        initial = [self._name(value) for value in loop.initial]
        self._body(loop.body)
        following = self._let(f"add nsw i64 %{loop.variable.name}, {loop.step}")
        latch = self._block
        yielded = [self._name(value) for value in loop.yielded]
        phis = [f"  %{loop.variable.name} = phi i64 [{low}, %{before}], [{following}, %{latch}]"]
        for carried, start, again in zip(loop.carried, initial, yielded, strict=True):
            phis.append(f"  %{carried.name} = phi {llvm_type(carried.type)} [{start}, %{before}], [{again}, %{latch}]")
        self.lines[slot:slot] = phis
        more = self._let(f"icmp slt i64 {following}, {high}")
        self.lines.append(f"  br i1 {more}, label %{head}, label %{after}")
        self._label(after)
        for result, start, again in zip(loop.results, initial, yielded, strict=True):
            if guarded:
                self._define(result, f"phi {llvm_type(result.type)} [{start}, %{before}], [{again}, %{latch}]")
            else:
                self._text[result] = again

    def _operation(self, statement: Operation) -> None:
        name, operands, result = statement.name, statement.operands, statement.result
        pattern = INTEGER_OPERATIONS.get(name)
        if pattern is not None:
            if name in ("imin", "imax"):
                self._intrinsic(f"llvm.s{name[1:]}.i64", "i64", "i64", "i64")
            assert result is not None
            self._define(result, pattern.format(*[self._text[operand] for operand in operands]))
        elif name in ARITHMETIC:
            self._arithmetic(statement)
        elif name in INTRINSICS:
            self._call_intrinsic(statement)
        else:
            getattr(self, f"_{name}")(statement)

    def _arithmetic(self, statement: Operation) -> None:
        result = statement.result
        assert result is not None
        x, y = statement.operands
        text = self._text
        self._define(result, f"{arithmetic(statement.name, result.type)} {text[x]}, {text[y]}")

    def _call_intrinsic(self, statement: Operation, name: str = "") -> None:
        result = statement.result
        assert result is not None
        type_ = llvm_type(result.type)
        operands = [f"{type_} {self._text[operand]}" for operand in statement.operands]
        function = self._intrinsic(
            f"llvm.{name or statement.name}.{suffix(result.type)}", type_, *[type_] * len(operands)
        )
        self._define(result, f"call {type_} {function}({', '.join(operands)})")

    def _neg(self, statement: Operation) -> None:
        (x,) = statement.operands
        zero = "zeroinitializer" if x.lanes > 1 else "0"
        text = f"fneg {self._typed(x)}" if x.dtype in FLOATS else f"sub {llvm_type(x.type)} {zero}, {self._name(x)}"
        self._define(statement.result, text)  # type: ignore[arg-type]

    def _abs(self, statement: Operation) -> None:
        (x,) = statement.operands
        if x.dtype in FLOATS:
            self._call_intrinsic(statement, "fabs")
            return
        type_ = llvm_type(x.type)
        function = self._intrinsic(f"llvm.abs.{suffix(x.type)}", type_, type_, "i1")
        self._define(statement.result, f"call {type_} {function}({self._typed(x)}, i1 false)")  # type: ignore[arg-type]

    def _compare(self, statement: Operation) -> None:
        x, y = statement.operands
        predicate = statement.attributes
        if x.dtype in FLOATS:
            text = f"fcmp {FLOAT_PREDICATES[predicate]}"
        else:
            sign = "" if predicate in ("eq", "ne") else "u" if x.dtype in UNSIGNED else "s"
            text = f"icmp {sign}{predicate}"
        self._define(statement.result, f"{text} {self._typed(x)}, {self._name(y)}")  # type: ignore[arg-type]

    def _select(self, statement: Operation) -> None:
        self._define(statement.result, f"select {', '.join(map(self._typed, statement.operands))}")  # type: ignore[arg-type]

    def _mulhi(self, statement: Operation) -> None:
        x, y = statement.operands
        narrow, wide = llvm_type(x.type), llvm_type(("int64", x.lanes))
        a = self._let(f"zext {self._typed(x)} to {wide}")
        b = self._let(f"zext {self._typed(y)} to {wide}")
        product = self._let(f"mul {wide} {a}, {b}")
        high = self._let(f"lshr {wide} {product}, {literal(Constant(32, ('int64', x.lanes)))}")
        self._define(statement.result, f"trunc {wide} {high} to {narrow}")  # type: ignore[arg-type]

    def _cast(self, statement: Operation) -> None:
        (x,) = statement.operands
        result = statement.result
        assert result is not None
        source, target = x.dtype, result.dtype
        to = llvm_type(result.type)
        if source in FLOATS and target in FLOATS:
            self._define(result, f"{'fpext' if target == 'float64' else 'fptrunc'} {self._typed(x)} to {to}")
        elif target in FLOATS:
            self._define(result, f"{'uitofp' if source in UNSIGNED else 'sitofp'} {self._typed(x)} to {to}")
        elif source in FLOATS:
            raw = self._let(f"{'fptoui' if target in UNSIGNED else 'fptosi'} {self._typed(x)} to {to}")
            self._define(result, f"freeze {to} {raw}")  # out of range: any number, but no undefined behaviour
        else:
            bits = {"bool": 1}
            m, n = (bits.get(d, 8 * SIZES[d]) for d in (source, target))
            if (m, n, x.lanes) == (64, 32, LANES):
                self._lower_halves(x, result)
                return
            how = "bitcast" if m == n else "trunc" if m > n else "zext" if source in UNSIGNED else "sext"
            self._define(result, f"{how} {self._typed(x)} to {to}")

    def _lower_halves(self, x: Value | Constant, result: Value) -> None:
        """64 bits to 32: one exchange of lanes, where LLVM would make two truncations and join their results."""
        halves, even = 2 * LANES, ", ".join(f"i32 {k}" for k in range(0, 2 * LANES, 2))
        vector = self._let(f"bitcast {self._typed(x)} to <{halves} x i32>")
        self._define(
            result, f"shufflevector <{halves} x i32> {vector}, <{halves} x i32> poison, <{LANES} x i32> <{even}>"
        )

    def _bitcast(self, statement: Operation) -> None:
        result = statement.result
        assert result is not None
        self._define(result, f"bitcast {self._typed(statement.operands[0])} to {llvm_type(result.type)}")

    def _from_index(self, statement: Operation) -> None:
        self._define(statement.result, f"trunc i64 {self._name(statement.operands[0])} to i32")  # type: ignore[arg-type]

    def _from_index64(self, statement: Operation) -> None:
        self._define(statement.result, f"bitcast i64 {self._name(statement.operands[0])} to i64")  # type: ignore[arg-type]

    def _to_index(self, statement: Operation) -> None:
        (x,) = statement.operands
        how = "bitcast" if SIZES[x.dtype] == 8 else "zext" if x.dtype in UNSIGNED else "sext"
        self._define(statement.result, f"{how} {self._typed(x)} to i64")  # type: ignore[arg-type]

    def _lanes(self, statement: Operation) -> None:
        assert statement.result is not None
        self._text[statement.result] = "<" + ", ".join(f"i32 {lane}" for lane in range(LANES)) + ">"

    def _splat(self, statement: Operation) -> None:
        (x,) = statement.operands
        result = statement.result
        assert result is not None
        type_ = llvm_type(result.type)
        lane0 = self._let(f"insertelement {type_} poison, {self._typed(x)}, i32 0")
        self._define(result, f"shufflevector {type_} {lane0}, {type_} poison, <{LANES} x i32> zeroinitializer")

    def _shuffle(self, statement: Operation) -> None:
        mask = ", ".join(f"i32 {lane}" for lane in statement.attributes)
        operands = ", ".join(map(self._typed, statement.operands))
        self._define(statement.result, f"shufflevector {operands}, <{LANES} x i32> <{mask}>")  # type: ignore[arg-type]

    def _extract(self, statement: Operation) -> None:
        x = self._typed(statement.operands[0])
        self._define(statement.result, f"extractelement {x}, i32 {statement.attributes}")  # type: ignore[arg-type]

    def _insert(self, statement: Operation) -> None:
        x, scalar = map(self._typed, statement.operands)
        self._define(statement.result, f"insertelement {x}, {scalar}, i32 {statement.attributes}")  # type: ignore[arg-type]

    def _at(self, statement: Operation) -> None:
        pointer, offset = statement.operands
        element, text = memory_type((statement.attributes, 1)), self._text
        self._define(statement.result, f"getelementptr {element}, ptr {text[pointer]}, i64 {text[offset]}")  # type: ignore[arg-type]

    def _load(self, statement: Operation) -> None:
        result = statement.result
        assert result is not None
        align = alignment(result.type, statement.attributes)
        text = f"load {memory_type(result.type)}, ptr {self._text[statement.operands[0]]}, align {align}"
        if result.dtype == "bool":
            byte = self._let(text)
            zero = "zeroinitializer" if result.lanes > 1 else "0"
            self._define(result, f"icmp ne {memory_type(result.type)} {byte}, {zero}")
        else:
            self._define(result, text)

    def _store(self, statement: Operation) -> None:
        value, pointer = statement.operands
        text = self._typed(value)
        if value.dtype == "bool":
            byte = self._let(f"zext {text} to {memory_type(value.type)}")
            text = f"{memory_type(value.type)} {byte}"
        align = alignment(value.type, statement.attributes)
        self.lines.append(f"  store {text}, ptr {self._name(pointer)}, align {align}")

    def _number(self, statement: Operation) -> None:
        assert statement.result is not None
        self._text[statement.result] = str(statement.attributes)

    def _part(self, statement: Operation) -> None:
        """The turn at which a thread's part of the work starts: thread * work / threads."""
        thread, threads = map(self._name, statement.operands)
        product = self._let(f"mul nsw i64 {thread}, {statement.attributes}")
        self._define(statement.result, f"sdiv i64 {product}, {threads}")  # type: ignore[arg-type]

    def _prefetch(self, statement: Operation) -> None:
        """Data, for reading, to the second nearest cache: the nearest has to do with what is computed meanwhile."""
        function = self._intrinsic("llvm.prefetch.p0", "void", "ptr", "i32", "i32", "i32")
        self.lines.append(f"  call void {function}({self._typed(statement.operands[0])}, i32 0, i32 2, i32 1)")

    def _call(self, statement: Operation) -> None:
        """A call of another function."""
        arguments = ", ".join(
            f"i64 {operand}" if isinstance(operand, int) else self._typed(operand) for operand in statement.operands
        )
        types = ("i64" if isinstance(operand, int) else llvm_type(operand.type) for operand in statement.operands)
        self._called.setdefault(statement.attributes, ", ".join(types))
        self.lines.append(f"  call void @{statement.attributes}({arguments})")
