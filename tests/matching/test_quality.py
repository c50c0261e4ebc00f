"""Each known damage alone must be what is named first, and a sound has nothing against itself."""

import re
import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.signal

from ddx7.audio import Note
from ddx7.matching.quality import CHANCE, SCALE_DB, describe, differences, match_quality, same_category_probability

RATE = 44_100
FOUND = [
    (0.65, 0.82), (1.85, 0.69), (2.7, 0.67), (3.25, 0.46), (3.8, 0.43), (4.4, 0.35), (5.15, 0.34), (6.15, 0.23),
    (7.65, 0.21), (10.0, 0.22),
]  # fmt: skip
"""Distance in dB, and share of answers of the same kind: middles of the bins of the table in docs/match.md."""


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


# Both ways where that is another damage: what was done, to the wanted or to the found sound, and what is to be said.
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
    wanted, found, said = DAMAGES[name]
    named = differences(note(f0_hz, **wanted), note(f0_hz, **found), RATE)
    assert named
    assert re.fullmatch(f"({said})( \\(.*\\))?", named[0]), named


@pytest.mark.parametrize("f0_hz", [65.0, 220.0, 880.0])
@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (2 ** (30 / 1200), "30 cents sharp"),
        (2 ** (-15 / 1200), "15 cents flat"),
        (2 ** (3 / 12), "3 semitones too high"),
        (2.0, "an octave too high"),
        (0.5, "an octave too low"),
    ],
)
def test_a_wrong_pitch_is_named_first(f0_hz: float, ratio: float, said: str) -> None:
    assert differences(note(f0_hz), note(ratio * f0_hz), RATE)[0] == said


@pytest.mark.parametrize(
    ("kind", "corner_hz", "said"),
    [
        ("lowpass", 4000, "very dull above 4 kHz"),
        ("lowpass", 2000, "very dull above 2 kHz"),
        ("highpass", 500, "very thin below 500 Hz"),
    ],
)
def test_a_filter_is_named_first(kind: str, corner_hz: float, said: str) -> None:
    sound = note()
    assert differences(sound, filtered(sound, kind, corner_hz), RATE)[0] == said


@pytest.mark.parametrize("f0_hz", [41.0, 65.0, 220.0, 880.0, 2000.0])
@pytest.mark.parametrize("gain", [1e-3, 1.0, 30.0])
def test_a_sound_at_another_level_is_the_same(f0_hz: float, gain: float) -> None:
    sound = note(f0_hz, vibrato_cents=20, tremolo_db=2)
    assert differences(sound, gain * sound, RATE) == ()


def test_another_draw_of_the_same_noise_is_the_same() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, RATE))
    assert differences(first, second, RATE) == ()


def test_silence_is_named_and_nothing_is_missed_in_silence() -> None:
    sound = note()
    assert differences(sound, np.zeros_like(sound), RATE) == ("no sound",)
    assert differences(sound, sound[:0], RATE) == ("no sound",)
    assert differences(np.zeros_like(sound), sound, RATE) == ()
    assert differences(sound[:0], sound[:0], RATE) == ()


def test_any_pair_can_be_compared() -> None:
    rng = np.random.default_rng(0)
    click = np.zeros(RATE)
    click[100] = 1
    sounds = [
        *(rng.normal(size=n) for n in (1, 2, 30, 400, 5000, RATE)),
        *(click, click[::-1], np.ones(RATE), np.full(RATE, np.nan), np.full(RATE, 1e-30), np.full(RATE, 1e200)),
        *(np.sin(np.arange(RATE) * 0.001), note(seconds=0.2), note(decay=200.0)),
    ]
    for (target, audio), rate in product(product(sounds, sounds), (8000, RATE)):
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


def test_a_minute_takes_no_minute() -> None:
    sound = np.tile(note(seconds=4.0), 15)
    started = time.process_time()
    differences(sound, sound, RATE)
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    ("distance_db", "words"),
    [(0.0, "very close"), (3.0, "same family"), (6.0, "roughly similar"), (9.0, "far off"), (np.inf, "far off")],
)
def test_verdicts(distance_db: float, words: str) -> None:
    assert match_quality(distance_db) == words


def test_one_line() -> None:
    likely = [
        f"(the same kind of sound: {round(100 * same_category_probability(distance_db))} %)"
        for distance_db in (7.06, 2.1)
    ]
    assert describe(7.06) == f"7.1 dB from the recording: roughly similar {likely[0]}"
    assert describe(2.1, ("noise missing", "15 cents flat")) == (
        f"2.1 dB from the recording: very close {likely[1]}; noise missing, 15 cents flat"
    )


def test_confidence_falls_from_certainty_to_chance() -> None:
    assert same_category_probability(0.0) == 1.0
    assert same_category_probability(np.inf) == CHANCE
    fallen = [same_category_probability(distance_db) for distance_db in np.linspace(0, 30, 61)]
    assert (np.diff(fallen) < 0).all()
    odds = 2 / (1 + np.exp(4.0 / SCALE_DB))  # half a logistic curve
    assert same_category_probability(4.0) == pytest.approx(CHANCE + (1 - CHANCE) * odds)


@pytest.mark.parametrize(("distance_db", "found"), FOUND)
def test_confidence_is_what_was_found_for_held_out_voices(distance_db: float, found: float) -> None:
    assert same_category_probability(distance_db) == pytest.approx(found, abs=0.14)
