"""Large margins, against scikit-learn's support vector machines."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs, make_moons
from sklearn.svm import SVC, LinearSVC

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError
from ebbflow.models import hinge_machine, kernel_machine

MOONS, SIDES = make_moons(400, noise=0.2, random_state=1)
HELD, HELD_SIDES = make_moons(1_000, noise=0.2, random_state=2)


def test_a_hinge_machine_finds_the_border_of_a_linear_support_vector_machine() -> None:
    ebb.set_random_seed(1)
    x, y = make_blobs(200, centers=[[-1.0, 0.0], [1.0, 0.5]], cluster_std=0.7, random_state=3)
    penalty = 0.01
    model = hinge_machine(penalty, ebb.optimizers.Adam(ebb.optimizers.schedules.CosineDecay(0.05, 2_000)))
    losses = model.fit(x, y, batch_size=len(x), epochs=2_000, verbose=0).history["loss"]
    known = SVC(kernel="linear", C=1 / (2 * len(x) * penalty), tol=1e-5).fit(x, y)
    known_margins = (2 * y - 1) * known.decision_function(x)
    known_loss = np.maximum(1 - known_margins, 0).mean() + penalty * np.square(known.coef_).sum()
    assert losses[-1] <= known_loss * 1.001
    agreement = (model.predict(x, verbose=0)[:, 0] > 0) == known.predict(x)
    assert agreement.mean() >= 0.99


def test_a_kernel_machine_separates_moons_as_well_as_a_support_vector_machine() -> None:
    ebb.set_random_seed(1)
    model = kernel_machine(MOONS, centers=60, gamma=2.0, optimizer=ebb.optimizers.Adam(0.05), seed=4)
    model.fit(MOONS, SIDES, epochs=100, verbose=0)
    score = ((model.predict(HELD, verbose=0)[:, 0] > 0) == HELD_SIDES).mean()
    known = SVC(gamma=2.0).fit(MOONS, SIDES).score(HELD, HELD_SIDES)
    linear = LinearSVC().fit(MOONS, SIDES).score(HELD, HELD_SIDES)
    assert score > known - 0.01 > linear + 0.05
    centers = model.layers[0].centers
    assert [weight.name for weight in model.trainable_weights].count(centers.name) == 0


def test_the_kernel_fits_the_data_by_itself() -> None:
    model = kernel_machine(MOONS, centers=30, optimizer=ebb.optimizers.Adam(0.05), seed=4)
    model.fit(MOONS, SIDES, epochs=100, verbose=0)
    assert ((model.predict(HELD, verbose=0)[:, 0] > 0) == HELD_SIDES).mean() > 0.93


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="hinge_machine: expected a number of at least 0 for penalty, got -1"):
        hinge_machine(-1)
    with pytest.raises(ArgumentError, match="expected a number above 0 for gamma"):
        kernel_machine(MOONS, gamma=0.0)
