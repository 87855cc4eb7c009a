"""Saved models: nothing is lost, nothing damaged is loaded, and a file is whole at every moment."""

import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ModelFileError, ShapeError
from ebbflow.training.modelfile import read_model_file, write_model_file
from tests.training.conftest import same_bits
from tests.training.test_model import Residual

ROOT = Path(__file__).parents[2]


@pytest.fixture
def saved(regressor, regression, tmp_path) -> Path:
    """The file of a trained model."""
    model = regressor(dropout=0.2)
    model.fit(*regression, verbose=0)
    model.save(tmp_path / "model.ebb", extra={"units": ["cm", "kg"]})
    return tmp_path / "model.ebb"


def test_a_loaded_model_predicts_and_measures_the_same(classifier, classes, tmp_path) -> None:
    model = classifier()
    model.fit(*classes, epochs=2, verbose=0)
    model.save(tmp_path / "model.ebb", extra={"unit": "cm", "scale": 0.1})
    loaded = ebb.load_model(tmp_path / "model.ebb")

    assert type(loaded) is ebb.Sequential
    assert np.array_equal(model.predict(classes[0], verbose=0), loaded.predict(classes[0], verbose=0))
    assert model.evaluate(*classes, verbose=0) == loaded.evaluate(*classes, verbose=0)
    assert loaded.get_config() == model.get_config()
    assert loaded.extra == {"unit": "cm", "scale": 0.1} and model.extra == {}


@pytest.mark.parametrize(
    "optimizer", ["adam", "rmsprop", lambda: ebb.optimizers.SGD(0.1, momentum=0.9)], ids=["adam", "rmsprop", "momentum"]
)
def test_training_goes_on_after_loading_as_if_it_had_not_stopped(regressor, regression, tmp_path, optimizer) -> None:
    model = regressor(dropout=0.3, optimizer=optimizer() if callable(optimizer) else optimizer)
    model.fit(*regression, batch_size=16, epochs=2, verbose=0)
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb")

    first = model.fit(*regression, batch_size=16, epochs=2, verbose=0)
    second = loaded.fit(*regression, batch_size=16, epochs=2, verbose=0)

    assert first.history == second.history
    variables = [[v.numpy() for v in [*m.variables, *m.optimizer.variables]] for m in (model, loaded)]
    assert same_bits(*variables)


def test_a_model_saved_by_a_callback_continues_too(regressor, regression, tmp_path) -> None:
    model = regressor(dropout=0.3)
    keep = ebb.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: model.save(tmp_path / f"{epoch}.ebb"))
    model.fit(*regression, batch_size=16, epochs=3, verbose=0, callbacks=[keep])
    loaded = ebb.load_model(tmp_path / "1.ebb")
    loaded.fit(*regression, batch_size=16, epochs=3, initial_epoch=2, verbose=0)
    assert same_bits(model.get_weights(), loaded.get_weights())


def test_changed_settings_are_saved(regressor, regression, tmp_path) -> None:
    model = regressor(dropout=0.3)
    model.layers[0].trainable = False
    model.layers[1].rate = 0.5
    model.optimizer.learning_rate = 0.25
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb")
    assert not loaded.layers[0].trainable and loaded.layers[2].trainable
    assert (float(loaded.layers[1].rate), float(loaded.optimizer.learning_rate)) == (0.5, 0.25)


def test_settings_inside_a_class_of_ones_own_are_saved(regression, tmp_path) -> None:
    class Noisy(Residual):
        def __init__(self):
            super().__init__()
            self.noise = ebb.layers.Dropout(0.1)

        def call(self, inputs):
            return self.noise(super().call(inputs))

    model = Noisy()
    model.predict(regression[0], verbose=0)
    model.noise.rate = 0.75
    model.inner.trainable = False
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb", custom_objects={"Noisy": Noisy})
    assert float(loaded.noise.rate) == 0.75
    assert (loaded.trainable, loaded.inner.trainable, loaded.outer.trainable) == (True, False, True)


def test_learned_moments_inside_a_class_of_ones_own_are_saved(regression, tmp_path) -> None:
    class Scaled(Residual):
        def __init__(self):
            super().__init__()
            self.scale = ebb.layers.Normalization()

        def call(self, inputs):
            return super().call(self.scale(inputs))

    model = Scaled()
    model.scale.adapt(regression[0] + 5)
    before = model.predict(regression[0], verbose=0)
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb", custom_objects={"Scaled": Scaled})
    assert same_bits([before], [loaded.predict(regression[0], verbose=0)])


def test_a_model_keeps_its_extra_when_saved_again(saved, tmp_path) -> None:
    ebb.load_model(saved).save(tmp_path / "again.ebb")
    assert ebb.load_model(tmp_path / "again.ebb").extra == {"units": ["cm", "kg"]}


def test_the_same_model_gives_the_same_bytes(saved, tmp_path) -> None:
    ebb.load_model(saved).save(tmp_path / "again.ebb")
    assert (tmp_path / "again.ebb").read_bytes() == saved.read_bytes()


def test_models_that_are_not_compiled_or_not_built_can_be_saved(tmp_path) -> None:
    ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1)]).save(tmp_path / "plain.ebb")
    assert not ebb.load_model(tmp_path / "plain.ebb").compiled
    ebb.Sequential([ebb.layers.Dense(1)]).save(tmp_path / "unbuilt.ebb")
    assert not ebb.load_model(tmp_path / "unbuilt.ebb").built


def test_a_file_is_a_zip_of_json_and_safetensors(saved) -> None:
    from safetensors.numpy import load

    with zipfile.ZipFile(saved) as archive:
        document = json.loads(archive.read("ebbflow.json"))
        arrays = load(archive.read("weights.safetensors"))
    assert (document["version"], document["ebbflow"]) == (1, ebb.__version__)
    assert document["arrays"]["weights"][0].startswith("weights/0/dense")
    assert arrays[document["arrays"]["weights"][0]].shape == (3, 8)


def test_weights_alone_can_be_loaded(saved, regressor) -> None:
    model = regressor()
    model.load_weights(saved)
    assert same_bits(model.get_weights(), ebb.load_model(saved).get_weights())


# classes and functions of one's own


def double_error(y_true, y_pred):
    return 2.0 * (y_true - y_pred) ** 2


class Scale(ebb.layers.Layer):
    def __init__(self, by: float = 2.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs * self.by


def test_classes_and_functions_of_ones_own_are_given_when_loading(run_eagerly, regression, tmp_path) -> None:
    model = ebb.Sequential([ebb.Sequential([Scale(3.0)]), Residual(units=3)])
    model.compile(optimizer="adam", loss=double_error, metrics=[double_error], run_eagerly=run_eagerly)
    model.fit(*regression, epochs=1, verbose=0)
    model.save(tmp_path / "model.ebb")

    own = {"Scale": Scale, "Residual": Residual, "double_error": double_error}
    loaded = ebb.load_model(tmp_path / "model.ebb", custom_objects=own)
    assert model.evaluate(*regression, verbose=0) == loaded.evaluate(*regression, verbose=0)

    with pytest.raises(ModelFileError, match=r"model.ebb: .*'Scale'.*custom_objects=\{.Scale.: Scale\}"):
        ebb.load_model(tmp_path / "model.ebb")
    del own["double_error"]
    with pytest.raises(ModelFileError, match=r"needs your own loss double_error; give it as load_model\(path, custom"):
        ebb.load_model(tmp_path / "model.ebb", custom_objects=own)
    uncompiled = ebb.load_model(tmp_path / "model.ebb", custom_objects=own, compile=False)
    assert same_bits(uncompiled.get_weights(), model.get_weights()) and not uncompiled.compiled


def test_a_class_that_has_changed_is_noticed(regression, tmp_path) -> None:
    class Narrow(Residual):
        def __init__(self, units: int = 1):
            super().__init__(units)

    model = Residual()
    model.predict(regression[0], verbose=0)
    model.save(tmp_path / "model.ebb")
    with pytest.raises(ModelFileError, match=r"holds float32\[3, 3\] for .*kernel, which is float32\[3,1\]"):
        ebb.load_model(tmp_path / "model.ebb", custom_objects={"Residual": Narrow})


def test_what_a_file_cannot_hold_is_refused_and_the_old_file_kept(saved, regressor) -> None:
    before = saved.read_bytes()
    model = regressor()
    with pytest.raises(ArgumentError, match="expected JSON values in extra"):
        model.save(saved, extra={"when": object()})
    with pytest.raises(ArgumentError, match=r"expected extra as a dict of JSON values, got \[1\]"):
        model.save(saved, extra=[1])
    model.compile(loss=lambda y_true, y_pred: y_pred, optimizer="adam")
    with pytest.raises(ArgumentError, match="expected a loss with a name, got <function"):
        model.save(saved)
    assert saved.read_bytes() == before


# damage


def test_a_truncated_file_is_refused(saved) -> None:
    whole = saved.read_bytes()
    for length in [0, 1, 10, 300, len(whole) // 2, len(whole) - 1]:
        saved.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="model.ebb: "):
            ebb.load_model(saved)


def test_a_flipped_bit_anywhere_is_noticed(saved) -> None:
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    for position in {0, len(whole) - 1, *rng.integers(0, len(whole), 200).tolist()}:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        saved.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="model.ebb: "):
            ebb.load_model(saved)


def test_other_files_are_refused(tmp_path) -> None:
    for name, content in {"empty": b"", "text": b"hello", "zip": b"PK\x03\x04" + bytes(99)}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelFileError, match=f"{name}: expected a model written by ebbflow"):
            ebb.load_model(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        ebb.load_model(tmp_path / "missing")


def test_a_newer_version_is_refused(saved) -> None:
    document, arrays = read_model_file(saved)
    write_model_file(saved, document | {"version": 2, "ebbflow": "9.0"}, arrays)
    with pytest.raises(ModelFileError, match=r"was written by ebbflow 9.0 in format 2, .* install a newer ebbflow"):
        ebb.load_model(saved)


SAVING_PROCESS = """
import sys
import numpy as np
import ebbflow as ebb

model = ebb.Sequential([ebb.Input((100,)), ebb.layers.Dense(300)])
zeros = [np.zeros_like(weight) for weight in model.get_weights()]
print("ready", flush=True)
while True:
    for number in (1, 2):
        model.set_weights([array + number for array in zeros])
        model.save(sys.argv[1], extra={"number": number})
"""


def test_a_process_killed_while_saving_leaves_a_whole_file(tmp_path) -> None:
    path = tmp_path / "model.ebb"
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING_PROCESS, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        while not path.exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        model = ebb.load_model(path)
        assert all((weight == model.extra["number"]).all() for weight in model.get_weights())


def test_weights_alone_go_into_a_file_and_back(tmp_path: Path) -> None:
    trained, fresh = (ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(2)]) for _ in range(2))
    trained.save_weights(tmp_path / "w.ebb")
    fresh.load_weights(tmp_path / "w.ebb")
    for mine, other in zip(fresh.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(ModelFileError, match="holds weights and no layers; make the model, and call its load_weights"):
        ebb.load_model(tmp_path / "w.ebb")


def test_a_file_that_exists_is_overwritten_unless_told_otherwise(tmp_path: Path) -> None:
    model, path = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(2)], name="net"), tmp_path / "net.ebb"
    for write in (model.save, model.save_weights):
        write(path)
        write(path, overwrite=True)
        before = path.read_bytes()
        with pytest.raises(
            ArgumentError, match=r'Sequential "net": expected filepath to be new, got .*net.ebb.*exists'
        ):
            write(path, overwrite=False)
        assert path.read_bytes() == before
        path.unlink()
        write(path, overwrite=False)
    with pytest.raises(ArgumentError, match="expected None or True, .* for zipped, got False"):
        model.save(path, zipped=False)


def test_weights_of_other_shapes_are_left_where_told(tmp_path: Path) -> None:
    def network(units: int) -> ebb.Sequential:
        return ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(4), ebb.layers.Dense(units, name="last")])

    saved, model = network(2), network(5)
    saved.save_weights(tmp_path / "w.ebb")
    before = model.get_weights()
    with pytest.raises(ShapeError):
        model.load_weights(tmp_path / "w.ebb")
    with pytest.warns(UserWarning, match="load_weights left last/kernel, last/bias as they are"):
        model.load_weights(tmp_path / "w.ebb", skip_mismatch=True)
    expected = [*saved.get_weights()[:2], *before[2:]]
    for mine, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_configuration_may_come_with_classes_of_ones_own() -> None:
    class Twice(ebb.layers.Layer):
        def call(self, inputs):
            return 2.0 * inputs

    config = ebb.Sequential([ebb.Input((3,)), Twice()]).get_config()
    assert type(ebb.Sequential.from_config(config, {"Twice": Twice}).layers[0]) is Twice
    with pytest.raises(ArgumentError, match="Twice"):
        ebb.Sequential.from_config(config)
