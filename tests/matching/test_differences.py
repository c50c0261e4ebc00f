"""Each known damage alone is named first, and a sound does not differ from itself."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.signal

from ddx7.audio import Note
from ddx7.matching.differences import differences

RATE = 44_100


def note(
    f0_hz: float = 220.0,
    *,
    seconds: float = 2.0,
    attack_s: float = 0.005,
    decay: float = 1.5,
    noise: float = 0.04,
    vibrato_cents: float = 0.0,
    tremolo_db: float = 0.0,
    sustain: float = 1.0,
) -> np.ndarray:
    """Forty harmonics falling as 1/k in breath, dying away by so many nepers a second."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    cents = vibrato_cents * np.sin(2 * np.pi * 5.5 * t)
    phase = 2 * np.pi * np.cumsum(f0_hz * 2 ** (cents / 1200)) / RATE
    wave = noise * rng.normal(size=len(t))
    for k in range(1, 41):
        if k * f0_hz < 0.45 * RATE:
            wave += np.sin(k * phase + rng.uniform(0, 2 * np.pi)) / k
    envelope = np.minimum(t / attack_s, 1) * np.exp(-decay * t) * np.where(t < 0.05, 1.0, sustain)
    return 0.1 * wave * envelope * 10 ** (tremolo_db * np.sin(2 * np.pi * 5 * t) / 20)


def filtered(sound: np.ndarray, kind: str, corner_hz: float) -> np.ndarray:
    return scipy.signal.sosfiltfilt(scipy.signal.butter(4, corner_hz, kind, fs=RATE, output="sos"), sound)


# Changes to the target, changes to the other sound, and the expected phrase; in both directions where these differ.
# By the formula above an attack of 100 ms reaches half of its peak after 46 ms, one of 5 ms after 2.5.
DAMAGES = {
    "slower attack": ({}, {"attack_s": 0.1}, "attack (3[5-9]|4.|50) ms slower"),
    "faster attack": ({"attack_s": 0.1}, {}, "attack (3[5-9]|4.|50) ms faster"),
    "faster decay": ({}, {"decay": 4.0}, "dies sooner"),
    "slower decay": ({}, {"decay": 0.5}, "rings longer"),
    "softer body": ({}, {"sustain": 0.3}, "10 dB quieter after the attack"),
    "no noise": ({}, {"noise": 0.0}, "noise (missing|weak)"),
    "noise": ({"noise": 0.0}, {}, "(very )?noisy"),
    "no vibrato": ({"vibrato_cents": 30}, {}, "vibrato of (2[789]|30) cents at [56] Hz missing"),
    "vibrato": ({}, {"vibrato_cents": 30}, "vibrato of (2[789]|30) cents at [56] Hz added"),
    "no tremolo": ({"tremolo_db": 4}, {}, "tremolo of 4 dB at 5 Hz missing"),
    "tremolo": ({}, {"tremolo_db": 4}, "tremolo of 4 dB at 5 Hz added"),
}


@pytest.mark.parametrize(("name", "f0_hz"), [*product(DAMAGES, (110.0, 220.0, 440.0, 880.0))])
def test_each_damage_is_named_first(name: str, f0_hz: float) -> None:
    target, estimate, phrase = DAMAGES[name]
    named = differences(note(f0_hz, **target), note(f0_hz, **estimate), RATE)
    assert named
    assert re.fullmatch(f"({phrase})( \\(.*\\))?", named[0]), named


@pytest.mark.parametrize("f0_hz", [65.0, 220.0, 880.0])
@pytest.mark.parametrize(
    ("ratio", "phrase"),
    [
        (2 ** (30 / 1200), "30 cents sharp"),
        (2 ** (-15 / 1200), "15 cents flat"),
        (2 ** (3 / 12), "3 semitones too high"),
        (2.0, "an octave too high"),
        (0.5, "an octave too low"),
    ],
)
def test_a_wrong_pitch_is_named_first(f0_hz: float, ratio: float, phrase: str) -> None:
    assert differences(note(f0_hz), note(ratio * f0_hz), RATE)[0] == phrase


@pytest.mark.parametrize(
    ("kind", "corner_hz", "phrase"),
    [
        ("lowpass", 4000, "very dull above 4 kHz"),
        ("lowpass", 2000, "very dull above 2 kHz"),
        ("highpass", 500, "very thin below 500 Hz"),
    ],
)
def test_a_filter_is_named_first(kind: str, corner_hz: float, phrase: str) -> None:
    sound = note()
    assert differences(sound, filtered(sound, kind, corner_hz), RATE)[0] == phrase


@pytest.mark.parametrize("f0_hz", [41.0, 65.0, 220.0, 880.0, 2000.0])
@pytest.mark.parametrize("gain", [1e-3, 1.0, 30.0])
def test_a_sound_at_another_level_is_the_same(f0_hz: float, gain: float) -> None:
    sound = note(f0_hz, vibrato_cents=20, tremolo_db=2)
    assert differences(sound, gain * sound, RATE) == ()


def test_a_ripple_on_a_plateau_is_no_shorter_decay() -> None:
    t = np.arange(round(1.2 * RATE)) / RATE
    release = np.where(t < 0.8, 1.0, 10 ** (-50 * (t - 0.8) / 0.4 / 20))
    early, late = (
        release * (1 + 0.1 * np.exp(-np.square((t - peak_s) / 0.03))) * np.sin(2 * np.pi * 220 * t)
        for peak_s in (0.1, 0.75)
    )
    assert differences(early, late, RATE) == ()
    assert differences(late, early, RATE) == ()


def test_a_note_that_swells_to_the_same_end_does_not_die_sooner() -> None:
    t = np.arange(round(1.2 * RATE)) / RATE
    release = np.where(t < 0.8, 1.0, 10 ** (-50 * (t - 0.8) / 0.4 / 20))
    held = release * np.sin(2 * np.pi * 220 * t)
    named = differences(held, held * np.minimum(0.3 + t, 1.0), RATE)
    assert not any("sooner" in phrase or "longer" in phrase for phrase in named), named


def test_beating_partials_keep_a_low_notes_pitch() -> None:
    t = np.arange(round(1.5 * RATE)) / RATE
    waves = [
        sum(np.sin(2 * np.pi * 73.4 * k * detune * t + k) / k for k in range(1, 9) for detune in detunes)
        for detunes in ((1.0,), (1.0, 1.006, 0.991))
    ]
    assert "no clear pitch" not in differences(*waves, RATE)
    assert "pitch too clear" not in differences(*waves[::-1], RATE)


def test_a_bell_instead_of_a_note_has_no_clear_pitch() -> None:
    t = np.arange(round(1.5 * RATE)) / RATE
    bell = sum(np.sin(2 * np.pi * 220 * ratio * t + ratio) for ratio in (1.0, 1.56, 2.37, 3.73, 4.61))
    named = differences(note(decay=0.0, noise=0.0), np.asarray(bell), RATE)
    assert "no clear pitch" in named, named


@pytest.mark.parametrize(("partial", "gain", "phrase"), [(5, 0.1, "20 dB too weak"), (7, 5.0, "1[234] dB too strong")])
def test_one_partial_that_is_wrong_all_the_time_is_named(partial: int, gain: float, phrase: str) -> None:
    t = np.arange(round(1.5 * RATE)) / RATE
    partials = {k: np.sin(2 * np.pi * 110 * k * t + k) for k in range(1, 13)}
    target = sum(partials.values())
    named = differences(np.asarray(target), np.asarray(target + (gain - 1) * partials[partial]), RATE)
    assert re.fullmatch(rf"partial {partial} \({110 * partial} Hz\) {phrase}", named[0]), named
    assert not any("between" in words and "500 Hz" in words for words in named[1:]), named


def test_another_draw_of_the_same_noise_is_the_same() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, RATE))
    assert differences(first, second, RATE) == ()


def test_silence_is_named_and_a_silent_target_has_no_differences() -> None:
    sound = note()
    assert differences(sound, np.zeros_like(sound), RATE) == ("no sound",)
    assert differences(sound, sound[:0], RATE) == ("no sound",)
    assert differences(np.zeros_like(sound), sound, RATE) == ()
    assert differences(sound[:0], sound[:0], RATE) == ()


def test_any_pair_can_be_compared() -> None:
    rng = np.random.default_rng(0)
    size = 2000
    click = np.zeros(size)
    click[100] = 1
    sounds = [
        *(rng.normal(size=n) for n in (1, 2, 400, size)),
        *(click, click[::-1], np.ones(size), np.full(size, np.nan), np.full(size, 1e-30), np.full(size, 1e200)),
        *(np.sin(np.arange(size) * 0.001), note(seconds=0.2), note(seconds=0.3, decay=200.0)),
    ]
    for k, (target, audio) in enumerate(product(sounds, sounds)):
        rate = (8000, RATE)[k % 2]
        assert len(differences(target, audio, rate)) <= 4


def test_a_note_of_a_phrase_that_is_too_soft_is_named_with_its_time() -> None:
    tones = [note(f0_hz, seconds=0.5) for f0_hz in (220.0, 330.0, 262.0)]
    plain = Note(0.0, 0.5, 0.5, 220.0, 57, 0.0, 1.0, -20.0, -10.0)
    notes = [replace(plain, onset_s=onset_s) for onset_s in (0.0, 0.5, 1.0)]
    target = np.concatenate(tones)
    assert differences(target, target, RATE, notes) == ()
    audio = np.concatenate([tones[0], 0.4 * tones[1], tones[2]])
    assert differences(target, audio, RATE, notes)[0] == "note at 0.5 s 8 dB too soft"


def test_each_note_of_a_phrase_has_its_attack() -> None:
    notes = [Note(onset_s, 0.5, 0.5, 220.0, 57, 0.0, 1.0, -20.0, -10.0) for onset_s in (0.0, 0.5, 1.0)]
    phrases = [np.tile(note(seconds=0.5, decay=5.0, attack_s=attack_s), 3) for attack_s in (0.005, 0.1)]
    assert "slower" in differences(*phrases, RATE, notes)[0]
