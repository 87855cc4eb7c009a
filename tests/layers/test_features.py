"""Layers that make features of features: products, distances, rows of a table, other shapes, noise."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import PolynomialFeatures

import ebbflow as ebb
from ebbflow import layers
from ebbflow.autodiff import GradientTape
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.functions import array

rng = np.random.default_rng(9)
X = rng.normal(size=(6, 3))
CUBE = np.arange(24).reshape(2, 3, 4)
ONES = np.ones((200, 300), np.float32)


@pytest.mark.parametrize("include_bias", [True, False])
@pytest.mark.parametrize("interaction_only", [True, False])
@pytest.mark.parametrize("degree", [1, 2, 3, 5, (2, 3), (0, 2)])
def test_polynomial_features_are_those_of_scikit_learn(
    degree: int | tuple[int, int], interaction_only: bool, include_bias: bool
) -> None:
    theirs = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=include_bias)
    expected = theirs.fit_transform(X)
    ours = layers.PolynomialFeatures(degree, interaction_only, include_bias, dtype="float64")
    np.testing.assert_allclose(ours(X).numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(ours.powers, theirs.powers_)
    assert ours.compute_output_shape((None, 3)) == (None, expected.shape[1])


def test_a_linear_layer_above_products_fits_xor_exactly() -> None:
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1.0], [1.0], [0.0]])
    model = ebb.Sequential([ebb.Input((2,)), layers.PolynomialFeatures(2, interaction_only=True), layers.Dense(1)])
    model.compile(optimizer=ebb.optimizers.SGD(0.3), loss="mse")
    model.fit(x, y, epochs=2000, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), y, atol=1e-3)


def test_radial_basis_functions_are_the_kernel_between_inputs_and_centers() -> None:
    centers = rng.normal(size=(4, 3)) + 1e4  # far from the origin, where squares would cancel
    layer = layers.RBF(4, gamma=0.3, centers=centers, dtype="float64")
    np.testing.assert_allclose(layer(X + 1e4).numpy(), rbf_kernel(X, centers - 1e4, gamma=0.3), rtol=1e-8)
    layer.gamma = 0.1
    np.testing.assert_allclose(layer(X + 1e4).numpy(), rbf_kernel(X, centers - 1e4, gamma=0.1), rtol=1e-8)
    assert layer.gamma in layer.hyperparameters


def test_the_width_is_given_as_gamma_or_bandwidth_or_follows_from_the_features() -> None:
    assert float(layers.RBF(2, bandwidth=2.0).gamma.numpy()) == 1 / 8
    layer = layers.RBF(2)
    layer(X)
    assert float(layer.gamma.numpy()) == pytest.approx(1 / 3)
    assert len(layer.trainable_weights) == 1
    fixed = layers.RBF(2, learn_centers=False)
    fixed(X)
    assert fixed.trainable_weights == [] and len(fixed.weights) == 1


def test_adapt_finds_the_clusters_and_their_distance_by_a_seed() -> None:
    means = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    rows = means[rng.integers(0, 3, 300)] + 0.1 * rng.normal(size=(300, 2))
    layer, twin = layers.RBF(3, seed=1), layers.RBF(3, seed=1)
    layer.adapt(rows), twin.adapt(rows)
    np.testing.assert_array_equal(layer.centers.numpy(), twin.centers.numpy())
    found = layer.centers.numpy()[np.lexsort(layer.centers.numpy().round().T)]
    np.testing.assert_allclose(found, means, atol=0.1)
    assert float(layer.gamma.numpy()) == pytest.approx(1 / (2 * 4**2), rel=0.05)
    again = layers.get(layers.serialize(layer))
    assert float(again.gamma.numpy()) == float(layer.gamma.numpy())


def test_a_network_of_radial_basis_functions_learns_a_curve() -> None:
    x = np.linspace(-3, 3, 120, dtype=np.float32)[:, None]
    y = np.sin(2 * x)
    basis = layers.RBF(12, seed=3)
    basis.adapt(x)
    model = ebb.Sequential([ebb.Input((1,)), basis, layers.Dense(1)])
    model.compile(optimizer=ebb.optimizers.Adam(0.05), loss="mse")
    before = basis.centers.numpy().copy()
    model.fit(x, y, batch_size=30, epochs=150, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.01
    assert (basis.centers.numpy() != before).all()


@pytest.mark.parametrize("seed", range(4))
def test_adapt_moves_centers_until_each_is_the_mean_of_the_rows_nearest_to_it(seed: int) -> None:
    """Rows without clusters, where one step of k-means is not enough: from these seeds it takes 3 to 9."""
    rows = np.random.default_rng(0).uniform(size=(60, 2))
    layer = layers.RBF(4, seed=seed, dtype="float64")
    layer.adapt(rows)
    centers = layer.centers.numpy()
    nearest = np.square(rows[:, None] - centers).sum(axis=2).argmin(axis=1)
    np.testing.assert_allclose(centers, [rows[nearest == k].mean(axis=0) for k in range(4)], atol=1e-12)


def test_adapt_refuses_what_gives_no_centers() -> None:
    with pytest.raises(ArgumentError, match='RBF "few": adapt expected at least 3 different rows, one for each center'):
        layers.RBF(3, name="few").adapt(np.ones((10, 2)))
    with pytest.raises(ArgumentError, match="adapt expected finite data"):
        layers.RBF(1).adapt([[math.nan]])
    layer = layers.RBF(2)
    layer(X)
    with pytest.raises(ShapeError, match=r"adapt expected a last axis of 3 \(as built\), got shape \(9, 2\)"):
        layer.adapt(np.ones((9, 2)))


def test_embedding_looks_rows_up_and_learns_those_that_were_read() -> None:
    table = rng.normal(size=(4, 2)).astype(np.float32)
    layer = layers.Embedding(4, 2, weights=table)
    with GradientTape() as tape:
        total = array.sum(layer(np.array([[3, 1], [3, 0]])))
    np.testing.assert_array_equal(layer(np.array([[3, 1], [3, 0]])).numpy(), table[[[3, 1], [3, 0]]])
    np.testing.assert_array_equal(tape.gradient(total, layer.embeddings).numpy(), [[1, 1], [1, 1], [0, 0], [2, 2]])
    np.testing.assert_array_equal(layer(np.array([2.0, 1.0])).numpy(), table[[2, 1]])


def test_numbers_without_a_row_become_nan() -> None:
    rows = layers.Embedding(4, 2)(np.array([-1, 0, 3, 4])).numpy()
    np.testing.assert_array_equal(np.isnan(rows).all(-1), [True, False, False, True])


def test_shapes_change_and_the_batch_stays() -> None:
    np.testing.assert_array_equal(layers.Reshape((2, -1))(CUBE).numpy(), CUBE.reshape(2, 2, 6))
    np.testing.assert_array_equal(layers.Reshape(12)(CUBE).numpy(), CUBE.reshape(2, 12))
    np.testing.assert_array_equal(layers.Permute((2, 1))(CUBE).numpy(), CUBE.transpose(0, 2, 1))
    np.testing.assert_array_equal(layers.RepeatVector(3)(CUBE[:, 0]).numpy(), np.repeat(CUBE[:, :1], 3, axis=1))
    assert layers.Reshape((2, -1)).compute_output_shape((None, 3, 4)) == (None, 2, 6)
    with pytest.raises(ShapeError, match=r'Reshape "pairs": expected samples that fit the shape \(2, 5\), got int'):
        layers.Reshape((2, 5), name="pairs")(CUBE)
    with pytest.raises(ShapeError, match=r"expected samples that fit the shape \(-1, 5\)"):
        layers.Reshape((-1, 5))(CUBE)


def test_noise_is_off_in_prediction_and_of_the_given_strength_in_training() -> None:
    for layer, spread in (
        (layers.GaussianNoise(0.5, seed=3), 0.5),
        (layers.GaussianDropout(0.2, seed=3), math.sqrt(0.2 / 0.8)),
    ):
        np.testing.assert_array_equal(layer(ONES).numpy(), ONES)
        noisy = layer(ONES, training=True).numpy()
        assert abs(noisy.mean() - 1) < 4 * spread / math.sqrt(ONES.size)
        assert abs(noisy.std() - spread) < 4 * spread / math.sqrt(2 * ONES.size)
        assert (noisy != layer(ONES, training=True).numpy()).mean() > 0.99
        twin = type(layer).from_config(layer.get_config())
        np.testing.assert_array_equal(twin(ONES, training=True).numpy(), noisy)


def test_the_strength_of_noise_can_be_changed() -> None:
    layer = layers.GaussianNoise(0.5)
    layer.stddev = 0.0
    np.testing.assert_array_equal(layer(X, training=True).numpy(), X.astype(np.float32))
    assert layer.stddev in layer.hyperparameters


def test_prelu_learns_its_slopes_also_shared() -> None:
    cube = rng.normal(size=(5, 3, 2))
    for shared, shape in ((None, (3, 2)), ([1], (1, 2)), ([1, 2], (1, 1))):
        layer = layers.PReLU(shared_axes=shared, dtype="float64")
        layer(cube)
        slopes = rng.normal(size=shape)
        layer.set_weights([slopes])
        np.testing.assert_allclose(layer(cube).numpy(), np.where(cube > 0, cube, slopes * cube), rtol=1e-12)
    assert layers.PReLU(shared_axes=[1, 2])(np.ones((2, 7, 9))).shape == (2, 7, 9)


def test_softmax_over_several_axes_and_with_a_mask() -> None:
    cube = rng.normal(size=(5, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(layers.Softmax(axis=(1, 2))(cube).numpy().sum((1, 2)), 1, rtol=1e-6)
    mask = np.array([True, False, True])
    masked = layers.Softmax()(X, mask=np.broadcast_to(mask, X.shape)).numpy()
    e = np.exp(X) * mask
    np.testing.assert_allclose(masked, e / e.sum(-1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.PolynomialFeatures(-1), "PolynomialFeatures: expected a whole number .* for degree, got -1"),
        (lambda: layers.PolynomialFeatures((3, 2)), "whole number of at least 3 for degree, got 2"),
        (lambda: layers.PolynomialFeatures((1, 2, 3)), "expected a number or a pair of them for degree"),
        (lambda: layers.RBF(0), "RBF: expected a whole number of at least 1 for units, got 0"),
        (lambda: layers.RBF(2, gamma=0), "RBF: expected a number above 0 for gamma, got 0"),
        (lambda: layers.RBF(2, bandwidth=-1), "RBF: expected a number above 0 for bandwidth, got -1"),
        (lambda: layers.RBF(2, 0.5, bandwidth=1), "RBF: expected one of gamma and bandwidth, got 0.5 and 1"),
        (lambda: layers.RBF(2, centers=[1.0]), "RBF: expected an initializer or finite numbers .* for centers"),
        (lambda: layers.RBF(2, centers="learned"), "initializers.get: expected .* got 'learned'"),
        (lambda: layers.Embedding(0, 2), "Embedding: expected a whole number of at least 1 for input_dim, got 0"),
        (lambda: layers.Embedding(3, 2.5), "for output_dim, got 2.5"),
        (lambda: layers.Embedding(3, 2, mask_zero=True), "Embedding: expected False for mask_zero, got True; masks"),
        (lambda: layers.Reshape((-1, -1)), "Reshape: expected positive lengths, at most one of them -1, for target_s"),
        (lambda: layers.Reshape((0,)), "for target_shape, got"),
        (lambda: layers.Permute((0, 1)), r"Permute: expected the axes \[1, 2\] in some order for dims, got \(0, 1\)"),
        (lambda: layers.RepeatVector(0), "RepeatVector: expected a whole number of at least 1 for n, got 0"),
        (lambda: layers.GaussianNoise(-0.1), "GaussianNoise: expected a number of 0 or more for stddev, got -0.1"),
        (lambda: layers.GaussianDropout(1.0), "GaussianDropout: expected a probability .* for rate, got 1.0"),
        (lambda: layers.GaussianNoise(0.1, seed=-1), "GaussianNoise: expected a whole number .* for seed, got -1"),
        (lambda: layers.ELU("x"), "ELU: expected a number for alpha, got 'x'"),
        (lambda: layers.PReLU(shared_axes=[0]), r"PReLU: expected axes from 1 for shared_axes, got \[0\]"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()
