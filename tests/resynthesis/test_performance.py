import jax
import numpy as np
import pytest
from playing import quick_jit

from ddx7.audio.loudness import loudness
from ddx7.engine.midi_performance import AT_REST, ChannelControllers, ControllerCurve, MidiNote, MidiPerformance
from ddx7.errors import ArgumentError
from ddx7.resynthesis import Instrument, PlaybackControls, perform
from ddx7.resynthesis.note_curves import note_curves
from ddx7.resynthesis.performance import style_of

RANGE = {"lowest_note": 55.0, "highest_note": 80.0, "loud_db": -12.0, "soft_db": -30.0, "gain_db": 3.0}


@pytest.fixture(scope="module")
def instrument(small) -> Instrument:
    return Instrument(small, quick_jit(small.init)(jax.random.key(3)), {"what": "a test", "range": RANGE})


def midi(*notes, **controllers):
    return MidiPerformance(tuple(notes), {1: ChannelControllers(**controllers)}, 1.0)


def test_notes_sound_from_onset_to_release(instrument):
    played = perform(midi(MidiNote(60, 100, 0.1, 0.4)), instrument)
    assert np.abs(played.audio[: 1600 - 64]).max() == 0
    assert np.abs(played.audio[3200:6400]).max() > 0.001
    assert len(played.audio) >= 0.6 * 16_000
    assert (played.n_notes, played.n_lines, played.remarks) == (1, 1, ())


def test_a_chord_is_the_sum_of_its_lines_and_volume_scales_it(instrument):
    low, high = MidiNote(60, 100, 0.0, 0.3), MidiNote(67, 100, 0.0, 0.3)
    both, one = perform(midi(low, high), instrument), perform(midi(low), instrument)
    assert both.n_lines == 2
    other = perform(midi(high), instrument, seed=1)
    np.testing.assert_allclose(both.audio, one.audio + other.audio, atol=1e-5)
    soft = perform(midi(low, volume=ControllerCurve.constant(64.0)), instrument)
    np.testing.assert_allclose(soft.audio, one.audio * (64 / 127) ** 2, atol=1e-6)


def test_drums_are_left_out_and_a_channel_can_be_chosen(instrument):
    notes = (MidiNote(60, 100, 0.0, 0.2), MidiNote(36, 100, 0.0, 0.2, channel=10))
    performance = MidiPerformance(notes, {}, 0.2)
    assert perform(performance, instrument).n_notes == 1
    assert perform(performance, instrument, channel=10).n_notes == 1
    with pytest.raises(ArgumentError, match="found 3, wanted one with notes: 1, 10"):
        perform(performance, instrument, channel=3)


def test_notes_out_of_the_learned_range_are_remarked(instrument):
    low = midi(MidiNote(40, 100, 0.0, 0.2))
    assert "--transpose 24" in perform(low, instrument).remarks[0]
    assert perform(low, instrument, PlaybackControls(transpose=24)).remarks == ()


def test_loudness_is_that_of_the_learned_recordings(small):
    assert style_of(Instrument(small, {}, {"range": RANGE})).loud_db == -12
    assert style_of(Instrument(small, {}, {"range": RANGE})).soft_db == -30
    alike = {**RANGE, "soft_db": -13.0}
    assert style_of(Instrument(small, {}, {"range": alike})).soft_db == -24
    assert style_of(Instrument(small, {}, {})).loud_db == -15


def test_every_note_is_as_loud_as_its_curve_asks(instrument):
    notes = [MidiNote(60, 100, 0.0, 0.5), MidiNote(79, 50, 0.7, 1.2)]
    played, style = perform(midi(*notes), instrument), style_of(instrument)
    f0_hz, wanted_db = note_curves(notes, len(played.audio) // 64, 250, style, AT_REST)
    raw_db, found_db = (loudness(x, 16_000, 64) for x in (instrument(f0_hz, wanted_db), played.audio))
    for middle in (slice(40, 100), slice(215, 275)):
        wrong_db = np.median(raw_db[middle] - wanted_db[middle])
        assert abs(wrong_db) > 0.5
        left_db = np.sign(wrong_db) * max(abs(wrong_db) - 12, 0)  # 12 dB is the most that is corrected
        assert np.median(found_db[middle] - wanted_db[middle]) == pytest.approx(left_db, abs=0.5)
    # What rings after the last note keeps the gain of the note, and is not brought to the loudness of a rest.
    gain_db = found_db - raw_db
    assert np.median(gain_db[315:330]) == pytest.approx(np.median(gain_db[285:298]), abs=1.0)
