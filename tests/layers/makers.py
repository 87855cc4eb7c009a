"""One or more of every layer, on which the laws are tried."""

from typing import Any

import numpy as np

from ebbflow import layers, ops

X = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
WHOLE = np.array([[0, 1, 2], [2, 2, 0], [4, 3, 1], [0, 0, 0], [1, 4, 2]], np.float32)

MAKERS: dict[str, Any] = {
    "Dense": lambda: layers.Dense(4, activation="tanh", bias_initializer="ones"),
    "Dense without bias": lambda: layers.Dense(4, use_bias=False, kernel_initializer="he_normal"),
    "Dense float64": lambda: layers.Dense(4, dtype="float64", trainable=False),
    "Activation": lambda: layers.Activation("sigmoid"),
    "Identity": lambda: layers.Identity(),
    "ReLU": lambda: layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2),
    "LeakyReLU": lambda: layers.LeakyReLU(0.1),
    "ELU": lambda: layers.ELU(0.7),
    "PReLU": lambda: layers.PReLU(0.25, alpha_regularizer="l2", alpha_constraint="non_neg"),
    "Softmax": lambda: layers.Softmax(),
    "Dropout": lambda: layers.Dropout(0.3, seed=5),
    "GaussianDropout": lambda: layers.GaussianDropout(0.3, seed=5),
    "GaussianNoise": lambda: layers.GaussianNoise(0.3, seed=5),
    "BatchNormalization": lambda: layers.BatchNormalization(momentum=0.7, beta_initializer=0.5, gamma_regularizer="l2"),
    "BatchNormalization alone": lambda: layers.BatchNormalization(center=False, scale=False, epsilon=1e-5),
    "LayerNormalization": lambda: layers.LayerNormalization(gamma_initializer=2.0, beta_constraint="unit_norm"),
    "RMSNormalization": lambda: layers.RMSNormalization(epsilon=1e-3),
    "Normalization": lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]),
    "Rescaling": lambda: layers.Rescaling([0.5, 2.0, 1.0], offset=-1),
    "PolynomialFeatures": lambda: layers.PolynomialFeatures(3, interaction_only=True),
    "RBF": lambda: layers.RBF(4, bandwidth=1.5),
    "RBF of given centers": lambda: layers.RBF(2, centers=[[0.0, 1.0, 0.5], [1.0, 0.0, -1.0]], learn_centers=False),
    "Embedding": lambda: layers.Embedding(5, 2, embeddings_initializer="glorot_uniform"),
    "Lambda": lambda: layers.Lambda(ops.clip, arguments={"x_min": -0.5, "x_max": 0.5}),
    "InputLayer": lambda: layers.Input((3,), name="table"),
    "Flatten": lambda: layers.Flatten(),
    "Reshape": lambda: layers.Reshape((-1, 1)),
    "Permute": lambda: layers.Permute((1,)),
    "RepeatVector": lambda: layers.RepeatVector(2),
}


def inputs_of(name: str) -> np.ndarray:
    """What the maker of this name is tried on, (5, 3)."""
    return WHOLE if name == "Embedding" else X
