"""TensorBoard: event files, read by hand and by TensorBoard itself."""

import json
import struct

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import TensorBoard
from ebbflow.training.callbacks.events import EventFile, crc32c, histogram, masked, scalar, varint


def varint_at(data: bytes, place: int) -> tuple[int, int]:
    """(the number there, the place after it)."""
    value = shift = 0
    while True:
        byte = data[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place


def fields(data: bytes) -> dict[int, list]:
    """A protocol buffer's fields by number."""
    found, place = {}, 0
    while place < len(data):
        key, place = varint_at(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = varint_at(data, place)
        else:
            size = {1: 8, 5: 4}.get(kind) or 0
            if kind == 2:
                size, place = varint_at(data, place)
            value = data[place : place + size]
            place += size
        found.setdefault(number, []).append(value)
    return found


def bodies_of(data: bytes) -> list[bytes]:
    """The records in a file, with their checksums checked."""
    bodies, place = [], 0
    while place < len(data):
        head, (n,) = data[place : place + 8], struct.unpack("<Q", data[place : place + 8])
        body = data[place + 12 : place + 12 + n]
        assert data[place + 8 : place + 12] == struct.pack("<I", masked(crc32c(head)))
        assert data[place + 12 + n : place + 16 + n] == struct.pack("<I", masked(crc32c(body)))
        bodies.append(body)
        place += 16 + n
    return bodies


def scalars_of(folder) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of each tag in the only event file of a folder."""
    (path,) = folder.iterdir()
    found = {}
    for event in map(fields, bodies_of(path.read_bytes())[1:]):
        for value in map(fields, fields(event[5][0]).get(1, [])):
            if 2 in value:
                pair = event.get(2, [0])[0], struct.unpack("<f", value[2][0])[0]
                found.setdefault(value[1][0].decode(), []).append(pair)
    return found


def f32(values):
    return [float(np.float32(value)) for value in values]


def test_checksums_are_those_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, appendix B.4, and the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**63 - 1, -1])
def test_numbers_are_written_as_read(value) -> None:
    assert fields(varint(3, value)) == {3: [value % 2**64]}


def test_an_event_file_begins_with_its_version(tmp_path) -> None:
    file = EventFile(tmp_path)
    file.add([scalar("a", 0.5), scalar("b", 2.0)], 300)
    first, second = map(fields, bodies_of(file.path.read_bytes()))
    assert first[3] == [b"brain.Event:2"]
    assert second[2] == [300] and len(fields(second[5][0])[1]) == 2
    assert file.path.name.startswith("events.out.tfevents.")


def test_what_is_logged_is_written_for_training_and_validation(regressor, regression, tmp_path) -> None:
    model = regressor(optimizer=ebb.optimizers.SGD(0.25))
    board = TensorBoard(tmp_path, write_steps_per_second=True)
    history = model.fit(
        *regression, epochs=3, verbose=0, batch_size=10, validation_split=0.2, callbacks=[board]
    ).history
    train, validation = scalars_of(tmp_path / "train"), scalars_of(tmp_path / "validation")
    assert train["epoch_loss"] == list(enumerate(f32(history["loss"])))
    assert train["epoch_learning_rate"] == [(0, 0.25), (1, 0.25), (2, 0.25)]
    assert all(rate > 0 for _, rate in train["epoch_steps_per_second"])
    assert validation["epoch_loss"] == list(enumerate(f32(history["val_loss"])))
    assert validation["evaluation_loss_vs_iterations"] == list(zip((4, 8, 12), f32(history["val_loss"]), strict=True))


def test_batches_are_written_if_asked(regressor, regression, tmp_path) -> None:
    board = TensorBoard(tmp_path, update_freq=2)
    regressor().fit(*regression, epochs=2, verbose=0, batch_size=20, callbacks=[board])
    assert [step for step, _ in scalars_of(tmp_path / "train")["batch_loss"]] == [2, 4, 6]


def test_evaluate_writes_too(regressor, regression, tmp_path) -> None:
    model = regressor()
    loss = model.evaluate(*regression, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert scalars_of(tmp_path / "validation") == {"evaluation_loss_vs_iterations": [(0, *f32([loss]))]}


def test_a_histogram_counts_every_finite_number() -> None:
    numbers = np.array([0.0, 1.0, 1.0, 4.0, np.nan, np.inf])
    histo = fields(fields(histogram("h", numbers))[5][0])
    assert [struct.unpack("<d", histo[k][0])[0] for k in range(1, 6)] == [0.0, 4.0, 4.0, 6.0, 18.0]
    limits, counts = (np.frombuffer(histo[k][0], "<f8") for k in (6, 7))
    assert len(limits) == len(counts) and counts.sum() == 4 and limits[-1] == 4.0
    assert histogram("empty", np.array([np.nan])) and histogram("equal", np.zeros(3))


def test_tensorboard_reads_it(regressor, regression, tmp_path) -> None:
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is an extra of the tests"
    )
    model = regressor()
    board = TensorBoard(tmp_path, histogram_freq=2)
    history = model.fit(*regression, epochs=3, verbose=0, callbacks=[board]).history
    read = accumulators.EventAccumulator(str(tmp_path / "train"), size_guidance={"histograms": 0})
    read.Reload()
    assert [(event.step, event.value) for event in read.Scalars("epoch_loss")] == list(enumerate(f32(history["loss"])))
    weight = model.weights[0]
    first, last = read.Histograms(f"{weight.name}/histogram")
    assert (first.step, last.step) == (0, 2)
    assert last.histogram_value.num == weight.numpy().size
    assert last.histogram_value.max == weight.numpy().max()


def test_tensorboard_draws_the_layers(regression, tmp_path) -> None:
    keras_util = pytest.importorskip(
        "tensorboard.plugins.graph.keras_util", reason="TensorBoard is an extra of the tests"
    )
    events = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    model = ebb.Sequential([ebb.layers.Dense(4, name="first"), ebb.layers.Dense(1, name="second")], name="net")
    model.compile("sgd", "mse")
    model.fit(*regression, verbose=0, callbacks=[TensorBoard(tmp_path)])
    (path,) = (tmp_path / "train").iterdir()
    value = events.Event.FromString(bodies_of(path.read_bytes())[1]).summary.value[0]
    assert value.metadata.plugin_data.plugin_name == "graph_keras_model"
    graph = keras_util.keras_model_to_graph_def(json.loads(value.tensor.string_val[0]))
    assert [(node.name, list(node.input)) for node in graph.node] == [
        ("net/first", []),
        ("net/second", ["net/first"]),
    ]
