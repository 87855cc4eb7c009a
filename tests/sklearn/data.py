"""Small tables, standardized."""

import numpy as np
from sklearn.datasets import load_diabetes, load_wine


def wine() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_wine(return_X_y=True)
    return (x - x.mean(axis=0)) / x.std(axis=0), y


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_diabetes(return_X_y=True)
    return 20 * x[:200], (y[:200] - y.mean()) / y.std()
