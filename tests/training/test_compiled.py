"""The compiled program does what the interpreted loop does, whatever the batches, and the same bits every time."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.training import thread_choice

from .conftest import same_bits

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 5)).astype(np.float32)
CLASSES = (X @ rng.normal(size=(5, 3))).argmax(axis=1)
AMOUNTS = np.tanh(X @ rng.normal(size=(5, 2))).astype(np.float32)


def trained(run_eagerly: bool = False, optimizer: Any = "adam", outputs: int = 3, **fit: Any) -> tuple[Any, Any]:
    """(model, history) of a small network with dropout, trained from one seed."""
    ebb.set_random_seed(11)
    hidden = [ebb.layers.Dense(9, activation="relu"), ebb.layers.Dropout(0.2), ebb.layers.Dense(7, activation="tanh")]
    model = ebb.Sequential([ebb.Input((5,)), *hidden, ebb.layers.Dense(outputs)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True) if outputs == 3 else "mse"
    metrics = ["accuracy"] if outputs == 3 else ["mae", "r2_score"]
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, run_eagerly=run_eagerly)
    history = model.fit(X, CLASSES if outputs == 3 else AMOUNTS, verbose=0, **fit)
    return model, history.history


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize("validation_split", [0.0, 0.3], ids=["", "validation"])
@pytest.mark.parametrize("batch_size", [1, 7, 16, 50, 150, 400])
def test_interpreted_and_compiled_training_agree(batch_size: int, validation_split: float, shuffle: bool) -> None:
    fit = {"batch_size": batch_size, "epochs": 2, "validation_split": validation_split, "shuffle": shuffle}
    eager, expected = trained(run_eagerly=True, **fit)
    compiled, history = trained(**fit)
    assert history.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=2e-4, atol=1e-5, err_msg=name)
    for one, other in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_every_optimizer_trains_alike_with_several_outputs(optimizer: str) -> None:
    fit = {"optimizer": optimizer, "outputs": 2, "batch_size": 33, "epochs": 3, "validation_split": 0.2}
    _, expected = trained(run_eagerly=True, **fit)
    _, history = trained(**fit)
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads() -> None:
    weights = []
    for threads in (1, 2, 3, 8, 1):
        ebb.config.set_threads(threads)
        model, _ = trained(batch_size=40, epochs=10, validation_split=0.2)
        weights.append(model.get_weights())
    assert all(same_bits(weights[0], other) for other in weights[1:])


def test_the_faster_number_of_threads_is_taken_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_choice, "cores", lambda: 4)
    clock = iter(range(1000))
    monkeypatch.setattr(thread_choice.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(thread_choice, "RETRY_SECONDS", 30.0)

    def settle(choice: Any, seconds: dict[int, float]) -> int:
        while choice.choose(1e-3)[1] < 1000:
            threads, _ = choice.choose(1e-3)
            choice.note(threads, seconds[threads], steps=1)
        return choice.present

    def is_open_after(ticks: int, choice: Any) -> bool:
        for _ in range(ticks):
            choice.choose(1e-3)
        return choice.choose(1e-3)[1] < 1000

    choice = thread_choice.ThreadChoice(flops=10**9)
    assert settle(choice, {1: 0.2, 4: 0.1}) == 4
    assert is_open_after(40, choice)
    assert settle(choice, {1: 1.0, 4: 2.0}) == 1
    assert not is_open_after(40, choice), "what cost two seconds is not done again so soon"
    assert is_open_after(100, choice)
    assert thread_choice.ThreadChoice(flops=10).choose(1e-3) == (1, 1 << 60)
    ebb.config.set_threads(3)
    assert thread_choice.ThreadChoice(flops=10).choose(1e-3) == (3, 1 << 60)


def test_a_fit_begins_with_what_was_settled_and_tries_when_it_is_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_choice, "cores", lambda: 4)
    now = [0.0]
    monkeypatch.setattr(thread_choice.time, "perf_counter", lambda: now[0])
    choice = thread_choice.ThreadChoice(flops=10**9)
    choice.begin()
    for threads in (1, 4, 1, 4):
        assert choice.choose(1e-3)[0] == threads
        choice.note(threads, {1: 0.2, 4: 0.1}[threads], steps=1)
    now[0] = 100.0
    choice.begin()
    assert choice.choose(1e-3) == (4, 1 << 60), "cores that have slept say nothing"
    now[0] += thread_choice.WARM_SECONDS
    assert choice.choose(1e-3)[0] == 1
    choice.begin()
    assert choice.choose(1e-3) == (4, 1 << 60), "a trial that a fit's end cut short is begun anew"


def test_products_among_samples_have_the_same_bits_too() -> None:
    """Here values have two axes of samples, so kernels that share them out differently must wait for each other."""

    class Mixing(ebb.layers.Layer):
        def call(self, x: Any) -> Any:
            s = x @ ebb.ops.transpose(x) / 40.0
            return (s * ebb.ops.exp(ebb.ops.transpose(s))) @ x

    losses = []
    for threads in (1, 2, 3, 2, 3):
        ebb.config.set_threads(threads)
        ebb.set_random_seed(3)
        model = ebb.Sequential([ebb.Input((5,)), ebb.layers.Dense(40), Mixing(), ebb.layers.Dense(3)])
        model.compile("adam", ebb.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses.append(model.fit(X, CLASSES, batch_size=75, epochs=20, verbose=0).history["loss"])
    assert all(other == losses[0] for other in losses[1:])


def test_how_often_python_looks_changes_no_bit() -> None:
    alone, history = trained(batch_size=32, epochs=4, validation_split=0.2)
    for called in ({"on_epoch_end": lambda epoch, logs: None}, {"on_train_batch_end": lambda batch, logs: None}):
        watch = ebb.callbacks.LambdaCallback(**called)
        watched, same = trained(batch_size=32, epochs=4, validation_split=0.2, callbacks=[watch])
        assert same_bits(alone.get_weights(), watched.get_weights()) and same == history


def test_batch_callbacks_are_called_for_training_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the validation takes longer than native code may run at a time."""
    monkeypatch.setattr("ebbflow.training.compiled.CHUNK_SECONDS", 0.0)
    batches: list[int] = []
    watch = ebb.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    trained(batch_size=32, epochs=2, validation_split=0.5, validation_batch_size=1, callbacks=[watch])
    assert batches == [0, 1, 2, 0, 1, 2]


def test_a_learning_rate_set_by_a_callback_is_used_from_the_next_epoch_on() -> None:
    def stop_learning(epoch: int, logs: dict[str, float]) -> None:
        if epoch == 0:
            model.optimizer.learning_rate = 0.0
            after_first.extend(model.get_weights())

    after_first: list[np.ndarray] = []
    ebb.set_random_seed(1)
    model = ebb.Sequential([ebb.Input((5,)), ebb.layers.Dense(3)])
    model.compile("sgd", ebb.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_weights()
    model.fit(X, CLASSES, epochs=3, verbose=0, callbacks=[ebb.callbacks.LambdaCallback(on_epoch_end=stop_learning)])
    assert not same_bits(before, after_first)
    assert same_bits(after_first, model.get_weights())


def test_early_stopping_is_the_same_in_native_code() -> None:
    results = []
    for run_eagerly in (True, False):
        stopping = ebb.callbacks.EarlyStopping(
            patience=3, min_delta=1e-3, restore_best_weights=True, start_from_epoch=2
        )
        optimizer = ebb.optimizers.Adam(0.1)
        _, history = trained(
            run_eagerly, optimizer, batch_size=16, epochs=60, validation_split=0.3, callbacks=[stopping]
        )
        results.append(
            (len(history["loss"]), stopping.best_epoch, stopping.stopped_epoch, stopping.wait, stopping.best)
        )
    assert results[0][:4] == results[1][:4]
    assert results[0][2] > 0
    assert results[0][4] == pytest.approx(results[1][4], rel=1e-3)


def test_a_bad_step_is_undone_to_the_bit() -> None:
    """The step whose loss is not finite leaves no trace, though native code had already done its update."""
    x = X.copy()
    x[100] = 3e38  # finite, but not what becomes of it
    ebb.set_random_seed(5)
    model = ebb.Sequential([ebb.Input((5,)), ebb.layers.Dense(4), ebb.layers.Dense(3)])
    model.compile("adam", "mse")
    y = np.zeros((150, 3), np.float32)
    with pytest.raises(ebb.core.errors.NonFiniteLossError) as caught:
        model.fit(x, y, batch_size=10, epochs=5, shuffle=False, verbose=0)
    assert (caught.value.epoch, caught.value.step) == (0, 10)

    ebb.set_random_seed(5)
    other = ebb.Sequential([ebb.Input((5,)), ebb.layers.Dense(4), ebb.layers.Dense(3)])
    other.compile("adam", "mse")
    other.fit(x[:100], y[:100], batch_size=10, epochs=1, shuffle=False, verbose=0)
    assert same_bits(model.get_weights(), other.get_weights())


def test_float64_is_float64_throughout() -> None:
    ebb.config.set_floatx("float64")
    model, _ = trained(batch_size=32, epochs=1)
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float64")}
    eager, _ = trained(run_eagerly=True, batch_size=32, epochs=1)
    for one, other in zip(model.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_fit_in_the_memory_of_the_last_one_starts_from_the_weights_of_now() -> None:
    def fitted(model: Any) -> list[np.ndarray]:
        model.fit(X, AMOUNTS, batch_size=32, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    model = ebb.Sequential([ebb.Input((5,)), ebb.layers.Dense(4, activation="tanh"), ebb.layers.Dense(2)])
    model.compile("sgd", "mse")
    start = model.get_weights()
    first = fitted(model)
    assert model.programs.state is not None
    model.set_weights(start)
    assert same_bits(fitted(model), first)
    assert not same_bits(fitted(model), first), "without it the training goes on"


def test_a_bad_step_of_a_later_fit_is_undone() -> None:
    model = ebb.Sequential([ebb.Input((5,)), ebb.layers.Dense(2)])
    model.compile(ebb.optimizers.SGD(1.0), "mse")
    model.fit(0.1 * X, AMOUNTS, verbose=0)
    before = model.get_weights()
    with pytest.raises(ebb.core.errors.NonFiniteLossError):
        model.fit(X[:32] * np.float32(1e25), AMOUNTS[:32], batch_size=32, verbose=0)
    assert same_bits(model.get_weights(), before)
