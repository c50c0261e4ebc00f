from dataclasses import replace

import numpy as np
import pytest

from ddx7.matching.gradient import refine
from ddx7.matching.objective import NoteEvent, NoteTarget, Objective, fit_length
from ddx7.voice import Operator, Voice


def organ(level: int = 80) -> np.ndarray:
    """Two operators of algorithm 1: a carrier and its modulator."""
    carrier = Operator(rates=(99, 99, 99, 70), output_level=99)
    modulator = Operator(rates=(99, 99, 99, 70), output_level=level, coarse=2)
    voice = Voice(operators=(carrier, modulator, *Voice().operators[2:]))
    return np.frombuffer(voice.to_vced(), np.uint8)


def objective_of(vced: np.ndarray) -> Objective:
    silent = NoteTarget(fit_length(np.zeros(100, np.float32)), 44100, NoteEvent(60, 100, 0.4), 1.0)
    return Objective((replace(silent, target=silent.render(vced[None])[0]),))


def test_a_voice_is_nearest_to_itself_and_silence_is_infinitely_far():
    objective = objective_of(organ())
    silent = np.frombuffer(Voice(operators=(Operator(),) * 6).to_vced(), np.uint8)
    own, brighter, nothing = objective.distances(np.stack([organ(), organ(95), silent]))
    assert own < 1e-3
    assert brighter > 0.5
    assert np.isinf(nothing)


@pytest.mark.slow
def test_gradient_brings_a_wrong_level_nearer():
    objective = objective_of(organ(80)).at_rate(22050)
    start = organ(68)
    refined = refine(objective, start[None])
    assert refined.shape == (4, 1, 155)
    before = objective.distances(start[None])[0]
    after = objective.distances(refined.reshape(-1, 155)).min()
    assert after < 0.6 * before
