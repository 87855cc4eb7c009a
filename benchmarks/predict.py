"""How long does a prediction take, from one row to a hundred thousand?

Every library holds the same weights and is asked for the same rows, in a process of its own; outputs are compared
before anything is timed. Compiling and warming up are not counted.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache, partial
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common import OF_OURS, Options, Table, cores, in_turn, ratio, show, target
from benchmarks.contestants.problem import Network, first_weights
from benchmarks.contestants.process import fresh_process
from benchmarks.peak import peak_flops

Sizes = tuple[int, ...]
Ways = dict[str, Callable[[], np.ndarray]]  # label: a prediction of the same rows

SIZES: tuple[Sizes, ...] = (64, 128, 64, 10), (784, 512, 512, 10)
ROWS = 1, 32, 1000, 100_000
MANY = 1000  # more rows than this take so long that three rounds must do
TOLERANCE = 1e-4
ROUNDS, SECONDS = 7, 0.1
PREDICT, BARE = "ebbflow, model.predict", "ebbflow, the compiled call alone"
PAUSE = 0.02  # seconds; lets another library's waiting threads fall asleep


def weights_of(sizes: Sizes) -> list[np.ndarray]:
    return first_weights(Network(sizes=sizes, batch=1, optimizer="Adam", steps=1))


def rows_of(sizes: Sizes, rows: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, sizes[0]), dtype=np.float32)


def thread_counts() -> list[int]:
    return sorted({1, cores()})


def on_threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def with_ebbflow(sizes: Sizes, x: np.ndarray) -> Ways:
    import ebbflow as ebb

    *hidden, outputs = sizes[1:]
    layers = [ebb.layers.Dense(units, activation="relu") for units in hidden]
    model = ebb.Sequential([ebb.Input((sizes[0],)), *layers, ebb.layers.Dense(outputs)])
    model.set_weights(weights_of(sizes))
    model.predict(x, verbose=0)
    ways: Ways = {PREDICT: lambda: model.predict(x, verbose=0)}
    return ways | ({BARE: _bare_call(model, x, outputs)} if len(x) == 1 else {})


def _bare_call(model: Any, x: np.ndarray, outputs: int) -> Callable[[], np.ndarray]:
    """The native function that predict calls, by ctypes, with its memory laid out: no checks, no new array."""
    from ebbflow.compile import new_table
    from ebbflow.lowering.table import Slot
    from ebbflow.training.state import State

    (program,) = model.programs.known.values()
    state, table, result = State(program), new_table(2), np.empty((len(x), outputs), np.float32)
    state.load()
    table[Slot.DATA], table[Slot.DATA + 1] = x.ctypes.data, result.ctypes.data
    function, arena, addresses = program.function("predict"), state.arena.ctypes.data, table.ctypes.data

    def call(_held: object = (state, table, x)) -> np.ndarray:
        function(arena, addresses, 0, 1)
        return result

    return call


def with_onnxruntime(sizes: Sizes, x: np.ndarray) -> Ways:
    import onnxruntime

    ways: Ways = {}
    for threads in thread_counts():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(_onnx_model(sizes), options, providers=["CPUExecutionProvider"])
        ways[f"ONNX Runtime, session.run ({on_threads(threads)})"] = partial(_session_run, session, x)
        bound = _bound(session, x, sizes[-1])
        ways[f"ONNX Runtime, inputs and outputs bound before ({on_threads(threads)})"] = bound
    return ways


def _session_run(session: Any, x: np.ndarray) -> np.ndarray:
    return session.run(None, {"x": x})[0]


def _bound(session: Any, x: np.ndarray, outputs: int) -> Callable[[], np.ndarray]:
    from onnxruntime import OrtValue

    binding, result = session.io_binding(), np.empty((len(x), outputs), np.float32)
    given, made = OrtValue.ortvalue_from_numpy(x), OrtValue.ortvalue_from_numpy(result)
    binding.bind_ortvalue_input("x", given)
    binding.bind_ortvalue_output("y", made)

    def call(_held: object = (given, x)) -> np.ndarray:
        session.run_with_iobinding(binding)
        return made.numpy()  # shares the memory

    return call


def _onnx_model(sizes: Sizes) -> bytes:
    """The network as an ONNX file: Gemm and Relu in turn, any number of rows."""
    from onnx import TensorProto, checker, helper, numpy_helper

    weights, nodes, value = weights_of(sizes), [], "x"
    layers = len(sizes) - 1
    for k in range(layers):
        product = f"product{k}" if k < layers - 1 else "y"
        nodes.append(helper.make_node("Gemm", [value, f"weight{2 * k}", f"weight{2 * k + 1}"], [product]))
        if product != "y":
            nodes.append(helper.make_node("Relu", [product], [value := f"hidden{k}"]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", size])
        for name, size in (("x", sizes[0]), ("y", sizes[-1]))
    ]
    held = [numpy_helper.from_array(array, f"weight{k}") for k, array in enumerate(weights)]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()


def with_torch(sizes: Sizes, x: np.ndarray) -> Ways:
    import torch

    weights, layers = weights_of(sizes), []
    for kernel, bias in zip(weights[0::2], weights[1::2], strict=True):
        layer = torch.nn.Linear(*kernel.shape)
        layer.weight.data, layer.bias.data = torch.from_numpy(kernel.T.copy()), torch.from_numpy(bias)
        layers += [layer, torch.nn.ReLU()]
    model, given = torch.nn.Sequential(*layers[:-1]).eval(), torch.from_numpy(x)

    @torch.inference_mode()
    def call(function: Any, threads: int) -> np.ndarray:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        return function(given).numpy()

    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # tracing is to go, but faster than torch.compile on few rows
        frozen = torch.jit.freeze(torch.jit.trace(model, given))
        forms = {"eager": model, "traced and frozen": frozen, "torch.compile": torch.compile(model)}
    return {
        f"PyTorch, {name} ({on_threads(threads)})": partial(call, form, threads)
        for name, form in forms.items()
        for threads in thread_counts()
    }


def with_sklearn(sizes: Sizes, x: np.ndarray) -> Ways:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    weights, classes = weights_of(sizes), np.arange(sizes[-1])
    model = MLPClassifier(hidden_layer_sizes=sizes[1:-1], batch_size=2)
    model.partial_fit(x[:1].repeat(2, axis=0), classes[:2], classes=classes)  # makes what fitting makes
    model.coefs_, model.intercepts_ = weights[0::2], weights[1::2]

    def call(threads: int) -> np.ndarray:
        if call.threads != threads:  # type: ignore[attr-defined]
            threadpool_limits(threads, "blas")
            call.threads = threads  # type: ignore[attr-defined]
        return model.predict_proba(x)

    call.threads = 0  # type: ignore[attr-defined]
    return {f"scikit-learn, predict_proba ({on_threads(count)})": partial(call, count) for count in thread_counts()}


LIBRARIES: dict[str, Callable[[Sizes, np.ndarray], Ways]] = {
    "ebbflow": with_ebbflow,
    "onnxruntime": with_onnxruntime,
    "torch": with_torch,
    "sklearn": with_sklearn,
}


@cache
def _ways(library: str, sizes: Sizes, rows: int) -> Ways:
    return LIBRARIES[library](sizes, rows_of(sizes, rows))


def reference(sizes: Sizes, x: np.ndarray) -> np.ndarray:
    weights = weights_of(sizes)
    for k in range(0, len(weights), 2):
        x = (np.maximum(x, 0) if k else x) @ weights[k] + weights[k + 1]
    return x


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def checked(library: str, sizes: Sizes, rows: int) -> list[str]:
    """The labels of a library's ways, after their outputs were found to be right (in its own process)."""
    expected = reference(sizes, rows_of(sizes, rows))
    if library == "sklearn":
        expected = softmax(expected)
    for label, predict in _ways(library, sizes, rows).items():
        difference = float(np.abs(predict() - expected).max())
        if not difference <= TOLERANCE:
            raise SystemExit(f"predict: {label} differs by {difference:.2g} from what the weights give")
    return list(_ways(library, sizes, rows))


@cache
def _seconds(library: str, sizes: Sizes, rows: int, label: str) -> float:
    """About what a prediction takes, once its threads are there."""
    _ways(library, sizes, rows)[label]()
    start = time.perf_counter()
    _ways(library, sizes, rows)[label]()
    return time.perf_counter() - start


def measure(library: str, sizes: Sizes, rows: int, label: str, seconds: float) -> tuple[float, float]:
    """(seconds of a prediction, cores busy meanwhile), means over about so many seconds (in its own process)."""
    predict = _ways(library, sizes, rows)[label]
    times = max(1, round(seconds / _seconds(library, sizes, rows, label)))
    time.sleep(PAUSE)
    if times > 1:
        predict()  # wakes the threads
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(times):
        predict()
    passed = time.perf_counter() - start
    return passed / times, (time.process_time() - busy) / passed


def compare(sizes: Sizes, rows: int, processes: dict[str, ProcessPoolExecutor], rounds: int, seconds: float) -> Table:
    used: dict[str, list[float]] = {}

    def once(library: str, label: str) -> float:
        passed, busy = processes[library].submit(measure, library, sizes, rows, label, seconds).result()
        used.setdefault(label, []).append(busy)
        return passed

    contestants = {}
    for library, process in processes.items():
        for label in process.submit(checked, library, sizes, rows).result():
            contestants[label] = partial(once, library, label)
    measured = in_turn(contestants | {"peak": peak_flops}, rounds)
    peak = median(measured.pop("peak"))
    flops = 2 * rows * sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))
    lines = [
        line(label, times, flops, rows, peak, median(used[label]), measured[PREDICT])
        for label, times in on_best_threads(measured).items()
    ]
    heads = ["", "us per call", "rows per s", "GFLOP/s", "cores busy", "share of their peak", f"time {OF_OURS}"]
    return Table(
        f"{'-'.join(map(str, sizes))}, {rows:,} row{'s' if rows > 1 else ''}",
        heads,
        lines,
        targets(sizes, rows, measured),
    )


def on_best_threads(measured: dict[str, list[float]]) -> dict[str, list[float]]:
    """Of the same way on different numbers of threads only the fastest; its label says on how many."""
    best: dict[str, str] = {}
    for label, times in measured.items():
        way = label.split(" (")[0]
        if way not in best or median(times) < median(measured[best[way]]):
            best[way] = label
    return {label: measured[label] for label in best.values()}


def line(
    label: str, times: list[float], flops: int, rows: int, peak: float, busy: float, ours: list[float]
) -> list[str]:
    seconds = median(times)
    share = flops / seconds / (peak * max(1, round(busy)))
    cells = [f"{seconds * 1e6:,.1f}", f"{rows / seconds:,.0f}", f"{flops / seconds / 1e9:.1f}", f"{busy:.1f}"]
    return [label, *cells, f"{share:.0%}", "" if label == BARE else f"{ratio(times, ours):.2f}"]


def targets(sizes: Sizes, rows: int, measured: dict[str, list[float]]) -> list[str]:
    if rows != 1 or sizes != SIZES[0]:
        return []
    return [
        target("one row by model.predict, us", median(measured[PREDICT]) * 1e6, at_most=10),
        target("one row by the compiled call alone, us", median(measured[BARE]) * 1e6, at_most=2),
    ]


def tables(options: Options) -> Iterator[Table]:
    present = [library for library in LIBRARIES if find_spec(library)]
    if find_spec("onnx") is None:
        present.remove("onnxruntime")
    rounds, seconds = (3, 0.02) if options.quick else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        processes = {library: stack.enter_context(fresh_process()) for library in present}
        for sizes in SIZES:
            for rows in ROWS[:3] if options.quick else ROWS:
                yield compare(sizes, rows, processes, min(rounds, 3) if rows > MANY else rounds, seconds)
    yield Table("How predictions were measured", [], [], notes(present))


def notes(present: list[str]) -> list[str]:
    return [
        f"the outputs of all equal what NumPy makes of the weights, to {TOLERANCE:g}; scikit-learn's after the softmax "
        "that it adds",
        "peers were measured on one thread and on all; shown is the faster one",
        "the compiled call alone: the native function that predict calls, by ctypes, with its arrays given before",
        "cores busy: processor time over time, threads that spin while they wait included; a share of their peak is of "
        "as many cores, rounded, at least one",
        *(f"left out: {name}, since it (or onnx) is not installed" for name in LIBRARIES if name not in present),
    ]


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
