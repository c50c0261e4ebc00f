import numpy as np
import pytest

from ddx7.matching.quality import EVEN, describe, match_quality, same_instrument_share

OBSERVED = [(4.4, 0.93), (6.0, 0.71), (7.1, 0.58), (8.0, 0.45), (8.9, 0.42), (9.8, 0.37), (10.6, 0.40), (13.0, 0.33)]
"""Perceptual distance of recorded notes, and share of pairs of one instrument: bins of the table in docs/match.md."""


@pytest.mark.parametrize(
    ("distance", "words"),
    [(0.0, "very close"), (3.0, "close"), (6.0, "similar"), (9.0, "far off"), (np.inf, "far off")],
)
def test_distances_have_words(distance: float, words: str) -> None:
    assert match_quality(distance) == words


def test_one_line() -> None:
    assert describe(7.06, 8.21) == "distance 7.1, similar (log-mel 8.2 dB)"
    assert describe(2.1, 3.0, ("noise missing", "15 cents flat")) == (
        "distance 2.1, very close (log-mel 3.0 dB); noise missing, 15 cents flat"
    )


def test_the_share_falls_from_certainty_to_none() -> None:
    assert same_instrument_share(0.0) == 1.0
    assert same_instrument_share(EVEN) == 0.5
    assert same_instrument_share(np.inf) == 0.0
    assert (np.diff([same_instrument_share(distance) for distance in np.linspace(0, 30, 61)]) < 0).all()


@pytest.mark.parametrize(("distance", "share"), OBSERVED)
def test_the_share_is_that_of_recorded_notes(distance: float, share: float) -> None:
    assert same_instrument_share(distance) == pytest.approx(share, abs=0.14)
