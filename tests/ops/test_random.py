"""Philox is the published generator, and compiled code draws the same bits as interpreted code."""

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.compile import Executable
from ebbflow.core.aval import aval_of
from ebbflow.core.errors import ShapeError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import Tensor, trace
from ebbflow.ops.movement import transpose
from ebbflow.ops.random import philox, random_bits

# philox4x32-10 of the known-answer tests that come with Random123 (Salmon et al., 2011): counter, key, words.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
STATE = np.array([2**32 - 1, 3, 2**31, 12345], "uint32")


def words(text: str) -> list[np.ndarray]:
    return [np.array(int(word, 16), "uint32") for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN_ANSWERS, ids=["zeros", "ones", "pi"])
def test_published_answers(counter: str, key: str, wanted: str) -> None:
    assert philox(words(counter), words(key)) == words(wanted)


def test_a_state_names_key_and_counter() -> None:
    """key = (seed, member), counter = (element / 4, purpose, step, 0), word = element mod 4."""
    seed, member, purpose, step = STATE
    bits = random_bits(Tensor(STATE), (3, 7)).numpy().ravel()
    for element in (0, 3, 4, 20):
        block = philox([np.uint32(element // 4), purpose, step, np.uint32(0)], [seed, member])
        assert bits[element] == block[element % 4]


@pytest.mark.parametrize("shape", [(), (1,), (17,), (64,), (5, 33), (16, 16), (3, 4, 5)], ids=str)
def test_compiled_bits_are_the_interpreted_ones(shape: tuple[int, ...]) -> None:
    """In rows, and in columns, where the lanes run across the blocks of four."""
    graph = trace(
        lambda state: [random_bits(state, shape), transpose(random_bits(state, shape))], [("state", aval_of(STATE))]
    ).graph
    for got, wanted in zip(Executable(graph)(STATE), evaluate(graph, [STATE]), strict=True):
        np.testing.assert_array_equal(got, wanted, strict=True)


def test_shorter_draws_are_the_start_of_longer_ones() -> None:
    long = random_bits(Tensor(STATE), (50,)).numpy()
    np.testing.assert_array_equal(random_bits(Tensor(STATE), (13,)).numpy(), long[:13])


def test_bits_are_uniform() -> None:
    """Every bit is set half of the time, and the 256 leading bytes are equally frequent (chi-squared, 5 sigma)."""
    bits = random_bits(Tensor(STATE), (100_000,)).numpy()
    shares = ((bits[:, None] >> np.arange(32, dtype="uint32")) & 1).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 5 * 0.5 / np.sqrt(bits.size)
    counts = np.bincount(bits >> 24, minlength=256)
    chi_squared = ((counts - bits.size / 256) ** 2 / (bits.size / 256)).sum()
    assert abs(chi_squared - 255) < 5 * np.sqrt(2 * 255)


@pytest.mark.parametrize("place", range(4), ids=["seed", "member", "purpose", "step"])
def test_every_word_of_the_state_matters(place: int) -> None:
    """Neighbouring states share no more than chance allows: of 1000 words of 32 bits none, of the bits about half."""
    other = STATE.copy()
    other[place] ^= 1
    some, others = (random_bits(Tensor(state), (1000,)).numpy() for state in (STATE, other))
    assert not (some == others).any()
    differing = np.unpackbits((some ^ others).view("uint8")).mean()
    assert abs(differing - 0.5) < 0.02


def test_a_wrong_state_is_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"expected a state of seed, member, purpose and step as uint32\[4\], got int32\[4\]"
    ):
        random_bits(Tensor(STATE.astype("int32")), (3,))
