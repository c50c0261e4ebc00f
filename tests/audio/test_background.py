"""Hum, rumble, noise and clicks are set aside; a note's own tail, tremolo and steady partials are not."""

import numpy as np
import pytest

from ddx7.audio import analyse_note, find_notes
from ddx7.audio.background import foreground

RATE = 44_100


def moment(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def late(sound: np.ndarray, onset_s: float, total_s: float) -> np.ndarray:
    out = np.zeros(round(total_s * RATE))
    start = round(onset_s * RATE)
    out[start : start + len(sound)] = sound[: len(out) - start]
    return out


def hum(f_hz: float, level: float, seconds: float, n: int = 1) -> np.ndarray:
    t, order = moment(seconds), np.arange(1, n + 1)[:, None]
    return level * (np.sin(2 * np.pi * order * f_hz * t + order) / order).sum(axis=0)


def noise(level: float, seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE))


@pytest.mark.parametrize(("f_hz", "n"), [(50.0, 1), (60.0, 1), (50.0, 9)])
@pytest.mark.parametrize("level", [0.003, 0.03])
def test_a_note_over_steady_hum_begins_at_its_pluck_and_keeps_its_pitch(tone, f_hz, n, level):
    sound = late(tone(220.0, decay_per_s=3.0), 1.0, 3.0) + hum(f_hz, level, 3.0, n)
    (note,) = find_notes(sound, RATE)
    assert note.onset_s == pytest.approx(1.0, abs=0.03)
    assert note.note == 57


def test_a_low_pluck_over_rumble_begins_at_its_pluck(tone):
    slow = np.convolve(noise(1.0, 2.0), np.hanning(1600), "same")
    rumble = 0.02 * slow / slow.std() * np.sin(2 * np.pi * 50 * moment(2.0))
    (note,) = find_notes(late(tone(110.0, decay_per_s=2.0, attack_s=0.002), 0.25, 2.0) + rumble, RATE)
    assert note.onset_s == pytest.approx(0.25, abs=0.03)
    assert note.note == 45


@pytest.mark.parametrize("level_db", [-66, -50])
@pytest.mark.parametrize("attack_s", [0.005, 0.04])
def test_noise_before_a_note_is_no_slow_attack(tone, level_db, attack_s):
    sound = late(tone(330.0, decay_per_s=1.0, attack_s=attack_s), 1.5, 3.2)
    sound += 0.2 * 10 ** (level_db / 20) * noise(1.0, 3.2)
    assert analyse_note(sound, RATE).onset_s == pytest.approx(1.5, abs=0.03)


def test_unsteady_noise_before_a_note_is_no_slow_attack(tone):
    swelling = noise(10 ** (-66 / 20), 3.0) * (1 + 2 * np.sin(np.pi * moment(3.0) / 1.5) ** 2)
    sound = late(tone(330.0, decay_per_s=1.0), 1.5, 3.0) + 0.3 * swelling
    assert analyse_note(sound, RATE).onset_s == pytest.approx(1.5, abs=0.03)


@pytest.mark.parametrize("height", [0.02, 0.3, 2.0])
@pytest.mark.parametrize("click_s", [0.05, 0.6])
def test_a_click_before_a_note_is_no_note(tone, height, click_s):
    sound = late(tone(220.0, decay_per_s=2.0), 1.0, 2.6)
    sound[round(click_s * RATE) :][:10] += height
    (note,) = find_notes(sound, RATE)
    assert note.onset_s == pytest.approx(1.0, abs=0.03)
    assert note.note == 57


def test_clicks_do_not_divide_a_note(tone):
    sound = late(tone(262.0, decay_per_s=0.5, seconds=2.0), 0.3, 2.4)
    for click_s in (0.7, 1.1, 1.63):
        sound[round(click_s * RATE) :][:10] += 0.3
    assert [note.note for note in find_notes(sound, RATE)] == [60]
    np.testing.assert_allclose(foreground(sound, RATE).clicks_s, (0.7, 1.1, 1.63), atol=0.003)


def test_a_recording_of_one_click_stays():
    click = np.eye(1, RATE, 20_000)[0]
    np.testing.assert_array_equal(foreground(click, RATE).samples, click)


def test_what_belongs_to_a_note_is_no_background(tone):
    t = moment(1.5)
    decaying = tone(220.0, decay_per_s=3.0)
    held = tone(220.0, decay_per_s=0.0)
    tremolo = held * (1 - 0.8 * (0.5 + 0.5 * np.cos(2 * np.pi * 5 * t)))
    swelling = tone(330.0, attack_s=0.8, decay_per_s=0.0)
    soft_then_loud = np.concatenate([0.02 * held, tone(330.0, decay_per_s=1.0)])
    for sound in (decaying, held, tremolo, swelling, soft_then_loud):
        front = foreground(sound, RATE)
        assert front.quiet is None
        np.testing.assert_array_equal(front.samples, sound)


def test_a_melody_over_hum_and_noise_keeps_its_notes(tone):
    melody = (60, 64, 62, 67)
    sounds = [tone(440 * 2 ** ((n - 69) / 12), decay_per_s=4.0, seconds=0.5) for n in melody]
    sound = late(np.concatenate(sounds), 0.5, 2.8) + hum(50.0, 0.01, 2.8, 5) + noise(0.001, 2.8)
    notes = find_notes(sound, RATE)
    assert [note.note for note in notes] == list(melody)
    np.testing.assert_allclose([note.onset_s for note in notes], 0.5 + 0.5 * np.arange(4), atol=0.03)


@pytest.mark.parametrize("kind", ["sticks", "beeps"])
@pytest.mark.parametrize("melody", [(57,), (60, 64, 62)])
def test_a_count_in_is_no_note(tone, kind, melody):
    t = moment(0.04)
    count = np.sin(2 * np.pi * 1000 * t) * np.minimum(1, 20 * np.minimum(t, 0.04 - t) / 0.02)
    if kind == "sticks":
        count = np.random.default_rng(1).normal(0, 1, len(t)) * np.exp(-150 * t)
    sounds = np.concatenate([tone(440 * 2 ** ((n - 69) / 12), decay_per_s=2.0, seconds=0.8) for n in melody])
    sound = late(sounds, 2.0, 2.2 + 0.8 * len(melody))
    for beat_s in (0.0, 0.5, 1.0, 1.5):
        start = round(beat_s * RATE)
        sound[start : start + len(count)] += 0.3 * count
    notes = find_notes(sound, RATE)
    assert [note.note for note in notes] == list(melody)
    np.testing.assert_allclose([note.onset_s for note in notes], 2.0 + 0.8 * np.arange(len(melody)), atol=0.03)
