"""ModelCheckpoint: which files it writes, and what is in them."""

import pytest

import ebbflow as ebb
from ebbflow.callbacks import LambdaCallback, ModelCheckpoint
from ebbflow.core.errors import ArgumentError
from tests.training.conftest import same_bits


def logging(values):
    """A callback that logs these values as "score", one an epoch."""
    return LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=values[epoch]))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_for_every_epoch_holds_the_model_as_it_was(regressor, regression, tmp_path) -> None:
    seen = []
    model = regressor()
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    path = tmp_path / "new" / "{epoch:02d}-{val_loss:.2f}.ebb"
    history = model.fit(*regression, epochs=3, verbose=0, validation_split=0.2, callbacks=[ModelCheckpoint(path), look])
    losses = history.history["val_loss"]
    assert names(tmp_path / "new") == [f"{k:02d}-{loss:.2f}.ebb" for k, loss in enumerate(losses, 1)]
    for k, loss in enumerate(losses):
        saved = ebb.load_model(tmp_path / "new" / f"{k + 1:02d}-{loss:.2f}.ebb")
        assert same_bits(saved.get_weights(), seen[k])
    assert saved.optimizer.iterations.numpy() == model.optimizer.iterations.numpy()


@pytest.mark.parametrize(
    ("values", "arguments", "saved"),
    [
        ([1, 3, 2, 4], {}, [1, 2, 4]),  # a score grows
        ([1, 3, 2, 0], {"mode": "min"}, [1, 4]),
        ([1, 3, 2, 4], {"initial_value_threshold": 2.5}, [2, 4]),
        ([1, 3, 2, 4], {"save_best_only": False}, [1, 2, 3, 4]),
    ],
)
def test_the_best_only(regressor, regression, tmp_path, values, arguments, saved) -> None:
    keep = ModelCheckpoint(tmp_path / "{epoch}", monitor="score", **{"save_best_only": True} | arguments)
    regressor().fit(*regression, epochs=4, verbose=0, callbacks=[logging(values), keep])
    assert names(tmp_path) == [str(epoch) for epoch in saved]


def test_a_later_fit_must_beat_an_earlier_one(regressor, regression, tmp_path) -> None:
    keep = ModelCheckpoint(tmp_path / "{epoch}", monitor="score", save_best_only=True)
    model = regressor()
    model.fit(*regression, epochs=1, verbose=0, callbacks=[logging([5]), keep])
    model.fit(*regression, epochs=3, initial_epoch=1, verbose=0, callbacks=[logging([0, 4, 6]), keep])
    assert names(tmp_path) == ["1", "3"]


def test_every_so_many_batches(regressor, regression, tmp_path) -> None:
    keep = ModelCheckpoint(tmp_path / "{epoch}-{batch}-{loss:.0f}", save_freq=2)
    regressor(optimizer=ebb.optimizers.SGD(0.0)).fit(
        *regression, batch_size=20, epochs=2, verbose=0, callbacks=[keep]
    )  # of 3 batches each
    assert [name[:3] for name in names(tmp_path)] == ["1-2", "2-1", "2-3"]


def test_weights_only(regressor, regression, tmp_path) -> None:
    keep = ModelCheckpoint(tmp_path / "w.ebb", monitor="loss", save_weights_only=True)
    model, other = regressor(), regressor()
    model.fit(*regression, epochs=2, verbose=0, callbacks=[keep])
    other.load_weights(tmp_path / "w.ebb")
    assert same_bits(other.get_weights(), model.get_weights())


def test_it_says_what_it_does(regressor, regression, tmp_path, capsys) -> None:
    keep = ModelCheckpoint(tmp_path / "best.ebb", "score", verbose=1, save_best_only=True)
    regressor().fit(*regression, epochs=2, verbose=0, callbacks=[logging([1, 0]), keep])
    assert capsys.readouterr().out == (
        f"Epoch 1: score improved from None to 1.00000, saving model to {tmp_path / 'best.ebb'}\n"
        "Epoch 2: score did not improve from 1.00000\n"
    )


def test_what_cannot_be_saved_under_is_named(regressor, regression, tmp_path) -> None:
    def fit(*arguments, **options):
        regressor().fit(*regression, verbose=0, callbacks=[ModelCheckpoint(*arguments, **options)])

    with pytest.raises(ArgumentError, match=r"filepath to be made of loss, epoch, got .*\{val_loss\}.*KeyError"):
        fit(tmp_path / "{val_loss}")
    with pytest.raises(ArgumentError, match="expected the name of a file for filepath"):
        fit(tmp_path)
    with pytest.raises(
        ArgumentError, match="ModelCheckpoint: expected monitor to be one of loss, got 'val_loss'; give"
    ):
        fit(tmp_path / "best.ebb", save_best_only=True)
