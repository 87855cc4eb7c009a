"""split_rows: laws of a division into training, validation and test rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbflow.core.errors import ArgumentError
from ebbflow.tables import split_rows

seeds = st.integers(0, 2**64 - 1)


@given(rows=st.integers(3, 300), held_out=st.sampled_from([(0.1, 0.2), (0.3, 0.3), (0.2, 0.0)]), seed=seeds)
def test_every_row_is_in_exactly_one_part_of_the_asked_size(rows, held_out, seed):
    train, validation, test = split_rows(rows, (1 - sum(held_out), *held_out), seed)
    assert sorted([*train, *validation, *test]) == list(range(rows))
    for part, fraction in zip((validation, test), held_out, strict=True):
        assert len(part) == (max(1, round(rows * fraction)) if fraction else 0)


@given(seed=seeds)
def test_the_seed_decides(seed):
    first, again, other = (split_rows(200, (0.6, 0.2, 0.2), s) for s in (seed, seed, (seed + 1) % 2**64))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[2], other[2])


def test_the_division_never_changes():
    """Reports of an older version stay comparable: the same seed holds out the same rows for ever."""
    assert split_rows(10, (0.6, 0.2, 0.2), 7)[2].tolist() == [0, 3]


def test_rows_are_drawn_from_everywhere_alike():
    counts = sum(np.bincount(split_rows(20, (0.7, 0.15, 0.15), seed)[2], minlength=20) for seed in range(2000))
    assert np.all(np.abs(counts - 300) < 5 * np.sqrt(300))


@given(labels=st.lists(st.sampled_from("aaaaaabbc"), min_size=30, max_size=200), seed=seeds)
def test_parts_have_each_class_in_proportion_and_training_has_all(labels, seed):
    labels = np.array(labels)
    parts = split_rows(len(labels), (0.6, 0.2, 0.2), seed, labels)
    assert set(labels[parts[0]]) == set(labels)
    for part in parts[1:]:
        for label in set(labels):
            share = np.sum(labels == label) * 0.2
            assert abs(np.sum(labels[part] == label) - share) <= 2.5


def test_a_class_of_one_row_is_trained_on():
    train, _, _ = split_rows(20, (0.5, 0.25, 0.25), 1, ["rare"] + ["common"] * 19)
    assert 0 in train


@pytest.mark.parametrize(
    "rows, fractions, labels, words",
    [
        (10, (0.5, 0.5), None, "expected fractions of training"),
        (10, (0.8, 0.1, 0.2), None, "with sum 1, got"),
        (10, (0.0, 0.5, 0.5), None, "expected fractions of training"),
        (2, (0.8, 0.1, 0.1), None, "expected more than 2 rows"),
        (3, (0.4, 0.3, 0.3), ["a", "b", "c"], "and one of each class"),
        (3, (0.4, 0.3, 0.3), ["a", "b"], r"expected labels of shape \(3,\), got \(2,\)"),
    ],
)
def test_divisions_that_cannot_be(rows, fractions, labels, words):
    with pytest.raises(ArgumentError, match=words):
        split_rows(rows, fractions, 0, labels)


def test_a_seed_beyond_64_bits_is_refused():
    with pytest.raises(ArgumentError, match="expected a seed from 0"):
        split_rows(10, (0.8, 0.1, 0.1), -1)
