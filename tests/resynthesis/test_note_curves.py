import numpy as np
import pytest

from ddx7.audio.loudness import FLOOR_DB
from ddx7.engine.midi_performance import ChannelControllers, ControllerCurve, MidiNote
from ddx7.errors import ArgumentError
from ddx7.resynthesis.note_curves import PlayingStyle, note_curves, split_lines

FPS = 250.0
PLAIN = PlayingStyle(vibrato_cents=0.0, loud_db=-10.0, soft_db=-30.0)


def played(line, seconds=2.0, style=PLAIN, **controllers):
    """MIDI note and loudness at each frame."""
    f0_hz, level_db = note_curves(line, round(seconds * FPS), FPS, style, ChannelControllers(**controllers))
    return 69 + 12 * np.log2(f0_hz / 440), level_db


def steps(*values):
    """A controller that takes values at (time, value)."""
    return ControllerCurve(np.array([-np.inf, *(t for t, _ in values[1:])]), np.array([v for _, v in values], float))


def test_a_note_rises_holds_and_falls():
    pitch, level_db = played([MidiNote(60, 127, 0.2, 1.0)])
    np.testing.assert_allclose(pitch, 60, atol=1e-4)
    assert level_db[49] == FLOOR_DB
    assert level_db[50] == pytest.approx(-10 - 60 + 2, abs=0.1)
    assert level_db[50 + 15] == pytest.approx(-10, abs=2)
    assert level_db[240] == pytest.approx(-10, abs=0.1)
    assert level_db[275] == pytest.approx(-10 - 30, abs=0.5)  # half of the release
    assert (level_db[302:] == FLOOR_DB).all()


def test_velocity_is_loudness_between_soft_and_loud():
    levels = [played([MidiNote(60, v, 0.0, 1.0)])[1][200] for v in (1, 64, 127)]
    np.testing.assert_allclose(levels, [-30 + 20 / 127, -30 + 20 * 64 / 127, -10], atol=0.1)


def test_a_slur_glides_without_an_attack():
    slurred = [MidiNote(60, 100, 0.0, 0.52), MidiNote(64, 100, 0.5, 1.0)]
    pitch, level_db = played(slurred)
    assert pitch[124] == pytest.approx(60, abs=1e-4)
    assert pitch[130] == pytest.approx(62, abs=0.5)
    assert pitch[136] == pytest.approx(64, abs=1e-4)
    assert level_db[120:140].min() > level_db[110] - 3
    detached, detached_db = played([MidiNote(60, 100, 0.0, 0.4), MidiNote(64, 100, 0.5, 1.0)])
    assert set(detached.round().tolist()) == {60, 64}
    assert detached_db[124] < detached_db[90] - 25


def test_vibrato_sets_in_late_and_the_wheel_adds_to_it():
    style = PlayingStyle(vibrato_cents=20.0)
    pitch, _ = played([MidiNote(69, 100, 0.0, 2.0)], style=style)
    assert np.abs(pitch[:60] - 69).max() < 1e-3
    assert np.abs(pitch[200:] - 69).max() == pytest.approx(0.2, abs=0.01)
    crossings = np.sum((pitch[200:449] < 69) & (pitch[201:450] >= 69))
    assert 4 <= crossings <= 7  # in a second
    wheel, _ = played([MidiNote(69, 100, 0.0, 2.0)], wheel=ControllerCurve.constant(127.0))
    assert np.abs(wheel[:100] - 69).max() == pytest.approx(0.6, abs=0.02)


def test_pitch_bend_moves_by_its_range():
    bend = steps((0, 8192), (0.5, 16384 - 1), (1.0, 0))
    pitch, _ = played([MidiNote(60, 100, 0.0, 2.0)], pitch_bend=bend, bend_range=ControllerCurve.constant(7.0))
    np.testing.assert_allclose(pitch[[100, 200, 300]], [60, 67, 53], atol=0.01)


def test_expression_moves_loudness_as_general_midi_says():
    expression = steps((0, 127), (1.0, 64), (1.5, 0))
    _, level_db = played([MidiNote(60, 127, 0.0, 2.0)], expression=expression)
    assert level_db[300] - level_db[240] == pytest.approx(40 * np.log10(64 / 127), abs=0.1)
    assert (level_db[380:] == FLOOR_DB).all()


def test_a_note_struck_while_another_fades_does_not_cut_it():
    style = PlayingStyle(release_s=2.0, vibrato_cents=0.0)
    _, level_db = played([MidiNote(60, 100, 0.0, 0.4), MidiNote(64, 100, 0.5, 1.0)], style=style)
    assert level_db[100:140].min() > level_db[90] - 6


def test_chords_become_lines_and_melodies_one():
    chord = [MidiNote(n, 90, 0.0, 1.0) for n in (60, 64, 67)]
    after = [MidiNote(n, 90, 1.0, 2.0) for n in (59, 65, 67)]
    assert [[n.note for n in line] for line in split_lines([*chord, *after])] == [[60, 59], [64, 65], [67, 67]]
    overlapping = [MidiNote(60 + k, 90, 0.5 * k, 0.5 * k + 0.55) for k in range(8)]
    assert len(split_lines(overlapping)) == 1
    crowd = [MidiNote(40 + k, 90, 0.01 * k, 5.0) for k in range(20)]
    assert len(split_lines(crowd)) == 8
    assert sum(map(len, split_lines(crowd))) == 20


@pytest.mark.parametrize("settings", [{"attack_s": 0.0}, {"release_s": 11.0}, {"vibrato_cents": -1.0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ArgumentError, match=next(iter(settings))):
        PlayingStyle(**settings)
