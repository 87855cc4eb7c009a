"""Folds: every row is validated on once, classes are spread, groups stay together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.training.population.folds import cross_validation, drawn, holdout


@given(rows=st.integers(2, 200), folds=st.integers(2, 12), seed=st.integers(0, 5), classes=st.integers(1, 5))
def test_every_row_is_validated_on_once(rows: int, folds: int, seed: int, classes: int) -> None:
    y = np.random.default_rng(seed).integers(0, classes, rows)
    if folds > rows:
        with pytest.raises(ArgumentError, match="at most as many folds as rows"):
            cross_validation(y, folds, seed=seed)
        return
    parts = cross_validation(y, folds, seed=seed)
    assert np.array_equal(np.sort(np.concatenate([fold.validation for fold in parts])), np.arange(rows))
    for fold in parts:
        assert np.array_equal(np.union1d(fold.train, fold.validation), np.arange(rows))
        assert not np.intersect1d(fold.train, fold.validation).size
    sizes = [len(fold.validation) for fold in parts]
    assert max(sizes) - min(sizes) <= 1
    for label in range(classes):
        counts = [int((y[fold.validation] == label).sum()) for fold in parts]
        assert max(counts) - min(counts) <= 1


@given(folds=st.integers(2, 5), seed=st.integers(0, 20))
def test_groups_stay_together_and_folds_are_nearly_equal(folds: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, 30, 300)
    parts = cross_validation(np.zeros(300), folds, groups, seed)
    for fold in parts:
        assert not np.intersect1d(groups[fold.train], groups[fold.validation]).size
    sizes = [len(fold.validation) for fold in parts]
    assert max(sizes) - min(sizes) <= np.bincount(groups).max()


def test_groups_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match="one group for each of 4 rows"):
        cross_validation(np.zeros(4), 2, [1, 2])
    with pytest.raises(ArgumentError, match="at least as many groups as folds, got 2 and folds=3"):
        cross_validation(np.zeros(4), 3, [1, 1, 2, 2])


def test_a_bootstrap_draws_as_many_rows_and_validates_on_the_rest() -> None:
    (whole,) = holdout(1000, 0)
    (one,), (other,) = drawn([whole], 1), drawn([whole], 2)
    assert len(one.train) == 1000 and not np.array_equal(one.train, other.train)
    assert np.array_equal(np.setdiff1d(np.arange(1000), one.train), one.validation)
    assert 0.33 < len(one.validation) / 1000 < 0.41, "1/e of the rows are never drawn"
