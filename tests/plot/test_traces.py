import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.plot import trace_note
from ddx7.voice import Operator, Voice


def test_levels_are_those_of_the_voice() -> None:
    # Output level 99 is full level; from 20 up a step is 0.75 dB. EG level 79 lies 20 steps, of 1.5 dB in pairs, lower.
    voice = Voice(
        algorithm=32,
        operators=(
            Operator(output_level=99),
            Operator(output_level=59),
            Operator(output_level=99, levels=(79, 79, 79, 0)),
            *(Operator(),) * 3,
        ),
    )
    traces = trace_note(voice)
    one, two, three, four, *_ = traces.level_db
    held = (traces.times_s > 0.2) & (traces.times_s < 1.0)
    released = traces.times_s > 1.1
    np.testing.assert_allclose(one[held], 0, atol=1e-3)
    np.testing.assert_allclose(two[held], -40 * 0.7526, atol=0.01)
    np.testing.assert_allclose(three[held], -10 * 1.505, atol=0.01)
    assert np.all(four < -80)
    assert np.all(one[released] < -80)


@pytest.mark.parametrize(("level", "octaves"), [(50, 0), (0, -4), (99, 127 / 32), (51, 1 / 32)])
def test_pitch_is_in_cents(level: int, octaves: float) -> None:
    voice = Voice(pitch_levels=(level,) * 4, pitch_rates=(99,) * 4)
    np.testing.assert_allclose(trace_note(voice).pitch_cents, 1200 * octaves, atol=0.01)


def test_a_trace_lasts_two_seconds() -> None:
    traces = trace_note(Voice(), 72)
    assert (traces.note, traces.velocity, traces.gate_s) == (72, 100, 1.0)
    assert len(traces.audio) == 2 * traces.sample_rate
    assert traces.times_s[-1] == pytest.approx(2.0, abs=traces.block_s)
    assert traces.level_db.shape == (6, len(traces.times_s))


def test_a_note_beyond_midi_is_refused() -> None:
    with pytest.raises(Ddx7Error, match="note: found 128"):
        trace_note(Voice(), 128)
