"""Data stays as it lies: in the user's type, in the user's memory or file, and is converted one batch at a time."""

import platform
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.backends.cpu.target import host, x86_64_v3
from ebbflow.core.errors import ArgumentError
from tests.training.conftest import same_bits

WHOLE = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float16", "float32", "float64"]
rng = np.random.default_rng(0)


def numbers(dtype: str, rows: int, width: int) -> np.ndarray:
    """Numbers of all sizes that a type has, so that many of them must be rounded."""
    if dtype in FLOATS:
        largest = min(np.finfo(dtype).maxexp, 128) - 1
        return (rng.uniform(-1, 1, (rows, width)) * 2.0 ** rng.integers(-14, largest, (rows, width))).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, (rows, width)).astype(bool)
    return rng.integers(0, 256, (rows, width * np.dtype(dtype).itemsize), np.uint8).view(dtype)


def network(outputs: int = 3, width: int = 21, run_eagerly: bool = False, first: Any = None) -> ebb.Sequential:
    ebb.set_random_seed(4)
    model = ebb.Sequential([ebb.Input((width,)), *([first] if first else []), ebb.layers.Dense(6, activation="tanh")])
    model.add(ebb.layers.Dense(outputs))
    sparse = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = ["accuracy"] if outputs > 1 else None
    model.compile("adam", sparse if outputs > 1 else "mse", metrics=metrics, run_eagerly=run_eagerly)
    return model


def mapped(path: Path, array: np.ndarray) -> np.ndarray:
    """The same numbers in a file, mapped into memory to be read alone."""
    np.save(path / "numbers.npy", array)
    return np.load(path / "numbers.npy", mmap_mode="r")


# types


@pytest.mark.parametrize("dtype", WHOLE + FLOATS)
def test_a_batch_has_the_numbers_that_astype_gives(dtype: str, run_eagerly: bool) -> None:
    for width in (1, 5, 21, 40):
        model = ebb.Sequential([ebb.layers.Flatten()])
        model.compile(run_eagerly=run_eagerly)
        x = numbers(dtype, 37, width)
        expected = x.astype(np.float32)
        assert len(np.unique(expected)) > 1
        assert same_bits([model.predict(x, verbose=0), model.predict(expected, verbose=0)], [expected, expected])


def test_every_half_is_read_as_the_number_that_it_is() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(-1, 32)
    halves = halves[np.isfinite(halves).all(axis=1)]
    assert len(halves) == 2048 - 64
    same = ebb.Sequential([ebb.layers.Flatten()])
    assert same_bits([same.predict(halves, verbose=0)], [halves.astype(np.float32)])


@pytest.mark.parametrize("dtype", WHOLE + FLOATS)
def test_another_processor_reads_the_same_numbers(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.machine() not in ("x86_64", "AMD64") or "+avx2" not in host().features.split(","):
        pytest.skip("code for AVX2 does not run on this machine")
    monkeypatch.setattr("ebbflow.compile.host", x86_64_v3)
    x = numbers(dtype, 37, 21)
    same = ebb.Sequential([ebb.layers.Flatten()])
    assert same_bits([same.predict(x, verbose=0)], [x.astype(np.float32)])


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
def test_the_type_of_the_data_changes_no_bit(dtype: str, run_eagerly: bool) -> None:
    """Whoever trains, measures or predicts on numbers gets the same as on those numbers in float32."""
    x = rng.uniform(0, 5, size=(40, 21)).astype(dtype)
    y = rng.integers(0, 3, 40)
    results = []
    for data in (x, x.astype(np.float32)):
        model = network(run_eagerly=run_eagerly)
        history = model.fit(data, y, batch_size=16, epochs=2, validation_split=0.2, verbose=0).history
        measured = history, model.train_on_batch(data[:9], y[:9]), model.evaluate(data, y, batch_size=20, verbose=0)
        results.append((measured, [model.predict(data, verbose=0), *model.get_weights()]))
    assert results[0][0] == results[1][0]
    assert same_bits(results[0][1], results[1][1])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float64"])
def test_the_type_of_the_targets_changes_no_bit(dtype: str, run_eagerly: bool) -> None:
    x, y = rng.normal(size=(32, 21)).astype(np.float32), rng.integers(0, 2, 32)
    plain = np.float32 if dtype.startswith("float") else np.int32
    histories = [
        network(run_eagerly=run_eagerly).fit(x, labels, batch_size=16, epochs=2, verbose=0).history
        for labels in (y.astype(dtype), y.astype(plain))
    ]
    assert histories[0] == histories[1]


def test_a_model_reads_one_type_after_another() -> None:
    model, x = network(), rng.integers(0, 99, (40, 21))
    predictions = [model.predict(x.astype(dtype), verbose=0) for dtype in ("uint8", "float32", "int8", "uint8")]
    assert same_bits(predictions[:-1], predictions[1:])


@pytest.mark.parametrize("change", [np.asfortranarray, lambda x: x[::2], lambda x: x.astype(">f4"), np.longdouble])
def test_arrays_in_memory_are_copied_where_their_rows_must_be_moved(change: Any) -> None:
    x = change(rng.normal(size=(40, 21)).astype(np.float32))
    model = network()
    assert same_bits([model.predict(x, verbose=0)], [model.predict(x.astype(np.float32, order="C"), verbose=0)])


# memory


@pytest.mark.parametrize("in_file", [False, True], ids=["in memory", "in a file"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_nothing_as_large_as_the_data_is_allocated(dtype: str, in_file: bool, tmp_path: Path) -> None:
    rows, width, batch = 4096, 2048, 16
    x, y = np.zeros((rows, width), dtype), np.zeros(rows, np.int64)
    x = mapped(tmp_path, x) if in_file else x
    model = network(width=width)

    def use(rows: int) -> None:
        model.fit(x[:rows], y[:rows], batch_size=batch, validation_split=0.25, verbose=0)
        model.evaluate(x[:rows], y[:rows], batch_size=batch, verbose=0)
        model.predict(x[:rows], batch_size=batch, verbose=0)
        model.predict(x[:rows], batch_size=batch, verbose=0)

    use(4 * batch)  # compiles
    tracemalloc.start(1)
    try:
        use(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    weights, a_batch, order = 4 * 6 * width, 4 * batch * width, 12 * rows
    assert peak < 10 * weights + 8 * a_batch + 4 * order + 500_000 < 0.5 * x.nbytes


LARGER_THAN_MEMORY = """
    import resource, sys
    import numpy as np
    import ebbflow as ebb

    def data(rows):
        x = np.memmap(sys.argv[1], np.uint8, "r", shape=(rows, 16384))
        y = np.memmap(sys.argv[2], np.uint8, "r", shape=(rows,))
        return x, y

    def use(rows):
        x, y = data(rows)
        losses = model.fit(x, y, batch_size=64, epochs=1, validation_split=0.25, verbose=0).history["loss"]
        return losses, model.evaluate(x, y, batch_size=64, verbose=0), model.predict(x, batch_size=64, verbose=0)

    ebb.config.set_threads(1)
    ebb.set_random_seed(1)
    model = ebb.Sequential([ebb.Input((16384,)), ebb.layers.Rescaling(1 / 255), ebb.layers.Dense(2)])
    model.compile("sgd", ebb.losses.SparseCategoricalCrossentropy(from_logits=True))
    use(256)
    taken = {line.split()[0]: int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("Vm")}
    limit = taken["VmData:"] * 1024 + (32 << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    rows = (limit + (64 << 20)) // 16384 // 256 * 256
    try:
        np.ones((rows, 16384), np.uint8)
    except MemoryError:
        losses, _, predicted = use(rows)
        assert np.isfinite(losses).all() and predicted.shape == (rows, 2)
        print("larger than memory")
"""


def test_a_file_larger_than_memory_is_trained_on(tmp_path: Path) -> None:
    """Memory of one's own is limited; pages of a file do not count."""
    if sys.platform != "linux":
        pytest.skip("RLIMIT_DATA limits all private memory on Linux alone")
    for name in ("x", "y"):
        with open(tmp_path / name, "wb") as file:
            file.write(rng.integers(0, 2, 1 << 20, np.uint8).tobytes())
            file.truncate(2 << 30)  # zeros that take no place on the disk
    program = textwrap.dedent(LARGER_THAN_MEMORY)
    paths = [str(tmp_path / name) for name in ("x", "y")]
    done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, timeout=60)
    assert done.stdout == "larger than memory\n", done.stderr


# files


def test_training_on_a_file_gives_the_bits_of_training_in_memory(run_eagerly: bool, tmp_path: Path) -> None:
    x, y = rng.normal(size=(80, 21)).astype(np.float32), rng.normal(size=(80, 1)).astype(np.float32)
    weights = []
    for data in (x, mapped(tmp_path, x)):
        model = network(1, run_eagerly=run_eagerly)
        history = model.fit(data, y, batch_size=16, epochs=3, validation_split=0.2, verbose=0).history
        weights.append([*model.get_weights(), np.array(list(history.values())), model.predict(data, verbose=0)])
    assert same_bits(*weights)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_file_is_not_searched_before_yet_the_place_is_named(value: float, run_eagerly: bool, tmp_path: Path) -> None:
    """The step that reads such a number is undone; a tanh that makes 1 of infinity does not hide it."""
    x, y = rng.normal(size=(64, 21)), rng.normal(size=(64, 1)).astype(np.float32)
    before = network(1, run_eagerly=run_eagerly)
    before.fit(x[:48], y[:48], batch_size=16, shuffle=False, verbose=0)
    x[50, 7] = value
    x = mapped(tmp_path, x.astype(np.float32))
    message = f"expected finite numbers in x, got {value} at row 50, column 7; fill or drop such rows"

    model = network(1, run_eagerly=run_eagerly)
    with pytest.raises(ArgumentError, match=f"fit: {message}"):
        model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    assert same_bits(model.get_weights(), before.get_weights())
    for options in ({"validation_split": 0.5}, {"epochs": 3}, {"callbacks": [ebb.callbacks.TerminateOnNaN()]}):
        with pytest.raises(ArgumentError, match=f"fit: {message}"):
            model.fit(x, y, batch_size=16, verbose=0, **options)
    for name, use in (("evaluate", model.evaluate), ("predict", lambda x, y, **options: model.predict(x, **options))):
        with pytest.raises(ArgumentError, match=f"{name}: {message}"):
            use(x, y, batch_size=16, verbose=0)
    with pytest.raises(ArgumentError, match=f"train_on_batch: {message}"):
        model.train_on_batch(x, y)
    with pytest.raises(ArgumentError, match=f"fit: validation_data: {message}"):
        model.fit(x[:10], y[:10], validation_data=(x, y), verbose=0)


def test_targets_in_a_file_are_looked_at_too(run_eagerly: bool, tmp_path: Path) -> None:
    x = rng.normal(size=(70, 21)).astype(np.float32)
    y = x[:, :1].astype(np.float64)
    y[33] = 1e60
    y = mapped(tmp_path, y)
    with pytest.raises(ArgumentError, match="in y, got 1e.60, which is too large for float32, at row 33, column 0"):
        network(1, run_eagerly=run_eagerly).fit(x, y, verbose=0)
    with pytest.raises(ArgumentError, match="evaluate: .* at row 33, column 0"):
        network(1, run_eagerly=run_eagerly).evaluate(x, y, verbose=0)


def test_a_file_is_never_copied_into_memory_unasked(tmp_path: Path) -> None:
    by_columns = mapped(tmp_path, np.asfortranarray(rng.normal(size=(40, 21))))
    with pytest.raises(
        ArgumentError, match=r"fit: expected the rows of a memory-mapped x one after another in the file"
    ):
        network().fit(by_columns, np.zeros(40), verbose=0)
    with pytest.raises(
        ArgumentError, match=r"got <f8 with strides \(16, 320\).* with numpy.array\(x, 'float64', order"
    ):
        network().predict(by_columns[::2])
    foreign = mapped(tmp_path, np.ones((40, 21), ">f4"))
    with pytest.raises(ArgumentError, match="in the file, as float32, got >f4"):
        network().predict(foreign)


# units


def test_bytes_are_rescaled_in_the_first_layer(run_eagerly: bool, tmp_path: Path) -> None:
    pixels, y = rng.integers(0, 256, (48, 21), np.uint8), rng.integers(0, 3, 48)
    scaled = pixels * np.float32(1 / 255) - np.float32(0.5)
    layered = network(run_eagerly=run_eagerly, first=ebb.layers.Rescaling(1 / 255, offset=-0.5))
    plain = network(run_eagerly=run_eagerly)
    for model, x in ((layered, mapped(tmp_path, pixels)), (plain, scaled)):
        model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert same_bits(layered.get_weights(), plain.get_weights())
    layered.save(tmp_path / "model.ebb")
    again = ebb.load_model(tmp_path / "model.ebb")
    assert same_bits([again.predict(pixels, verbose=0)], [layered.predict(pixels, verbose=0)])
