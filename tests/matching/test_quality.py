import numpy as np
import pytest

from ddx7.matching.quality import CHANCE, SCALE_DB, describe, match_quality, same_category_probability

HELD_OUT = [
    (0.65, 0.82), (1.85, 0.69), (2.7, 0.67), (3.25, 0.46), (3.8, 0.43), (4.4, 0.35), (5.15, 0.34), (6.15, 0.23),
    (7.65, 0.21), (10.0, 0.22),
]  # fmt: skip
"""Distance in dB, and share of matches of the same category: middles of the bins of the table in docs/match.md."""


@pytest.mark.parametrize(
    ("distance_db", "words"),
    [(0.0, "very close"), (3.0, "same family"), (6.0, "roughly similar"), (9.0, "far off"), (np.inf, "far off")],
)
def test_distances_have_words(distance_db: float, words: str) -> None:
    assert match_quality(distance_db) == words


def test_one_line() -> None:
    probabilities = [
        f"(the same kind of sound: {round(100 * same_category_probability(distance_db))} %)"
        for distance_db in (7.06, 2.1)
    ]
    assert describe(7.06) == f"7.1 dB from the recording: roughly similar {probabilities[0]}"
    assert describe(2.1, ("noise missing", "15 cents flat")) == (
        f"2.1 dB from the recording: very close {probabilities[1]}; noise missing, 15 cents flat"
    )


def test_the_probability_falls_from_certainty_to_chance() -> None:
    assert same_category_probability(0.0) == 1.0
    assert same_category_probability(np.inf) == CHANCE
    probabilities = [same_category_probability(distance_db) for distance_db in np.linspace(0, 30, 61)]
    assert (np.diff(probabilities) < 0).all()
    odds = 2 / (1 + np.exp(4.0 / SCALE_DB))  # half a logistic curve
    assert same_category_probability(4.0) == pytest.approx(CHANCE + (1 - CHANCE) * odds)


@pytest.mark.parametrize(("distance_db", "share"), HELD_OUT)
def test_the_probability_is_the_share_of_held_out_voices(distance_db: float, share: float) -> None:
    assert same_category_probability(distance_db) == pytest.approx(share, abs=0.14)
