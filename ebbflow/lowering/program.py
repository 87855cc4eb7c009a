"""The training loop around the step: epochs, batches, shuffling, validation, early stopping, all in native code.

run(arena, table, thread, threads):
    for budget times, while the status is `running`:
        do one step: of training, or of validation
        meet: the last thread to come advances, then all go on

advance: count the step; at the end of a part write the metrics down, at the end of an epoch decide what is next
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .arithmetic import Arithmetic
from .entry import Kernels, call_codes
from .index import LANE, LANES, Variable, variable_index
from .kernels import Code
from .loops import INDEX, POINTER, Constant, Kernel, Value, verify_kernel
from .schedule import Lowered
from .table import Slot, Status


@dataclass
class Parts:
    """What a training program is made of.

    Attributes:
        step, step_tail: a training step on a whole batch, and on the smaller last one if any; output 0 is the loss.
        test, test_tail: the same for validation.
        results: the metrics as scalars, one a column of the history.
        reset: sets the metrics back.
        chooses_test: whether the rows to validate on are read by number, as those to train on are.
        gathers: for each of these functions, the kernels that read the user's arrays, in the order of the table's DATA.
        batch_size, test_batch_size: samples a whole batch.
        weights: (offset, bytes) of the weights in the arena; best: offset of the copy of the best ones.
    """

    step: Lowered
    step_tail: Lowered | None
    test: Lowered | None
    test_tail: Lowered | None
    results: Lowered
    reset: Lowered
    chooses_test: bool
    gathers: dict[str, Sequence[Code]]
    batch_size: int
    test_batch_size: int
    weights: tuple[int, int] = (0, 0)
    best: int = 0


def write_program(parts: Parts, kernels: Kernels) -> list[Kernel]:
    """The functions `end_epoch`, `advance` and `run`, which call the kernels, each other and `shuffle`."""
    functions = _end_epoch(parts), _advance(parts, kernels), _run(parts, kernels)
    return [verify_kernel(function) for function in functions]


class _Table:
    """Reading and writing the shared table."""

    def __init__(self, b: Arithmetic, pointer: Value):
        self.b, self.pointer = b, pointer

    def address(self, slot: int) -> Value:
        return self.b.at(self.pointer, "int64", int(slot))

    def get(self, slot: int, dtype: str = INDEX) -> Value:
        return self.b.load(self.address(slot), dtype)

    def set(self, slot: int, value: Any) -> None:
        constant = Constant(int(value), (INDEX, 1)) if isinstance(value, int) else value
        self.b.store(constant, self.address(slot))

    def is_(self, slot: int, number: int) -> Value:
        return self.b.compare_index("eq", self.get(slot), number)


def _run(parts: Parts, kernels: Kernels) -> Kernel:
    b = Arithmetic(1)
    arena, pointer = b.parameter("arena"), b.parameter("table")
    thread, threads = b.parameter("thread", INDEX), b.parameter("threads", INDEX)
    table = _Table(b, pointer)

    def turn(*_: Any) -> None:
        b.when(table.is_(Slot.STATUS, Status.RUNNING), unit)

    def unit() -> None:
        _do_step(b, parts, kernels, arena, table, thread, threads)
        b.effect("call", arena, pointer, threads, attributes="meet")

    b.loop(0, table.get(Slot.BUDGET), 1, turn, name="turn")
    return b.finish("run")


def _do_step(
    b: Arithmetic, parts: Parts, kernels: Kernels, arena: Value, table: _Table, thread: Value, threads: Value
) -> None:
    part, step = table.get(Slot.PART), table.get(Slot.STEP)
    whole, test_whole = table.get(Slot.WHOLE), table.get(Slot.VALIDATION_WHOLE)

    def call(name: str, lowered: Lowered | None, in_part: int, is_tail: bool, of: Value) -> None:
        if lowered is None:
            return
        here = b.compare_index("eq", part, in_part)
        fits = b.compare_index("eq" if is_tail else "lt", step, of)

        def body() -> None:
            first = 0 if in_part == 0 else len(parts.gathers["step"])
            extra = {}
            for k, code in enumerate(parts.gathers[name]):
                rows = table.get(Slot.DATA + first + k, POINTER)
                if in_part == 0:
                    order = b.at(table.get(Slot.ORDER, POINTER), "int64", b.imul(step, parts.batch_size))
                elif parts.chooses_test:
                    order = b.at(table.get(Slot.VALIDATION_ORDER, POINTER), "int64", table.get(Slot.FIRST))
                else:
                    order = table.address(Slot.FIRST)
                extra[code] = [rows, order]
            call_codes(b, lowered.codes, kernels, arena, table.pointer, thread, threads, extra)

        b.when(b.bitwise_and(here, fits), body)

    call("step", parts.step, 0, False, whole)
    call("step_tail", parts.step_tail, 0, True, whole)
    call("test", parts.test, 1, False, test_whole)
    call("test_tail", parts.test_tail, 1, True, test_whole)


def _advance(parts: Parts, kernels: Kernels) -> Kernel:
    """What one thread does between steps."""
    b = Arithmetic(1)
    arena, pointer = b.parameter("arena"), b.parameter("table")
    table = _Table(b, pointer)
    part, step = table.get(Slot.PART), table.get(Slot.STEP)
    training = b.compare_index("eq", part, 0)
    whole = table.get(Slot.WHOLE)
    for lowered, predicate in ((parts.step, "lt"), (parts.step_tail, "eq")):
        if lowered is not None:
            here = b.bitwise_and(training, b.compare_index(predicate, step, whole))
            b.when(here, partial(_check_loss, b, arena, table, lowered))
    following = b.iadd(step, 1)
    table.set(Slot.STEP, following)
    table.set(Slot.TOTAL, b.iadd(table.get(Slot.TOTAL), 1))
    table.set(Slot.FIRST, b.imul(following, parts.test_batch_size))

    def end_part(is_training: bool) -> None:
        columns = len(parts.results.outputs)
        row = b.imul(table.get(Slot.EPOCH), columns * (2 if parts.test else 1))
        one, zero = Constant(1, (INDEX, 1)), Constant(0, (INDEX, 1))
        call_codes(b, parts.results.codes, kernels, arena, table.pointer, zero, one, {})
        history = table.get(Slot.HISTORY, POINTER)
        for column, buffer in enumerate(parts.results.outputs):
            at = b.at(arena, "uint8", buffer.offset)
            value = b.cast(b.load(at, buffer.dtype), "float64")
            b.store(value, b.at(history, "float64", b.iadd(row, column + (0 if is_training else columns))))
        call_codes(b, parts.reset.codes, kernels, arena, table.pointer, zero, one, {})
        table.set(Slot.STEP, 0)
        table.set(Slot.FIRST, 0)
        if is_training and parts.test is not None:
            table.set(Slot.PART, 1)
        else:
            table.set(Slot.PART, 0)
            b.effect("call", arena, table.pointer, attributes="end_epoch")

    running = table.is_(Slot.STATUS, Status.RUNNING)
    trained = b.bitwise_and(training, b.compare_index("eq", following, table.get(Slot.STEPS)))
    b.when(b.bitwise_and(running, trained), lambda: end_part(True))
    if parts.test is not None:
        testing = b.compare_index("eq", part, 1)
        tested = b.bitwise_and(testing, b.compare_index("eq", following, table.get(Slot.VALIDATION_STEPS)))
        b.when(tested, lambda: end_part(False))
    return b.finish("advance")


def _check_loss(b: Arithmetic, arena: Value, table: _Table, lowered: Lowered) -> None:
    """Stop at a loss that is NaN or infinite."""
    buffer = lowered.outputs[0]
    loss = b.cast(b.load(b.at(arena, "uint8", buffer.offset), buffer.dtype), "float64")
    difference = b.sub(loss, loss)  # NaN for NaN and infinity
    bad = b.compare("ne", difference, b.zero(difference))
    b.when(bad, lambda: table.set(Slot.STATUS, Status.NOT_FINITE))


def _end_epoch(parts: Parts) -> Kernel:
    """Early stopping, then the next epoch or the end."""
    b = Arithmetic(1)
    arena, pointer = b.parameter("arena"), b.parameter("table")
    table = _Table(b, pointer)
    epoch = table.get(Slot.EPOCH)
    columns = len(parts.results.outputs) * (2 if parts.test else 1)
    watching = table.is_(Slot.WATCH, 1)
    started = b.compare_index("ge", epoch, table.get(Slot.START_FROM))
    b.when(b.bitwise_and(watching, started), lambda: _watch(b, parts, arena, table, epoch, columns))
    following = b.iadd(epoch, 1)
    table.set(Slot.EPOCH, following)
    running = table.is_(Slot.STATUS, Status.RUNNING)
    last = b.compare_index("ge", following, table.get(Slot.EPOCHS))
    b.when(b.bitwise_and(running, last), lambda: table.set(Slot.STATUS, Status.FINISHED))

    def go_on() -> None:
        b.effect("call", pointer, attributes="shuffle")
        b.when(table.is_(Slot.PAUSE, 1), lambda: table.set(Slot.STATUS, Status.PAUSED))

    b.when(table.is_(Slot.STATUS, Status.RUNNING), go_on)
    return b.finish("end_epoch")


def _watch(b: Arithmetic, parts: Parts, arena: Value, table: _Table, epoch: Value, columns: int) -> None:
    history = table.get(Slot.HISTORY, POINTER)
    column = b.iadd(b.imul(epoch, columns), table.get(Slot.MONITOR))
    value = b.mul(table.get(Slot.SIGN, "float64"), b.load(b.at(history, "float64", column), "float64"))
    delta = table.get(Slot.MIN_DELTA, "float64")

    def better(than: Value) -> Value:
        return b.compare("lt", b.add(value, delta), than)

    wait = b.iadd(table.get(Slot.WAIT), 1)
    table.set(Slot.WAIT, wait)
    improved = better(table.get(Slot.BEST, "float64"))
    no_best = b.bitwise_and(table.is_(Slot.KEEP_BEST, 1), table.is_(Slot.HAVE_BEST, 0))
    b.when(
        b.bitwise_and(table.is_(Slot.KEEP_BEST, 1), b.bitwise_or(improved, no_best)),
        lambda: _keep_best(b, parts, arena),
    )
    b.when(b.bitwise_or(improved, no_best), lambda: table.set(Slot.BEST_EPOCH, epoch))
    table.set(Slot.HAVE_BEST, 1)

    def note() -> None:
        table.set(Slot.BEST, value)
        b.when(better(table.get(Slot.BASELINE, "float64")), lambda: table.set(Slot.WAIT, 0))

    b.when(improved, note)
    patient = b.compare_index("ge", wait, table.get(Slot.PATIENCE))
    late = b.bitwise_and(patient, b.compare_index("gt", epoch, 0))

    def stop() -> None:
        table.set(Slot.STOPPED_EPOCH, epoch)
        table.set(Slot.STATUS, Status.STOPPED_EARLY)

    not_improved = b.bitwise_xor(improved, Constant(True, ("bool", 1)))
    b.when(b.bitwise_and(not_improved, late), stop)


def _keep_best(b: Arithmetic, parts: Parts, arena: Value) -> None:
    start, nbytes = parts.weights
    lane = Variable("w", nbytes // 64)

    def copy(value: Any, *_: Any) -> None:
        lane.value = value
        at = b.position(variable_index(lane) * 64)
        vector = b.load(b.at(arena, "uint8", b.iadd(at, start)), "int32", LANES)
        b.store(vector, b.at(arena, "uint8", b.iadd(at, parts.best)))

    b.loop(0, nbytes // 64, 1, copy, name="w")


WORDS = 4 * LANES  # random words made at a time; the memory for them has room for whole groups


def write_shuffle() -> Kernel:
    """The function `shuffle`, the same for all programs: the order of an epoch's rows.

    Fisher and Yates' exchange (1938) with Philox words, from 0, 1, 2, ... or the chosen rows:

    words = random bits of (seed, member, purpose, epoch + passed)
    for i = n-1, ..., 1: exchange rows i and floor(words[i] (i+1) / 2^32)
    """
    b = Arithmetic(LANES)
    table = _Table(b, b.parameter("table"))
    n = table.get(Slot.ROWS)
    order, partners = table.get(Slot.ORDER, POINTER), table.get(Slot.WORDS, POINTER)

    def shuffle() -> None:
        table.set(Slot.TURN, b.iadd(table.get(Slot.EPOCH), table.get(Slot.PASSED)))
        _choose_partners(b, table, n, partners)

        def identity(i: Value, *_: Any) -> None:
            b.store(b.op("from_index64", ("int64", 1), i), b.at(order, "int64", i))

        def copy(i: Value, *_: Any) -> None:
            b.store(b.load(b.at(table.get(Slot.CHOSEN, POINTER), "int64", i), "int64"), b.at(order, "int64", i))

        def begin(row: Callable[..., None]) -> None:
            b.loop(0, n, 1, row, name="i")

        chosen = table.get(Slot.CHOSEN)
        b.when(b.compare_index("eq", chosen, 0), lambda: begin(identity))
        b.when(b.compare_index("ne", chosen, 0), lambda: begin(copy))
        last = b.isub(n, 1)

        def exchange(turn: Value, *_: Any) -> None:
            i = b.isub(last, turn)
            j = b.op("to_index", (INDEX, 1), b.load(b.at(partners, "uint32", i), "uint32"))
            here, there = b.at(order, "int64", i), b.at(order, "int64", j)
            x, y = b.load(here, "int64"), b.load(there, "int64")
            b.store(y, here)
            b.store(x, there)

        b.loop(0, last, 1, exchange, name="turn")

    b.when(table.is_(Slot.SHUFFLE, 1), shuffle)
    return verify_kernel(b.finish("shuffle"))


def _choose_partners(b: Arithmetic, table: _Table, n: Value, partners: Value) -> None:
    """partners[i] = floor(words[i] (i+1) / 2^32)"""

    def state(slot: Slot) -> Value:
        return b.splat(b.op("cast", ("uint32", 1), table.get(slot, "int64")))

    own = tuple(state(slot) for slot in (Slot.SEED, Slot.MEMBER, Slot.PURPOSE, Slot.TURN))
    group = Variable("w", 1 << 25)

    def choose(value: Any, *_: Any) -> None:
        group.value = value
        words = b.philox_block(variable_index(group) * LANES + variable_index(LANE), own)
        for k, word in enumerate(_by_blocks(b, words)):
            first = variable_index(group) * WORDS + k * LANES
            following = b.index_value(first + variable_index(LANE) + 1, "uint32")
            b.store(b.multiply_high(word, following), b.at(partners, "uint32", b.position(first)))

    b.loop(0, b.idiv(b.iadd(n, WORDS - 1), WORDS), 1, choose, name="w")


def _by_blocks(b: Arithmetic, words: Sequence[Value]) -> list[Value]:
    """From word w of 16 blocks in each vector to block after block, its four words side by side."""
    result = []
    for k in range(4):
        pairs = tuple(4 * k + lane // 4 + LANES * (lane % 2) for lane in range(LANES))
        front, back = b.shuffle(words[0], words[1], pairs), b.shuffle(words[2], words[3], pairs)
        result.append(b.shuffle(front, back, tuple(lane + LANES * (lane % 4 > 1) for lane in range(LANES))))
    return result
