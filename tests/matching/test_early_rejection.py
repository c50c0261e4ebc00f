"""Early rejection by the beginnings of notes."""

from dataclasses import replace

import numpy as np
import pytest

from ddx7.matching.early_rejection import EarlyRejection
from ddx7.matching.objective import NoteEvent, NoteTarget, Objective, fit_length
from ddx7.matching.population import ISLANDS, spread
from ddx7.voice import Operator, Voice

RATE = 22_050


def tone(ratio: int, release: int = 99) -> np.ndarray:
    """One carrier."""
    carrier = Operator(rates=(99, 99, 99, release), output_level=99, coarse=ratio)
    return np.frombuffer(Voice(operators=(carrier, *Voice().operators[1:])).to_vced(), np.uint8)


def objective_of(seconds: float, gate_s: float) -> Objective:
    length = fit_length(np.zeros(round(seconds * 44_100), np.float32))
    silent = NoteTarget(length, 44_100, NoteEvent(60, 100, gate_s), seconds, seconds)
    return Objective((replace(silent, target=silent.render(tone(1)[None])[0]),)).at_rate(RATE)


def test_children_that_begin_worse_than_all_parents_are_rejected():
    objective = objective_of(2.0, 1.2)
    rejection = EarlyRejection(objective)
    assert rejection.useful
    parents = np.stack([tone(1)] * ISLANDS + [tone(2)] * ISLANDS)  # one of each for every island
    population = spread(parents, objective.distances(parents))
    # Another ratio is audible at once; another release only after the note-off at 1.2 s.
    children = np.stack([np.stack([tone(9), tone(1, release=40), tone(2)])] * ISLANDS)
    compared = []

    def distances(voices: np.ndarray, of: Objective) -> np.ndarray:
        compared.append((len(voices), of.duration_s))
        return of.distances(voices)

    promising = rejection.promising(population, children, distances)
    assert promising.tolist() == [[False, True, True]] * ISLANDS
    assert all(duration_s < 0.75 for _, duration_s in compared)
    assert rejection.promising(population, children, distances).tolist() == promising.tolist()
    assert [n for n, _ in compared] == [2, 3 * ISLANDS, 3 * ISLANDS]


@pytest.mark.parametrize(("seconds", "useful"), [(0.5, False), (0.9, True), (3.0, True)])
def test_short_notes_have_no_beginning_worth_comparing(seconds: float, useful: bool):
    assert EarlyRejection(objective_of(seconds, 0.3)).useful is useful
