"""The fit recovers a known voice from the levels of its operators."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from ddx7 import render
from ddx7.audio import log_mel_distance
from ddx7.engine import ControllerInput, Patch, controls, plan
from ddx7.resynthesis.envelope_fit import LevelCurve, NoteConditions, fit_operator, moments, octaves_of
from ddx7.resynthesis.export import fit_voice
from ddx7.resynthesis.level_curves import notes_over
from ddx7.voice import Operator, Voice, read_bytes, to_bytes

RATE = 16_000
NOTES = np.repeat([48, 60, 72, 84], 3)
DYNAMICS_DB = np.tile([0.0, -8.0, -16.0], 4)
CARRIER = Operator(rates=(72, 40, 50, 58), levels=(99, 88, 92, 0), velocity_sensitivity=3, output_level=99)
MODULATOR = Operator(
    rates=(90, 45, 40, 45),
    levels=(99, 80, 70, 0),
    velocity_sensitivity=4,
    output_level=82,
    break_point=39,
    left_depth=0,
    right_depth=40,
    right_curve=0,
    coarse=2,
)
KNOWN = Voice(operators=(CARRIER, MODULATOR, *(Operator(),) * 4), algorithm=5, name="KNOWN")


@pytest.fixture(scope="module")
def grid():
    return notes_over(NOTES, DYNAMICS_DB, -10.0, RATE, attack_s=0.05, release_s=0.2)


@pytest.fixture(scope="module")
def learned(grid):
    frames = np.tile(np.arange(int(grid.lengths[0]), dtype=np.int32), (len(grid.notes), 1))
    conditions = NoteConditions(grid.notes, grid.velocities, grid.gates, frames, RATE)
    return np.moveaxis(octaves_of(Patch.stack([KNOWN])[0], conditions), 0, -1)


@pytest.fixture(scope="module")
def found(grid, learned):
    return fit_voice(learned, grid, KNOWN.renamed("FOUND"))


def test_levels_are_those_that_the_engine_plays(grid, learned):
    note = 7
    blocks = np.arange(learned.shape[1], dtype=np.int32)
    one = plan(Patch.stack([KNOWN])[0], int(grid.notes[note]), int(grid.velocities[note]), int(grid.gates[note]), RATE)
    played = np.asarray(jax.jit(controls)(one, blocks, ControllerInput()).octaves)
    np.testing.assert_allclose(learned[note].T, played, atol=1e-5)


def test_a_known_voice_is_recovered(found):
    voice, raised, errors_db = found
    # At full level already; velocity 100 is a sixteenth of an octave above the engine's reference.
    np.testing.assert_allclose(raised, [-1 / 16, 0] * 3, atol=0.01)
    assert max(errors_db) < 1.0
    played, expected = (render(v, [48, 72, 84], [100, 70, 100], 1.0, 1.3) for v in (voice, KNOWN))
    assert max(log_mel_distance(a, b) for a, b in zip(expected, played, strict=True)) < 2.0


def test_every_note_of_a_fitted_voice_ends(found):
    voice, _, _ = found
    assert all(operator.levels[3] == 0 for operator in voice.operators)
    assert [operator.output_level for operator in voice.operators[2:]] == [0] * 4
    assert [operator.coarse for operator in voice.operators] == [operator.coarse for operator in KNOWN.operators]
    assert (voice.algorithm, voice.feedback) == (KNOWN.algorithm, KNOWN.feedback)
    data = to_bytes(voice)
    assert len(data) == 163
    assert read_bytes(data)[0] == voice


def test_soft_carriers_are_raised_together(grid, learned):
    # Half as loud, so the voice is to be an octave higher; modulators make timbre and stay.
    softer = learned.copy()
    softer[..., 0] -= 1.0
    only = grid[np.arange(3)]
    _, raised, _ = fit_voice(softer[:3], only, replace(KNOWN, operators=(CARRIER, *(Operator(),) * 5)))
    np.testing.assert_allclose(raised, [15 / 16, 0] * 3, atol=0.01)


def test_an_operator_that_is_never_audible_is_left_out(grid):
    frames = moments(grid.gates, grid.lengths)
    silent = LevelCurve(np.full(frames.shape, -20.0), np.full(frames.shape, -10.0))
    operator, error = fit_operator(silent, NoteConditions(grid.notes, grid.velocities, grid.gates, frames, RATE))
    assert (operator.output_level, operator.levels[3], error) == (0, 0, 0.0)


def test_moments_are_inside_their_notes():
    gates, lengths = np.array([1, 10, 300]), np.array([50, 60, 420])
    frames = moments(gates, lengths)
    assert frames.min() == 0
    assert np.all(frames < lengths[:, None])
    assert np.all(np.diff(frames, axis=1) >= 0)
    assert np.all((frames < gates[:, None]).sum(axis=1) == 24)
