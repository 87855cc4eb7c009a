"""Images moved, turned, scaled, slanted and mirrored at random: against SciPy, and what holds for every layer."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import ebbflow as ebb
from ebbflow import layers
from ebbflow.autodiff import GradientTape
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.functions import array
from ebbflow.layers.augmentation import RandomImages
from ebbflow.layers.augmentation.resampling import cosine_and_sine

rng = np.random.default_rng(8)
IMAGES = rng.normal(size=(4, 5, 7, 2))
ONE = np.repeat(rng.normal(size=(1, 8, 8, 1)), 16, axis=0)

MAKERS: dict[str, Any] = {
    "RandomTranslation": lambda **kw: layers.RandomTranslation(0.3, (-0.1, 0.4), **kw),
    "RandomRotation": lambda **kw: layers.RandomRotation(0.2, **kw),
    "RandomZoom": lambda **kw: layers.RandomZoom((-0.5, 0.3), **kw),
    "RandomZoom of each side": lambda **kw: layers.RandomZoom(0.2, (0.1, 0.6), **kw),
    "RandomShear": lambda **kw: layers.RandomShear(0.3, (0.1, 0.2), **kw),
    "RandomAffine": lambda **kw: layers.RandomAffine(0.1, 0.2, (-0.3, 0.0), 0.2, **kw),
    "RandomFlip": lambda **kw: layers.RandomFlip("horizontal", **kw),
}
every = pytest.mark.parametrize("name", MAKERS)


def test_every_augmentation_is_tried_here() -> None:
    public = {cls.__name__ for cls in vars(layers).values() if isinstance(cls, type) and issubclass(cls, RandomImages)}
    assert public == {type(make()).__name__ for make in MAKERS.values()}


# against SciPy


def matrix(a: list[list[float]], shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """The map of homogeneous coordinates (row, column, 1)."""
    return np.array([[*a[0], shift[0]], [*a[1], shift[1]], [0.0, 0.0, 1.0]])


def about_center(inner: np.ndarray) -> np.ndarray:
    there = matrix([[1, 0], [0, 1]], ((IMAGES.shape[1] - 1) / 2, (IMAGES.shape[2] - 1) / 2))
    return there @ inner @ np.linalg.inv(there)


def turn(part: float) -> np.ndarray:
    cosine, sine = np.cos(2 * np.pi * part), np.sin(2 * np.pi * part)
    return matrix([[cosine, sine], [-sine, cosine]])


# a layer that always draws the same, and where the pixels of its results come from
FIXED: dict[str, tuple[Any, np.ndarray]] = {
    "down and to the left": (
        lambda **kw: layers.RandomTranslation([0.26, 0.26], [-0.15, -0.15], **kw),
        matrix([[1, 0], [0, 1]], (-0.26 * 5, 0.15 * 7)),
    ),
    "turned": (lambda **kw: layers.RandomRotation([0.11, 0.11], **kw), about_center(turn(0.11))),
    "turned far back": (lambda **kw: layers.RandomRotation([-0.9, -0.9], **kw), about_center(turn(-0.9))),
    "smaller": (lambda **kw: layers.RandomZoom([0.7, 0.7], **kw), about_center(matrix([[1.7, 0], [0, 1.7]]))),
    "taller, narrower": (
        lambda **kw: layers.RandomZoom([-0.4, -0.4], [0.9, 0.9], **kw),
        about_center(matrix([[0.6, 0], [0, 1.9]])),
    ),
    "all at once": (
        lambda **kw: layers.RandomAffine([0.2, 0.2], [0.07, 0.07], [0.3, 0.3], [0.25, 0.25], **kw),
        about_center(matrix([[1.3, 0], [0, 1.3]]) @ matrix([[1, 0], [0.25, 1]]) @ turn(0.07))
        @ matrix([[1, 0], [0, 1]], (-0.2 * 5, -0.2 * 7)),
    ),
}
MODES = {"reflect": "reflect", "wrap": "grid-wrap", "constant": "grid-constant", "nearest": "nearest"}


def read_by_scipy(image: np.ndarray, source: np.ndarray, fill_mode: str, order: int = 1) -> np.ndarray:
    settings = {"order": order, "mode": MODES[fill_mode], "cval": 0.4, "prefilter": False}
    planes = [ndimage.affine_transform(plane, source, **settings) for plane in np.moveaxis(image, -1, 0)]
    return np.stack(planes, axis=-1)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("name", FIXED)
def test_pixels_are_read_as_scipy_reads_them(name: str, fill_mode: str, interpolation: str) -> None:
    make, source = FIXED[name]
    layer = make(fill_mode=fill_mode, interpolation=interpolation, fill_value=0.4, dtype="float64")
    order = 1 if interpolation == "bilinear" else 0
    expected = np.stack([read_by_scipy(image, source, fill_mode, order) for image in IMAGES])
    np.testing.assert_allclose(layer(IMAGES, training=True).numpy(), expected, atol=1e-11)


@pytest.mark.parametrize("fill_mode", MODES)
def test_half_of_the_images_are_sheared_to_the_other_side(fill_mode: str) -> None:
    layer = layers.RandomShear([0.3, 0.3], [0.2, 0.2], fill_mode=fill_mode, fill_value=0.4, dtype="float64", seed=2)
    images = np.concatenate([IMAGES] * 5)
    both = [
        np.stack([read_by_scipy(image, matrix([[1, sign * 0.2], [sign * 0.3, 1]]), fill_mode) for image in images])
        for sign in (1, -1)
    ]
    sheared = layer(images, training=True).numpy()
    hits = [np.abs(sheared - expected).max(axis=(1, 2, 3)) < 1e-11 for expected in both]
    assert (hits[0] ^ hits[1]).all() and 3 < hits[0].sum() < 17


def test_whole_pixels_and_quarters_of_a_turn_move_pixels_exactly() -> None:
    down = layers.RandomTranslation([0.25, 0.25], [-0.5, -0.5], fill_mode="wrap")(ONE, training=True).numpy()
    np.testing.assert_array_equal(down, np.roll(ONE.astype(np.float32), (2, -4), axis=(1, 2)))
    turned = layers.RandomRotation([0.25, 0.25], dtype="float64")(ONE, training=True).numpy()
    np.testing.assert_allclose(turned, np.rot90(ONE, axes=(1, 2)), atol=1e-12)
    for still in (layers.RandomAffine(), layers.RandomShear(), layers.RandomZoom(0.0), layers.RandomRotation(0)):
        np.testing.assert_array_equal(still(ONE, training=True).numpy(), ONE.astype(np.float32))


def test_cosine_and_sine() -> None:
    turns = np.linspace(-1.0, 1.0, 1001)
    cosine, sine = cosine_and_sine(array.convert_to_tensor(turns))
    np.testing.assert_allclose(cosine.numpy(), np.cos(2 * np.pi * turns), atol=1e-13)
    np.testing.assert_allclose(sine.numpy(), np.sin(2 * np.pi * turns), atol=1e-13)


@pytest.mark.parametrize(("mode", "axes"), {"horizontal": 2, "vertical": 1, "horizontal_and_vertical": (1, 2)}.items())
def test_half_of_the_images_are_mirrored(mode: str, axes: Any) -> None:
    images = rng.normal(size=(40, 3, 4, 2)).astype(np.float32)
    flipped = layers.RandomFlip(mode, seed=1)(images, training=True).numpy()
    hits = [(flipped == expected).all(axis=(1, 2, 3)) for expected in (images, np.flip(images, axes))]
    assert (hits[0] ^ hits[1]).all() and 10 < hits[0].sum() < 30


# what holds for every layer


@every
def test_images_change_in_training_only_each_in_its_own_way(name: str) -> None:
    layer = MAKERS[name](seed=3)
    still = ONE.astype(np.float32)
    np.testing.assert_array_equal(layer(ONE).numpy(), still)
    first, second = (layer(ONE, training=True).numpy() for _ in range(2))
    kinds = len(np.unique(first.reshape(16, -1), axis=0))
    assert kinds == (2 if name == "RandomFlip" else 16)
    assert (first != second).any()
    np.testing.assert_array_equal(MAKERS[name](seed=3)(ONE, training=True).numpy(), first)
    assert (MAKERS[name](seed=4)(ONE, training=True).numpy() != first).any()


@every
def test_channels_move_together_wherever_they_are(name: str) -> None:
    last = MAKERS[name](seed=3)(IMAGES, training=True).numpy()
    first = MAKERS[name](seed=3, data_format="channels_first")(IMAGES.transpose(0, 3, 1, 2), training=True).numpy()
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), last)
    one = MAKERS[name](seed=3)(IMAGES[..., 0], training=True).numpy()
    np.testing.assert_array_equal(one, last[..., 0])


@every
def test_bytes_become_floats(name: str) -> None:
    images = np.arange(2 * 4 * 6, dtype=np.uint8).reshape(2, 4, 6)
    changed, same = MAKERS[name](seed=1)(images, training=True), MAKERS[name](seed=1)(images)
    assert changed.dtype == same.dtype == np.float32 and changed.shape == images.shape
    np.testing.assert_array_equal(same.numpy(), images)


@every
def test_the_derivative_is_the_limit_of_differences(name: str) -> None:
    """The result is linear in the images (with any filling), so that a step of any size will do."""
    inputs, along, places = (rng.normal(size=(2, 3, 4, 2)) for _ in range(3))

    def value(step: float) -> tuple[Any, Any]:
        layer = MAKERS[name](seed=5, dtype="float64")
        with GradientTape() as tape:
            images = array.convert_to_tensor(inputs + step * along)
            tape.watch(images)
            total = array.sum(layer(images, training=True) * places)
        return total.numpy(), tape.gradient(total, images).numpy()

    np.testing.assert_allclose((value(0.0)[1] * along).sum(), (value(0.5)[0] - value(-0.5)[0]), rtol=1e-9)


@pytest.mark.parametrize(("lower", "upper"), [(-0.2, 0.6), (0.3, 0.3)])
def test_factors_are_drawn_evenly_between_the_ends(lower: float, upper: float) -> None:
    layer = layers.RandomTranslation(0.0, [upper, lower], seed=7)  # in any order
    drawn = layer.drawn(array.convert_to_tensor(np.zeros((40_000, 1, 1))), "width_factor").numpy()
    assert lower - 1e-6 <= drawn.min() and drawn.max() <= upper + 1e-6
    width = upper - lower
    np.testing.assert_allclose(drawn.mean(), (lower + upper) / 2, atol=0.01 * width + 1e-6)
    np.testing.assert_allclose(drawn.std(), width / np.sqrt(12), atol=0.01 * width + 1e-6)
    assert layer.width_factor == (lower, upper) and layer.height_factor == (0.0, 0.0)


# in networks


def fitted(run_eagerly: bool, changing: list[Any], x: np.ndarray, epochs: int = 2) -> Any:
    ebb.set_random_seed(1)
    model = ebb.Sequential([ebb.Input(x.shape[1:]), *changing, layers.Flatten(), layers.Dense(3)])
    model.compile(optimizer=ebb.optimizers.SGD(0.05), loss="mse", run_eagerly=run_eagerly)
    model.fit(x, np.eye(3)[np.arange(len(x)) % 3], batch_size=6, epochs=epochs, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize(("shape", "names"), [((8, 8, 1), [*MAKERS][:4]), ((5, 7, 3), [*MAKERS][4:])])
def test_native_code_draws_and_reads_as_python_does(shape: tuple[int, ...], names: list[str]) -> None:
    """Several layers in one network, steps of two sizes."""
    x = np.random.default_rng(2).random((14, *shape))
    models = []
    for run_eagerly in (False, True):
        fills = [
            {} if name == "RandomFlip" else {"fill_mode": mode, "fill_value": 0.5}
            for name, mode in zip(names, MODES, strict=False)
        ]
        changing = [MAKERS[name](**fill, seed=k) for k, (name, fill) in enumerate(zip(names, fills, strict=True))]
        models.append(fitted(run_eagerly, changing, x))
    for one, other in zip(*(model.variables for model in models), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5, err_msg=one.name)
    np.testing.assert_allclose(models[0].predict(x, verbose=0), models[1](x).numpy(), rtol=1e-4, atol=1e-5)


def test_ranges_are_changed_without_compiling_again() -> None:
    x = np.random.default_rng(3).random((12, 6, 6))
    layer = layers.RandomAffine(0.2, 0.1, 0.3, 0.1, seed=1)
    model = fitted(False, [layer], x)
    made = set(model.programs.known)
    for name in ("translation", "rotation", "zoom"):
        setattr(layer, name, 0.0)
    layer.shear_lower, layer.shear_upper = 0.0, 0.0
    plain = fitted(True, [], x, epochs=0)
    plain.set_weights(model.get_weights())
    for one in (model, plain):
        one.fit(x, np.eye(3)[np.arange(12) % 3], batch_size=6, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], plain.get_weights()[0], rtol=1e-5, atol=1e-6)  # nothing moved
    assert set(model.programs.known) == made


@every
def test_a_saved_layer_goes_on_as_it_would_have(name: str, tmp_path: Path) -> None:
    layer = MAKERS[name](seed=3)
    config = json.loads(json.dumps(layers.serialize(layer)))
    assert layers.serialize(layers.get(config)) == config
    model = ebb.Sequential([layer, layers.Flatten()])
    model(ONE, training=True)
    model.save(tmp_path / "model.ebb")
    again = ebb.load_model(tmp_path / "model.ebb")
    np.testing.assert_array_equal(again(ONE, training=True).numpy(), model(ONE, training=True).numpy())


# what is refused

BAD: list[tuple[Any, str]] = [
    (
        lambda: layers.RandomTranslation(1.5, 0.0),
        "RandomTranslation: expected a number between -1 and 1, .* for height_factor, got 1.5",
    ),
    (lambda: layers.RandomTranslation(0.0, "much"), "RandomTranslation: expected .* for width_factor, got 'much'"),
    (lambda: layers.RandomTranslation(0.0, None), "RandomTranslation: expected .* for width_factor, got None"),
    (lambda: layers.RandomRotation([0.1, 0.2, 0.3]), "RandomRotation: expected .* a list of two of them for factor"),
    (lambda: layers.RandomZoom(0.1, 2), "RandomZoom: expected .*, or None, for width_factor, got 2"),
    (lambda: layers.RandomShear(0.1, [0, -1.1]), r"RandomShear: expected .* for y_factor, got \[0, -1.1\]"),
    (lambda: layers.RandomAffine(shear=True), "RandomAffine: expected .* for shear, got True"),
    (lambda: layers.RandomRotation(0.1, "mirror"), "RandomRotation: expected one of .* for fill_mode, got 'mirror'"),
    (lambda: layers.RandomZoom(0.1, interpolation="cubic"), "RandomZoom: expected one of .* for interpolation"),
    (lambda: layers.RandomZoom(0.1, fill_value="black"), "RandomZoom: expected a number for fill_value, got 'black'"),
    (lambda: layers.RandomFlip("diagonal"), "RandomFlip: expected one of 'horizontal', .* for mode, got 'diagonal'"),
    (lambda: layers.RandomFlip(data_format="last"), "RandomFlip: expected one of .* for data_format, got 'last'"),
    (lambda: layers.RandomFlip(seed=-1), "RandomFlip: expected .* for seed, got -1"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_arguments_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{message}"):
        make()


@every
def test_what_is_not_images_is_refused_by_name(name: str) -> None:
    layer = MAKERS[name]()
    for training in (False, True):
        with pytest.raises(ShapeError, match=rf'^{type(layer).__name__} ".*": expected images .*, got float32\[5,3\]'):
            layer(np.ones((5, 3)), training=training)


def test_images_of_too_many_numbers_are_refused() -> None:
    with pytest.raises(ShapeError, match="expected images of up to 2.24 numbers"):
        layers.RandomRotation(0.1)(np.zeros((1, 4097, 4096), np.float32), training=True)
