"""Laws of `render`: batches, order, length, sample rate, controllers, compilations, errors."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.engine import ControllerAssignment, Controllers, rendering
from ddx7.voice import Voice, init_voice
from ddx7.voice.packing import random_vced

SINE = init_voice()
C3_HZ = 440 * 2 ** (-9 / 12)


def random_voices(n: int, seed: int) -> list[Voice]:
    """Random voices whose feedback leaves the waveform predictable."""
    voices = [Voice.from_vced(row) for row in random_vced(np.random.default_rng(seed), n)]
    return [replace(voice, feedback=min(voice.feedback, 4)) for voice in voices]


def pitch_hz(audio: np.ndarray, sample_rate: int = 44100) -> float:
    """Mean frequency of a sine from its first to its last rising zero."""
    audio = audio.astype(np.float64)
    before = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    times = before + audio[before] / (audio[before] - audio[before + 1])
    return (len(times) - 1) / (times[-1] - times[0]) * sample_rate


def test_a_batch_is_its_voices_one_by_one_in_any_order() -> None:
    voices = random_voices(11, seed=1)
    notes, velocities = np.arange(40, 95, 5), np.arange(27, 128, 10)
    gates = np.linspace(0, 0.5, 11)
    together = ddx7.render(voices, notes, velocities, gates, 0.5)
    assert together.shape == (11, 22050)
    assert together.dtype == np.float32
    for k, voice in enumerate(voices):
        alone = ddx7.render(voice, notes[k], velocities[k], gates[k], 0.5)
        assert alone.shape == (22050,)
        np.testing.assert_allclose(together[k], alone, atol=2e-5)
    order = np.random.default_rng(0).permutation(11)
    shuffled = ddx7.render([voices[k] for k in order], notes[order], velocities[order], gates[order], 0.5)
    np.testing.assert_allclose(shuffled, together[order], atol=2e-5)


def test_single_values_go_with_all_voices() -> None:
    notes = [50, 60, 70]
    chord = ddx7.render(SINE, notes, duration=0.1)
    np.testing.assert_array_equal(chord, ddx7.render([SINE] * 3, notes, 100, 1.0, 0.1))
    assert ddx7.render([SINE], duration=0.1).shape == (1, 4410)


def test_a_shorter_sound_is_the_start_of_a_longer_one() -> None:
    voices = random_voices(3, seed=2)
    long = ddx7.render(voices, duration=0.6)
    for seconds in (0.0, 1 / 44100, 0.1, 0.37):
        short = ddx7.render(voices, duration=seconds)
        assert short.shape == (3, round(seconds * 44100))
        np.testing.assert_allclose(short, long[:, : short.shape[1]], atol=2e-5)


def test_the_release_begins_in_the_first_block_at_or_after_the_gate() -> None:
    held = ddx7.render(SINE, gate=1.0, duration=0.1)
    for samples, block in ((0, 0), (1, 1), (64, 1), (65, 2), (640, 10)):
        audio = ddx7.render(SINE, gate=samples / 44100, duration=0.1)
        differs = np.flatnonzero(audio != held)
        assert differs[0] // 64 == block


@pytest.mark.usefixtures("by_jax")
def test_other_voices_notes_algorithms_and_lengths_compile_nothing_new() -> None:
    ddx7.render(random_voices(4, seed=3), duration=0.1)
    before = rendering._play_piece._cache_size()
    for seed, seconds in ((4, 0.05), (5, 0.4), (6, 1.0)):
        voices = [replace(v, algorithm=8 * seed % 32 + 1) for v in random_voices(4, seed)]
        ddx7.render(voices, [seed, 50, 70, 127], 10 * seed, seed / 10, seconds)
    ddx7.render(random_voices(3, seed=7), 60 + np.arange(3), duration=0.2)
    assert rendering._play_piece._cache_size() == before


@pytest.mark.parametrize("sample_rate", [8000, 16000, 48000, 96000, 192000])
def test_pitch_and_envelope_times_at_any_sample_rate(sample_rate: int) -> None:
    slow = replace(
        SINE,
        operators=(replace(SINE.operators[0], rates=(99, 45, 99, 60), levels=(99, 60, 60, 0)), *SINE.operators[1:]),
    )
    there = ddx7.render(slow, gate=0.7, duration=1.0, sample_rate=sample_rate)
    here = ddx7.render(slow, gate=0.7, duration=1.0)
    assert len(there) == sample_rate
    assert pitch_hz(there[: sample_rate // 2], sample_rate) == pytest.approx(C3_HZ, rel=1e-4)
    for seconds in (0.05, 0.2, 0.4, 0.6, 0.75, 0.85):
        levels = [
            np.abs(x[round(seconds * r) :][: round(0.02 * r)]).max() for x, r in ((here, 44100), (there, sample_rate))
        ]
        assert 20 * math.log10(levels[1] / levels[0]) == pytest.approx(0, abs=1.0)
    assert levels[0] < 0.03


@pytest.mark.parametrize(
    ("controllers", "semitones"),
    [
        (Controllers(), 0),
        (Controllers(pitch_bend=0), -3),
        (Controllers(pitch_bend=16383), 3),
        (Controllers(pitch_bend=8192 + 4096, bend_range=2), 1),
        (Controllers(pitch_bend=0, bend_range=12), -12),
        (Controllers(pitch_bend=8192 + 5000, bend_step=12), 0),
        (Controllers(pitch_bend=0, bend_step=12), -12),
        (Controllers(tune=50), 0.5),
    ],
)
def test_bend_and_tune(controllers: Controllers, semitones: float) -> None:
    audio = ddx7.render(SINE, duration=0.5, controllers=controllers)
    assert 12 * math.log2(pitch_hz(audio) / C3_HZ) == pytest.approx(semitones, abs=2e-3)


def test_of_several_controllers_the_strongest_counts() -> None:
    voice = replace(SINE, lfo_speed=60, pitch_mod_sensitivity=5)
    both = Controllers(wheel=40, foot=90, foot_to=ControllerAssignment(99, pitch=True))
    audio = [
        ddx7.render(voice, duration=0.3, controllers=c) for c in (both, Controllers(wheel=90), Controllers(wheel=40))
    ]
    np.testing.assert_array_equal(audio[0], audio[1])
    assert np.abs(audio[0] - audio[2]).max() > 0.01


def test_eg_bias_closes_only_sensitive_operators() -> None:
    insensitive, sensitive = (
        replace(SINE, operators=(replace(SINE.operators[0], amp_mod_sensitivity=s), *SINE.operators[1:]))
        for s in (0, 3)
    )
    breath = ControllerAssignment(99, eg_bias=True)
    levels = {
        (voice.operators[0].amp_mod_sensitivity, b): np.abs(
            ddx7.render(voice, duration=0.2, controllers=Controllers(breath=b, breath_to=breath))
        )[2000:].max()
        for voice in (insensitive, sensitive)
        for b in (0, 64, 127)
    }
    assert levels[0, 0] == levels[0, 127] == pytest.approx(0.125, rel=1e-3)
    assert levels[3, 0] < 1e-5 < levels[3, 64] < levels[3, 127]
    assert levels[3, 127] > 0.1


def test_a_controller_that_moves_is_read_block_by_block() -> None:
    bend = np.full(200, 8192)
    bend[100:] = 16383
    audio = ddx7.render(SINE, duration=0.4, controllers=Controllers(pitch_bend=bend))
    assert pitch_hz(audio[:6400]) == pytest.approx(C3_HZ, rel=1e-3)
    assert pitch_hz(audio[6400:]) == pytest.approx(C3_HZ * 2**0.25, rel=1e-3)
    plain = ddx7.render(SINE, duration=0.4)
    np.testing.assert_array_equal(audio[:6400], plain[:6400])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"voices": []}, "no voices"),
        ({"note": 128}, "note: found 128, wanted 0 to 127"),
        ({"note": -1}, "note: found -1"),
        ({"note": [60, 200]}, "note: found 200"),
        ({"velocity": 128}, "velocity: found 128"),
        ({"velocity": -5}, "velocity: found -5"),
        ({"gate": -0.1}, "gate: found -0.1"),
        ({"gate": math.nan}, "gate: found nan"),
        ({"duration": -1}, "duration: found -1"),
        ({"duration": math.inf}, "duration: found inf"),
        ({"sample_rate": 7999}, "sample_rate: found 7999"),
        ({"sample_rate": 192001}, "sample_rate: found 192001"),
        ({"voices": [SINE] * 3, "note": [60, 62]}, "3 voices do not go with"),
        ({"note": [60, 62], "gate": [1, 2, 3]}, "do not go with"),
    ],
)
def test_a_wrong_value_gets_one_sentence(arguments: dict, says: str) -> None:
    with pytest.raises(ddx7.Ddx7Error, match=says) as caught:
        ddx7.render(**({"voices": SINE} | arguments))
    assert "\n" not in str(caught.value)


def test_importing_ddx7_and_reading_voices_starts_no_jax() -> None:
    code = (
        "import sys, ddx7; ddx7.Voice; ddx7.load; print(sorted(m for m in "
        "('jax', 'librosa', 'matplotlib', 'scipy', 'flax', 'ddx7.engine') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
