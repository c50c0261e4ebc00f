import csv

import numpy as np
import pytest

from ddx7.audio import analyse_note, partials, read_audio
from ddx7.audio.partials import spectral_peaks
from ddx7.errors import AudioError

RATE = 44_100

# One-shots whose string is struck late, after the rumble of the recording has begun.
LATE = {"ph_banjo_C3_very-long_forte_normal.flac": 0.185, "ph_mandolin_A4_very-long_piano_normal.flac": 0.29}


def held(seconds: float, release_per_s: float, *, total: float = 3.0, decay_per_s: float = 0.3) -> np.ndarray:
    """A tone of 220 Hz held for some time and released; amplitudes fall exponentially at the given rates."""
    t = np.arange(round(total * RATE)) / RATE
    level = np.exp(-decay_per_s * np.minimum(t, seconds) - release_per_s * np.maximum(t - seconds, 0))
    return 0.3 * level * np.minimum(t / 0.02, 1) * sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 9))


def late(samples: np.ndarray, seconds: float) -> np.ndarray:
    return np.concatenate([np.zeros(round(seconds * RATE)), samples])


@pytest.mark.parametrize("delay_s", [0.0, 0.25, 1.1])
@pytest.mark.parametrize("noise", [0.0, 1e-4, 3e-3])
def test_the_onset_is_where_the_sound_begins(tone, delay_s, noise):
    recording = late(tone(330), delay_s)
    recording = recording + np.random.default_rng(0).normal(0, noise, len(recording))
    assert analyse_note(recording, RATE).onset_s == pytest.approx(delay_s, abs=0.004)


def test_rumble_before_the_attack_is_no_onset(tone):
    t = np.arange(3 * RATE) / RATE
    recording = late(tone(330), 1.1)[: len(t)]
    recording = recording + 0.1 * np.sin(2 * np.pi * 8 * t[: len(recording)])
    assert analyse_note(recording, RATE).onset_s == pytest.approx(1.1, abs=0.01)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_a_slow_swell_begins_where_it_begins(tone, noise):
    recording = late(tone(330, attack_s=0.8, decay_per_s=0.0), 0.3)
    recording = recording + np.random.default_rng(0).normal(0, noise, len(recording))
    assert analyse_note(recording, RATE).onset_s == pytest.approx(0.3, abs=0.03)


def test_a_swell_at_the_beginning_is_no_noise_before_the_note(tone):
    assert analyse_note(tone(330, attack_s=0.8, decay_per_s=0.0), RATE).onset_s < 0.02


@pytest.mark.parametrize("attack_s", [0.01, 0.9])
@pytest.mark.parametrize("release_per_s", [1.5, 4.0])
def test_a_slow_release_is_among_the_possible_gates(attack_s, release_per_s):
    t = np.arange(round(2.5 * RATE)) / RATE
    note = analyse_note(held(1.2, release_per_s, total=2.5) * np.minimum(t / attack_s, 1), RATE)
    gates = np.array([note.gate_s, *note.other_gates_s])
    assert np.abs(gates - 1.2).min() < 0.15
    assert len(gates) <= 3


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("release_per_s", [12.0, 40.0, 200.0])
def test_the_gate_of_a_held_note_ends_at_its_release(seconds, release_per_s):
    note = analyse_note(late(held(seconds, release_per_s), 0.1), RATE)
    assert note.gate_s == pytest.approx(seconds, abs=0.06)
    # -60 dB under the peak, 6.9 time constants: after the decay while held, the rest takes the release.
    assert note.duration_s == pytest.approx(seconds + (6.9 - 0.3 * seconds) / release_per_s, abs=0.1)


def test_a_reverberant_tail_does_not_hide_the_release():
    t = np.arange(4 * RATE) / RATE
    tail = 0.01 * np.exp(-2 * t) * np.random.default_rng(0).normal(0, 1, len(t))
    assert analyse_note(held(1.2, 30.0, total=4.0) + tail, RATE).gate_s == pytest.approx(1.2, abs=0.06)


@pytest.mark.parametrize("decay_per_s", [2.0, 5.0, 15.0])
def test_a_sound_that_only_decays_is_held_to_its_end(tone, decay_per_s):
    note = analyse_note(tone(330, decay_per_s=decay_per_s, seconds=4.0), RATE)
    assert note.gate_s == note.duration_s == pytest.approx(6.9 / decay_per_s, rel=0.1)


def test_a_decay_that_slows_down_is_no_release(tone):
    sound = tone(330, decay_per_s=20, seconds=3.0) + 0.2 * tone(330, decay_per_s=2, seconds=3.0)
    note = analyse_note(sound, RATE)
    assert note.gate_s == note.duration_s > 2


def test_a_sound_cut_off_while_it_lasts_is_held_to_the_cut():
    note = analyse_note(held(1.0, 0.0, total=1.0), RATE)
    assert note.gate_s == note.duration_s == pytest.approx(1.0, abs=0.03)


def test_pitch_and_level(tone):
    sound = tone(445.0, {1: 1.0}, decay_per_s=0.0)  # amplitude 0.2
    note = analyse_note(sound, RATE)
    assert note.note == 69
    assert note.cents == pytest.approx(1200 * np.log2(445 / 440), abs=0.5)
    assert note.f0_hz == pytest.approx(445, rel=1e-4)
    assert note.peak_db == pytest.approx(20 * np.log10(0.2), abs=0.05)
    assert note.loudness_db == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.1)
    assert note.confidence > 0.9


@pytest.mark.parametrize(("around_hz", "expected"), [(None, 57), (222.0, 57), (112.0, 45), (435.0, 69)])
def test_a_known_octave_is_kept(tone, around_hz, expected):
    sound = tone(220, {1: 0.3, 2: 1, 3: 0.2, 4: 0.6}, decay_per_s=0.5)
    assert analyse_note(sound, RATE, around_hz=around_hz).note == expected


@pytest.mark.parametrize("cents", [-49, 49])
def test_cents_are_from_the_nearest_note(tone, cents):
    note = analyse_note(tone(440 * 2 ** (cents / 1200)), RATE)
    assert (note.note, round(note.cents)) == (69, cents)


@pytest.mark.parametrize("length", [0, 10, 44_100])
def test_silence_is_refused(length):
    with pytest.raises(AudioError, match="only silence"):
        analyse_note(np.zeros(length), RATE)


def test_partials_of_a_tone_are_found(tone):
    expected = {1: 1.0, 2: 0.1, 3.01: 0.5, 7.5: 0.03, 14: 0.2}
    result = partials(tone(150, expected, decay_per_s=1.0), RATE, 150, floor_db=-50)
    np.testing.assert_allclose(result.ratio, list(expected), atol=0.003)
    np.testing.assert_allclose(result.level_db, 20 * np.log10(list(expected.values())), atol=0.5)


def test_only_the_strongest_partials_above_the_floor_are_kept(tone):
    sound = tone(150, {1: 0.3, 2: 0.1, 3: 1.0, 4: 0.5, 5: 1e-4})
    np.testing.assert_allclose(partials(sound, RATE, 150, n=2).ratio, [3, 4], atol=0.003)
    np.testing.assert_allclose(partials(sound, RATE, 150).ratio, [1, 2, 3, 4], atol=0.003)
    assert len(partials(sound, RATE, 150, floor_db=-90).ratio) >= 5


def test_attack_and_steady_part_differ(tone):
    sound = tone(300, {1: 1.0}, decay_per_s=0.5) + tone(300, {6: 1.0}, decay_per_s=20)
    attack, steady = (partials(sound, RATE, 300, start_s=start, floor_db=-30) for start in (0.0, 0.8))
    np.testing.assert_allclose(attack.ratio, [1, 6], atol=0.01)
    np.testing.assert_allclose(steady.ratio, [1], atol=0.01)


def test_a_range_without_peaks_has_none():
    assert len(spectral_peaks(np.zeros(100), RATE, lowest_hz=10, highest_hz=11).f_hz) == 0


def test_real_one_shots_are_measured_sensibly(shared):
    with (shared / "audio/oneshots/index.csv").open(newline="") as file:
        paths = {row["file_44k"].split("/")[-1]: shared / "audio" / row["file_44k"] for row in csv.DictReader(file)}
    notes = {}
    for name, path in paths.items():
        recording = read_audio(path)
        notes[name] = note = analyse_note(recording.samples, recording.sample_rate)
        assert note.onset_s == pytest.approx(LATE.get(name, 0.02), abs=0.03), name
        assert 0.2 < note.gate_s <= note.duration_s <= recording.duration_s - note.onset_s + 1e-6, name
        assert note.peak_db == pytest.approx(-0.9, abs=0.1), name
    # Brass and a soundfont's bass have a release before the end; a harp rings.
    assert notes["ph_trombone_A3_15_forte_normal.flac"].gate_s == pytest.approx(0.64, abs=0.1)
    assert notes["sf2_fretless.flac"].gate_s == pytest.approx(1.49, abs=0.05)
    assert notes["sf2_harp.flac"].gate_s == notes["sf2_harp.flac"].duration_s
