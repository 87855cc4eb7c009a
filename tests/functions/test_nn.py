"""Formulas of networks: stable for any finite logit, with the derivatives that the mathematics says."""

import numpy as np
import pytest

from ebbflow.autodiff import grad
from ebbflow.functions import array, nn

LOGITS = np.array([[-1e4, 0.0, 1e4], [3.0, 3.0, 3.0], [1e30, -1e30, 0.0], [-2.0, 0.5, 1.0]])


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_softmax_and_its_logarithm() -> None:
    np.testing.assert_allclose(nn.softmax(LOGITS).numpy(), softmax(LOGITS), rtol=1e-14)
    np.testing.assert_allclose(np.exp(nn.log_softmax(LOGITS).numpy()), softmax(LOGITS), rtol=1e-14)
    np.testing.assert_allclose(nn.softmax(LOGITS, axis=0).numpy(), softmax(LOGITS.T).T, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logsumexp_is_finite_and_its_derivative_is_softmax(dtype: str) -> None:
    x = LOGITS.astype(dtype)
    assert np.isfinite(nn.logsumexp(x, axis=-1).numpy()).all()
    np.testing.assert_allclose(nn.logsumexp(x, axis=-1).numpy()[1], 3 + np.log(3), rtol=1e-6)
    gradient = grad(lambda z: array.sum(nn.logsumexp(z, axis=-1)))(x).numpy()
    np.testing.assert_allclose(gradient, softmax(x), rtol=1e-6)


def test_softplus_and_its_derivative_sigmoid_also_at_zero() -> None:
    x = np.array([-1e4, -30.0, -1.0, 0.0, 1.0, 30.0, 1e4])
    np.testing.assert_allclose(nn.softplus(x).numpy(), np.logaddexp(0, x), rtol=1e-14)
    np.testing.assert_allclose(grad(lambda z: array.sum(nn.softplus(z)))(x).numpy(), nn.sigmoid(x).numpy(), rtol=1e-14)


def test_leaky_relu() -> None:
    x = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_allclose(nn.leaky_relu(x, 0.1).numpy(), [-0.2, 0.0, 3.0])
    np.testing.assert_allclose(grad(lambda z: array.sum(nn.leaky_relu(z, 0.1)))(x).numpy(), [0.1, 0.1, 1.0])


def test_crossentropy_of_one_hot_targets_is_that_of_class_numbers() -> None:
    x, labels = LOGITS[1:], np.array([2, 0, 1])
    for from_logits, output in [(True, x), (False, softmax(x))]:
        sparse = nn.sparse_categorical_crossentropy(labels, output, from_logits)
        dense = nn.categorical_crossentropy(np.eye(3)[labels], output, from_logits)
        np.testing.assert_allclose(sparse.numpy(), dense.numpy(), rtol=1e-14)
