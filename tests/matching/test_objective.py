from dataclasses import replace

import numpy as np
import pytest

from ddx7.matching.gauss_newton import moving_bytes, refine
from ddx7.matching.objective import NoteEvent, NoteTarget, Objective, fit_length
from ddx7.voice import Operator, Voice
from ddx7.voice.spec import FIELDS

ONE_NOTE = np.array([field.parameter.name in {"levels", "rates", "output_level", "feedback"} for field in FIELDS])
"""What the refinements here may move."""


def organ(level: int = 80) -> np.ndarray:
    """Two operators of algorithm 1: a carrier and its modulator."""
    carrier = Operator(rates=(99, 99, 99, 70), output_level=99)
    modulator = Operator(rates=(99, 99, 99, 70), output_level=level, coarse=2)
    voice = Voice(operators=(carrier, modulator, *Voice().operators[2:]))
    return np.frombuffer(voice.to_vced(), np.uint8)


def objective_of(vced: np.ndarray) -> Objective:
    silent = NoteTarget(fit_length(np.zeros(100, np.float32)), 44100, NoteEvent(60, 100, 0.4), 1.0, 1.0)
    return Objective((replace(silent, target=silent.render(vced[None])[0]),))


def test_a_voice_is_nearest_to_itself_and_silence_is_infinitely_far():
    objective = objective_of(organ())
    silent = np.frombuffer(Voice(operators=(Operator(),) * 6).to_vced(), np.uint8)
    own, brighter, nothing = objective.distances(np.stack([organ(), organ(95), silent]))
    assert own < 1e-3
    assert brighter > 0.5
    assert np.isinf(nothing)


def test_absolute_errors_add_up_to_the_distance():
    """Of one note, and of several with their levels."""
    one = objective_of(organ())
    loud = replace(one.note_targets[0], target=3 * one.note_targets[0].target)
    voices = np.stack([organ(95), organ(60)])
    for objective in (one, Objective((*one.note_targets, loud))):
        errors = objective.errors(voices)
        np.testing.assert_allclose(np.abs(errors).sum(axis=1), objective.distances(voices), rtol=1e-4)
        assert (errors > 0).any()
        assert (errors < 0).any()


def test_the_length_that_a_note_is_padded_to_hardly_matters():
    """The same half second of sound, padded to 0.7 and to 1.5 s."""
    voices, distances = np.stack([organ(95), organ(60)]), []
    short = NoteTarget(fit_length(np.zeros(100, np.float32)), 44100, NoteEvent(60, 100, 0.4), 0.5, 0.5)
    for target in (short.target, fit_length(np.zeros(60_000, np.float32))):
        note = replace(short, target=target)
        note = replace(note, target=note.render(organ()[None])[0])
        distances.append(Objective((note,)).distances(voices))
    np.testing.assert_allclose(*distances, rtol=0.05)


def test_a_refinement_finds_wrong_levels_together():
    objective = objective_of(organ(80)).at_rate(22050)
    start = organ(68)
    [before] = objective.distances(start[None])
    [refined] = refine(objective, start[None], np.random.default_rng(0), free=ONE_NOTE)
    assert refined.distance < 0.3 * before
    assert refined.distance == pytest.approx(objective.distances(refined.voice[None])[0], rel=1e-4)
    assert refine(objective, start[None], np.random.default_rng(0), lambda: False, free=ONE_NOTE) == []


def test_bytes_that_nothing_depends_on_stand_still():
    moving = moving_bytes(organ(), np.ones(155, bool))
    names = {FIELDS[place].parameter.name for place in moving}
    assert {"levels", "rates", "output_level", "feedback", "pitch_levels"} <= names
    assert not names & {"lfo_speed", "pitch_mod_sensitivity", "pitch_rates", "coarse", "algorithm", "name"}
    silent = [FIELDS[place] for place in moving if FIELDS[place].operator == 6]
    assert {field.parameter.name for field in silent} == {"output_level"}
