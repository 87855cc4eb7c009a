"""Laws of what every optimizer can do besides: clipping, decay, averages, accumulation, constraints, schedules."""

import inspect
import json
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import optimizers
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.variable import Variable

NAMES = ["SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta", "Lion", "NormalizedSGD"]
every = pytest.mark.parametrize("name", NAMES)
Arrays = list[np.ndarray]


def make(name: str, **arguments: Any) -> optimizers.Optimizer:
    return getattr(optimizers, name)(**({"learning_rate": 0.05} | arguments))


def start() -> list[Variable]:
    rng = np.random.default_rng(1)
    return [Variable(rng.normal(size=shape), name=f"w{k}") for k, shape in enumerate([(3, 4), (4,)])]


def noise(step: int, scale: float = 1.0) -> Arrays:
    rng = np.random.default_rng(step)
    return [scale * rng.normal(size=(3, 4)), scale * rng.normal(size=4)]


def values(weights: list[Variable]) -> Arrays:
    return [w.numpy() for w in weights]


def after(optimizer: optimizers.Optimizer, several: list[Arrays]) -> Arrays:
    weights = start()
    for grads in several:
        optimizer.apply(grads, weights)
    return values(weights)


def same(first: Arrays, second: Arrays, rtol: float = 1e-12) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-14)


def norm(arrays: Arrays) -> float:
    return float(np.sqrt(sum((a**2).sum() for a in arrays)))


CLIPPINGS = {
    "clipnorm": lambda grads, most: [g * min(1.0, most / norm([g])) for g in grads],
    "clipvalue": lambda grads, most: [np.clip(g, -most, most) for g in grads],
    "global_clipnorm": lambda grads, most: [g * min(1.0, most / norm(grads)) for g in grads],
}


@every
@pytest.mark.parametrize("clipping", CLIPPINGS)
def test_clipping_is_done_to_the_gradients(name: str, clipping: str) -> None:
    several = [noise(t, scale) for t, scale in enumerate([0.1, 1.0, 10.0, 0.0])]
    clipped = [CLIPPINGS[clipping](grads, 0.7) if norm(grads) else grads for grads in several]
    same(after(make(name, **{clipping: 0.7}), several), after(make(name), clipped))


@every
def test_weights_decay_before_the_step(name: str) -> None:
    optimizer, plain, weights = make(name, weight_decay=0.3), make(name, weight_decay=0.0), start()
    optimizer.apply(noise(0), weights)
    others = [Variable(w.numpy() * (1 - 0.3 * 0.05), name=w.name) for w in start()]
    plain.apply(noise(0), others)
    same(values(weights), values(others))


@every
def test_averages_of_the_weights(name: str) -> None:
    optimizer, weights = make(name, use_ema=True, ema_momentum=0.8), start()
    expected = None
    for t in range(6):
        optimizer.apply(noise(t), weights)
        now = values(weights)
        expected = now if expected is None else [0.8 * a + (1.0 - 0.8) * w for a, w in zip(expected, now, strict=True)]
    same([optimizer.slot(w, "average").numpy() for w in weights], expected)
    same(values(weights), after(make(name), [noise(t) for t in range(6)]))
    optimizer.finalize_variable_values(weights)
    same(values(weights), expected)


@every
def test_averages_replace_the_weights_now_and_then(name: str) -> None:
    optimizer, weights = make(name, use_ema=True, ema_overwrite_frequency=3), start()
    for t in range(7):
        optimizer.apply(noise(t), weights)
        averages = [optimizer.slot(w, "average").numpy() for w in weights]
        equal = all(np.array_equal(w, a) for w, a in zip(values(weights), averages, strict=True))
        assert equal == (t in (0, 2, 5))  # the first average is the weight itself


@every
@pytest.mark.parametrize("arguments", [{}, {"clipnorm": 0.5, "weight_decay": 0.1}], ids=["plain", "clipped, decaying"])
def test_accumulation_is_one_update_with_the_mean_of_several_gradients(name: str, arguments: Any) -> None:
    optimizer, several = make(name, gradient_accumulation_steps=3, **arguments), [noise(t) for t in range(8)]
    groups = [several[0:3], several[3:6]]
    means = [[np.mean(parts, axis=0) for parts in zip(*group, strict=True)] for group in groups]
    same(after(optimizer, several), after(make(name, **arguments), means))
    assert int(optimizer.iterations) == 2 and int(optimizer.steps) == 8


def test_constraints_hold_after_every_step() -> None:
    weight = Variable(np.ones(3), name="w")
    weight.constraint = lambda w: ebb.ops.maximum(w, 0.5)
    optimizer = optimizers.SGD(1.0)
    optimizer.apply([np.array([0.2, 0.7, -1.0])], [weight])
    np.testing.assert_allclose(weight.numpy(), [0.8, 0.5, 2.0])


def test_excluded_weights_do_not_decay_also_after_loading() -> None:
    weights = [Variable(np.ones(2), name=name) for name in ("dense/kernel", "dense/bias", "other/kernel")]
    for chosen in ({"var_names": ["bias"], "var_list": weights[2:]}, {"var_list": weights[1:]}):
        optimizer = optimizers.SGD(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(**chosen)
        config = json.loads(json.dumps(optimizers.serialize(optimizer)))
        for one in (optimizer, optimizers.deserialize(config)):
            copies = [Variable(w.numpy(), name=w.name) for w in weights] if one is not optimizer else weights
            before = values(copies)
            one.apply([np.zeros(2)] * 3, copies)
            changed = [not np.array_equal(w, old) for w, old in zip(values(copies), before, strict=True)]
            assert changed == [True, False, False]
        with pytest.raises(
            ArgumentError, match="sgd: expected exclude_from_weight_decay before the optimizer is built"
        ):
            optimizer.exclude_from_weight_decay(weights)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "SGD: expected at most one of .*, got clipnorm and clipvalue"),
        ({"clipnorm": 0.0}, "SGD: expected a number above 0 or None for clipnorm, got 0.0"),
        ({"weight_decay": -1}, "weight_decay, got -1"),
        ({"ema_momentum": 1.5}, "ema_momentum, got 1.5"),
        ({"ema_overwrite_frequency": 0}, "a whole number of at least 1 for ema_overwrite_frequency, got 0"),
        ({"gradient_accumulation_steps": 1}, "at least 2 for gradient_accumulation_steps, got 1"),
        ({"loss_scale_factor": 2.0}, "SGD: expected None for loss_scale_factor, got 2.0"),
    ],
)
def test_bad_arguments_are_named(arguments: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        optimizers.SGD(**arguments)
    with pytest.raises(TypeError, match=r"SGD: .*'momentun'.*it takes self, learning_rate, momentum"):
        optimizers.SGD(momentun=0.9)


ALL_AT_ONCE: dict[str, Any] = {
    "weight_decay": 0.01,
    "global_clipnorm": 0.5,
    "use_ema": True,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 5,
    "gradient_accumulation_steps": 2,
}
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = np.tanh(X @ [[1.0], [-2.0], [0.5]]).astype(np.float32)


def network(optimizer: optimizers.Optimizer, run_eagerly: bool = False) -> Any:
    ebb.set_random_seed(3)
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(4, activation="tanh"), ebb.layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="mse", run_eagerly=run_eagerly)
    return model


@every
@pytest.mark.parametrize("arguments", [{}, ALL_AT_ONCE], ids=["plain", "with all"])
def test_compiled_training_is_interpreted_training(name: str, arguments: Any) -> None:
    models = [network(make(name, **arguments), run_eagerly) for run_eagerly in (False, True)]
    for model in models:
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    compiled, eager = models
    for one, other in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


@every
def test_a_loaded_model_trains_on_bit_for_bit(name: str, tmp_path: Any) -> None:
    schedule = optimizers.schedules.CosineDecay(0.05, 20)
    model = network(make(name, learning_rate=schedule, **ALL_AT_ONCE))
    model.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for one in (model, loaded):
        one.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True))


def test_changed_numbers_are_read_by_the_same_program() -> None:
    model = network(optimizers.SGD(0.1, global_clipnorm=0.1, weight_decay=0.5))
    model.fit(X, Y, batch_size=8, verbose=0)
    programs = len(model.programs.known)
    model.optimizer.weight_decay, model.optimizer.global_clipnorm = 0.0, 1e-30
    before = model.get_weights()
    model.fit(X, Y, batch_size=8, verbose=0)
    assert len(model.programs.known) == programs
    for w, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, old)
    model.optimizer.global_clipnorm = None
    model.fit(X, Y, batch_size=8, verbose=0)
    assert len(model.programs.known) == programs + 1
    assert not np.array_equal(model.get_weights()[0], before[0])
    model.optimizer.global_clipnorm = 1e-30
    before = model.get_weights()
    model.fit(X, Y, batch_size=8, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert len(model.programs.known) == programs + 1


@every
def test_the_memory_of_an_optimizer_is_set_from_that_of_another(name: str) -> None:
    one, other = make(name), make(name)
    with pytest.raises(ArgumentError, match="has nothing to set until it is built; call build"):
        other.set_weights([])
    weights, twins = start(), start()
    one.build(weights)
    other.build(twins)
    for step in range(3):
        one.apply(noise(step), weights)
    other.set_weights([variable.numpy() for variable in one.variables])
    for twin, weight in zip(twins, weights, strict=True):
        twin.assign(weight.numpy())
    one.apply(noise(9), weights)
    other.apply(noise(9), twins)
    for twin, weight in zip(twins, weights, strict=True):
        np.testing.assert_array_equal(twin.numpy(), weight.numpy())
    with pytest.raises(ShapeError, match=rf"expected {len(one.variables)} arrays, got {len(one.variables) + 1}"):
        one.set_weights([*one.variables, 0])
    with pytest.raises(ShapeError, match=r"expected shape \(\) for .*iterations, got \(2,\)"):
        one.set_weights([[0, 0], *one.variables[1:]])


@every
def test_a_configuration_may_spell_the_class_in_lower_case(name: str) -> None:
    config = {"class_name": name.lower(), "config": {"learning_rate": 0.25}}
    found = optimizers.get(config)
    assert type(found) is getattr(optimizers, name) and float(found.learning_rate) == 0.25
    assert config["class_name"] == name.lower()


@every
def test_arguments_mean_the_same_by_place_and_by_name(name: str) -> None:
    cls = getattr(optimizers, name)
    names = [*inspect.signature(cls).parameters]
    config = cls(0.05, weight_decay=0.125, clipnorm=2.0, name="mine").get_config()
    arguments = {one: config.get(one) for one in names}
    for count in range(len(names) + 1):
        by_name = {one: arguments[one] for one in names[count:]}
        assert cls(*[arguments[one] for one in names[:count]], **by_name).get_config() == config
    with pytest.raises(
        TypeError, match=rf"^{name}: multiple values for argument 'learning_rate'; it takes self, learn"
    ):
        cls(0.1, learning_rate=0.1)
    with pytest.raises(TypeError, match=rf"^{name}: .*unexpected keyword argument 'learn_rate'; it takes self, learn"):
        cls(learn_rate=0.1)


@every
def test_memory_of_weights_is_taken_when_it_is_used(name: str) -> None:
    optimizer, weights = make(name), start()
    optimizer.build(weights)
    slots = [one for one in optimizer.variables if one.shape]
    assert all(slot.deferred is not None for slot in slots)
    optimizer.apply(noise(1), weights)
    assert all(slot.deferred is None for slot in slots)
