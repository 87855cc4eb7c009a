"""What `fit`, `evaluate` and `predict` do with data that is in order."""

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.random import permutation
from tests.training.conftest import same_bits


def test_a_network_learns_xor(run_eagerly, xor) -> None:
    x, y = xor
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(8, activation="tanh"), ebb.layers.Dense(2)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=ebb.optimizers.Adam(0.05), loss=loss, metrics=["accuracy"], run_eagerly=run_eagerly)

    history = model.fit(x, y, batch_size=4, epochs=100, verbose=0)

    assert history.history["loss"][-1] < 0.05 < history.history["loss"][0]
    assert history.history["accuracy"][-1] == 1.0
    assert model.predict(x, verbose=0).argmax(axis=1).tolist() == y.tolist()


def test_the_history_holds_a_number_per_epoch_and_name(classifier, classes) -> None:
    model = classifier()
    history = model.fit(*classes, epochs=3, verbose=0, validation_split=0.25)
    assert history is model.history
    assert history.epoch == [0, 1, 2]
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(type(value) is float for values in history.history.values() for value in values)
    assert {len(values) for values in history.history.values()} == {3}


def test_the_same_seed_gives_the_same_bits(regressor, regression) -> None:
    trained = []
    for _ in range(2):
        ebb.set_random_seed(3)
        model = regressor(dropout=0.3)
        model.fit(*regression, epochs=3, verbose=0)
        trained.append(model.get_weights())
    assert same_bits(*trained)


def test_a_training_that_is_continued_equals_one_that_was_not_stopped(regressor, regression) -> None:
    whole = regressor(dropout=0.3)
    whole.fit(*regression, batch_size=16, epochs=4, verbose=0)
    ebb.set_random_seed(7)
    parts = regressor(dropout=0.3)
    parts.fit(*regression, batch_size=16, epochs=1, verbose=0)
    parts.fit(*regression, batch_size=16, epochs=3, verbose=0)
    assert same_bits(whole.get_weights(), parts.get_weights())


def test_initial_epoch_numbers_the_epochs(regressor, regression) -> None:
    model = regressor()
    assert model.fit(*regression, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    assert model.fit(*regression, epochs=5, initial_epoch=5, verbose=0).epoch == []
    assert model.fit(*regression, epochs=0, verbose=0).history == {}


def test_the_validation_split_is_the_last_part_of_the_rows(regressor, regression) -> None:
    x, y = regression
    model, other = regressor(), regressor()
    other.set_weights(model.get_weights())
    split = model.fit(x, y, epochs=1, shuffle=False, verbose=0, validation_split=0.2)
    given = other.fit(x[:40], y[:40], epochs=1, shuffle=False, verbose=0, validation_data=(x[40:], y[40:]))
    assert split.history == given.history
    assert split.history["val_loss"] == [model.evaluate(x[40:], y[40:], verbose=0)]


@pytest.mark.parametrize("batch_size", [1, 16, 50, 64])
def test_a_mean_over_batches_is_the_mean_over_rows(regressor, regression, batch_size) -> None:
    x, y = regression
    model = regressor(metrics=["mae"])
    outputs = model.predict(x, batch_size=batch_size, verbose=0)
    results = model.evaluate(x, y, batch_size=batch_size, return_dict=True, verbose=0)
    assert results["loss"] == pytest.approx(np.square(outputs - y).mean(), rel=1e-5)
    assert list(results.values())[1] == pytest.approx(np.abs(outputs - y).mean(), rel=1e-5)


def test_evaluate_answers_with_a_number_a_list_or_a_dict(regressor, regression) -> None:
    assert isinstance(regressor().evaluate(*regression, verbose=0), float)
    model = regressor(metrics=["mae"])
    values = model.evaluate(*regression, verbose=0)
    assert dict(zip(model.metrics_names, values, strict=True)) == model.evaluate(
        *regression, verbose=0, return_dict=True
    )


def test_each_epoch_visits_every_row_once_in_an_order_of_its_own(regression) -> None:
    seen: list[np.ndarray] = []

    class Watching(ebb.Sequential):
        def train_step(self, x, y):
            seen.append(y.numpy().ravel())
            return super().train_step(x, y)

    model = Watching([ebb.Input((3,)), ebb.layers.Dense(1)])
    model.compile(loss="mse", run_eagerly=True)
    x, y = regression[0], np.arange(50, dtype=np.float32)
    state = model.shuffle_state.numpy().copy()

    model.fit(x, y, batch_size=20, epochs=2, verbose=0)

    assert [len(batch) for batch in seen] == [20, 20, 10, 20, 20, 10]
    orders = np.concatenate(seen).reshape(2, 50)
    assert np.array_equal(orders[0], permutation(state, 50))
    assert np.array_equal(orders[1], permutation(state + np.array([0, 0, 0, 1], np.uint32), 50))

    seen.clear()
    model.fit(x, y, batch_size=50, verbose=0, shuffle=False)
    assert np.array_equal(seen[0], y)


def test_data_may_be_lists_integers_images_or_frames(regressor, regression) -> None:
    import polars

    model = regressor()
    bytes_ = np.arange(30, dtype=np.uint8).reshape(10, 3)
    expected = model.predict(bytes_.astype(np.float32), verbose=0)
    frame = polars.DataFrame(bytes_, schema=["a", "b", "c"])
    for same in (
        bytes_,
        bytes_.tolist(),
        bytes_.astype(np.int64),
        np.asfortranarray(bytes_),
        ebb.Variable(bytes_),
        frame,
    ):
        assert np.array_equal(model.predict(same, verbose=0), expected)


def test_one_feature_may_be_given_without_its_axis(run_eagerly) -> None:
    model = ebb.Sequential([ebb.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", run_eagerly=run_eagerly)
    x = np.linspace(-1, 1, 20)
    model.fit(x, 2 * x, epochs=1, verbose=0)
    assert model.predict(x, verbose=0).shape == (20, 1)


def test_a_verbose_fit_prints_a_line_an_epoch_where_there_is_no_terminal(regressor, regression, capsys) -> None:
    regressor().fit(*regression, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert "loss: " in lines[0]
    regressor().evaluate(*regression)
    assert capsys.readouterr().out.startswith("loss: ")
    regressor().fit(*regression, verbose=0)
    assert capsys.readouterr().out == ""
