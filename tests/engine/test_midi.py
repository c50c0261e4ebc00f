import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from midi_files import bend_range, midi

import ddx7
from ddx7.engine import ControllerAssignment, ControllerInput, Controllers, Patch, plan, play, rendering
from ddx7.engine.midi import FADE_S, render_midi
from ddx7.engine.midi_file import MidiNote, MidiPerformance
from ddx7.voice import Bank, Operator, Voice, init_voice
from ddx7.voice.packing import random_vced

RATE = 44100

SINE = init_voice()
C3_HZ = 440 * 2 ** (-9 / 12)
VIBRATO = replace(SINE, lfo_speed=36, lfo_pitch_depth=50, pitch_mod_sensitivity=5)
SILENT = replace(SINE, operators=(replace(SINE.operators[0], output_level=0), *SINE.operators[1:]))


def placed(sounds: Sequence[tuple[float, np.ndarray]], n_samples: int) -> np.ndarray:
    """Sum of sounds that start at some seconds, cut at a length."""
    audio = np.zeros(n_samples, np.float32)
    for seconds, sound in sounds:
        start = round(seconds * RATE)
        fits = sound[: max(n_samples - start, 0)]
        audio[start : start + len(fits)] += fits
    return audio


def waves(audio: np.ndarray, start_s: float, stop_s: float) -> np.ndarray:
    """Seconds at which the waves of a sine begin in a stretch."""
    part = audio[round(start_s * RATE) : round(stop_s * RATE)].astype(np.float64)
    before = np.flatnonzero((part[:-1] < 0) & (part[1:] >= 0))
    return start_s + (before + part[before] / (part[before] - part[before + 1])) / RATE


def frequency(audio: np.ndarray, start_s: float, stop_s: float) -> np.ndarray:
    """Hz of each wave of a sine in a stretch."""
    return 1 / np.diff(waves(audio, start_s, stop_s))


def cents(audio: np.ndarray, start_s: float, stop_s: float) -> np.ndarray:
    """Pitch of a sine on a grid of 200 times in a stretch, above C3."""
    begins = waves(audio, start_s - 0.01, stop_s + 0.01)
    pitches = 1200 * np.log2(1 / np.diff(begins) / C3_HZ)
    return np.interp(np.linspace(start_s, stop_s, 200), (begins[1:] + begins[:-1]) / 2, pitches)


def semitones_between(audio: np.ndarray, first: tuple[float, float], second: tuple[float, float]) -> float:
    return 12 * math.log2(frequency(audio, *second).mean() / frequency(audio, *first).mean())


def ending_voices(n: int, seed: int, **changes: int) -> list[Voice]:
    """Random voices that are loud, fall silent in seconds and whose LFO starts at note-on."""
    voices = (Voice.from_vced(row) for row in random_vced(np.random.default_rng(seed), n))
    return [replace(v, operators=tuple(map(ending, v.operators)), lfo_sync=1, **changes) for v in voices]


def ending(operator: Operator) -> Operator:
    levels, rates = (99, *operator.levels[1:3], 0), (70, *operator.rates[1:3], 55)
    return replace(operator, levels=levels, rates=rates, output_level=85, velocity_sensitivity=2)


@pytest.mark.parametrize("onset_s", [0.5, 0.31337])
def test_a_note_is_the_same_as_rendered_alone_but_later(onset_s: float) -> None:
    onset_s = round(onset_s * 960) / 960
    for voice in ending_voices(4, seed=1):
        file = midi((onset_s, "on", 52, 90), (onset_s + 0.75, "off", 52))
        audio = render_midi(file, voice)
        alone = ddx7.render(voice, 52, 90, gate=0.75, duration=12.0)
        expected = placed([(onset_s, alone)], len(audio))
        np.testing.assert_allclose(audio, expected, atol=1e-6)
        # The file's sound ends exactly where there is nothing but silence left.
        assert not alone[len(audio) - round(onset_s * RATE) :].any()
        assert np.abs(expected).max() > 1e-3


def test_at_another_sample_rate() -> None:
    audio = render_midi(midi((0.5, "on", 60, 100), (0.75, "off", 60)), SINE, sample_rate=48000)
    alone = ddx7.render(SINE, gate=0.25, duration=1.0, sample_rate=48000)
    assert not audio[:24000].any()
    np.testing.assert_array_equal(audio[24000:], alone[: len(audio) - 24000])


def test_overlapping_notes_of_several_programs_and_channels_are_the_sum_of_each_alone() -> None:
    voices = ending_voices(3, seed=2, lfo_pitch_depth=0, lfo_amp_depth=0)
    file = midi(
        (0, "program", 1),
        (0, "program", 0, {"channel": 10}),
        (0.1, "on", 60, 100),
        (0.2, "on", 30, 80, {"channel": 10}),
        (0.3, "program", 5),  # the third of three, counted around
        (0.4, "on", 67, 60),
        (0.5, "off", 60),
        (0.5, "off", 30, {"channel": 10}),
        (0.6, "off", 67),
    )
    audio = render_midi(file, Bank(voices))
    notes = [(0.1, voices[1], 60, 100, 0.4), (0.2, voices[0], 30, 80, 0.3), (0.4, voices[2], 67, 60, 0.2)]
    alone = [
        (onset_s, ddx7.render(voice, note, velocity, gate, 12.0)) for onset_s, voice, note, velocity, gate in notes
    ]
    assert all(np.abs(sound).max() > 1e-3 for _, sound in alone)
    np.testing.assert_allclose(audio, placed(alone, len(audio)), atol=1e-6)


def test_level_is_kept_and_never_clipped() -> None:
    messages = [(0, "on", 60, 127, {"channel": c}) for c in range(1, 16)]
    loud = render_midi(midi(*messages, end_s=0.2), SINE)
    alone = render_midi(midi(messages[0], end_s=0.2), SINE)
    assert np.abs(loud).max() > 1.5
    np.testing.assert_allclose(loud, 15 * alone, rtol=1e-5, atol=1e-6)


def test_the_pedal_holds_the_sound() -> None:
    slow = ending_voices(1, seed=3)[0]
    audio = render_midi(midi((0, "on", 60, 99), (0.1, "cc", 64, 127), (0.2, "off", 60), (0.7, "cc", 64, 0)), slow)
    held = render_midi(midi((0, "on", 60, 99), (0.7, "off", 60)), slow)
    let_go = render_midi(midi((0, "on", 60, 99), (0.2, "off", 60)), slow)
    np.testing.assert_array_equal(audio, held)
    assert len(let_go) < len(held)


@pytest.mark.parametrize(("semitones", "sign"), [(2, -1), (7, 1), (12, -1)])
def test_bend_reaches_its_range_while_the_note_sounds(semitones: int, sign: int) -> None:
    file = midi(
        *bend_range(0, semitones), (0, "on", 60, 100), (0.5, "bend", 8191 if sign > 0 else -8192), (1, "off", 60)
    )
    audio = render_midi(file, SINE)
    assert semitones_between(audio, (0.1, 0.49), (0.51, 0.99)) == pytest.approx(sign * semitones, abs=2e-3)
    transposed = ddx7.render(SINE, 60 + sign * semitones, 100)
    found, wanted = frequency(audio, 0.51, 0.99).mean(), frequency(transposed, 0.51, 0.99).mean()
    assert found == pytest.approx(wanted, rel=1e-4)


def test_bend_is_two_semitones_unless_told() -> None:
    audio = render_midi(midi((0, "on", 60, 100), (0.5, "bend", -8192), (1, "off", 60)), SINE)
    assert semitones_between(audio, (0.1, 0.49), (0.51, 0.99)) == pytest.approx(-2, abs=2e-3)


def test_controllers_act_on_their_own_channel_only() -> None:
    bent = [(0, "bend", 8191, {"channel": 2})]
    note = [(0, "on", 60, 100), (0.5, "off", 60)]
    np.testing.assert_array_equal(render_midi(midi(*bent, *note), SINE), render_midi(midi(*note), SINE))


@pytest.mark.parametrize(
    ("move", "controllers"),
    [
        (("cc", 1), Controllers()),
        (("cc", 4), Controllers(foot_to=ControllerAssignment(99, pitch=True))),
        (("cc", 2), Controllers(breath_to=ControllerAssignment(99, pitch=True))),
        (("touch",), Controllers(aftertouch_to=ControllerAssignment(99, pitch=True))),
    ],
)
def test_vibrato_only_while_its_controller_is_up(move: tuple, controllers: Controllers) -> None:
    voice = replace(SINE, lfo_speed=50, pitch_mod_sensitivity=4)
    file = midi((0, "on", 72, 100), (0.5, *move, 99), (1, *move, 0), (1.5, "off", 72))
    audio = render_midi(file, voice, controllers=controllers)
    swing = [np.ptp(cents(audio, a + 0.02, a + 0.48)) for a in (0, 0.5, 1)]
    assert swing[0] < 1
    assert swing[1] > 100
    assert swing[2] < 1


@pytest.mark.parametrize("kind", [("cc", 4), ("cc", 2), ("touch",)])
def test_other_controllers_do_nothing_until_assigned(kind: tuple) -> None:
    notes = [(0, "on", 72, 100), (0.5, "off", 72)]
    moved = render_midi(midi((0, *kind, 127), *notes), VIBRATO)
    np.testing.assert_array_equal(moved, render_midi(midi(*notes), VIBRATO))


@pytest.mark.parametrize(
    ("sync", "until_s", "origin_s"),
    [
        pytest.param(1, 1.5, 0.3, id="synced, other note held"),
        pytest.param(1, 0.9, 1.0, id="synced, no other note"),
        pytest.param(0, 1.5, 0.0, id="free, other note held"),
        pytest.param(0, 0.9, 0.0, id="free, no other note"),
    ],
)
def test_phase_of_the_lfo_at_note_on(sync: int, until_s: float, origin_s: float) -> None:
    voice = replace(VIBRATO, lfo_sync=sync)
    messages = [(1.0, "program", 0), (1.0, "on", 60, 100), (until_s, "off", 48), (2.0, "off", 60)]
    file = midi((0, "program", 1), (0.3, "on", 48, 100), *sorted(messages, key=lambda message: message[0]))
    found = cents(render_midi(file, [voice, SILENT]), 1.05, 1.95)
    held = ddx7.render(voice, 60, 100, gate=2.0, duration=2.0)
    # Only the LFO of a note that started at the origin agrees; half a block of 64 samples is lost to rounding.
    errors = {at: np.abs(found - cents(placed([(at, held)], 2 * RATE), 1.05, 1.95)).max() for at in (0.0, 0.3, 1.0)}
    assert errors.pop(origin_s) < 5
    assert min(errors.values()) > 50


@pytest.mark.parametrize("until_s", [1.6, 1.4])
def test_the_lfo_delay_starts_over_only_when_no_other_note_is_held(until_s: float) -> None:
    voice = replace(VIBRATO, lfo_delay=60)  # nothing for 0.46 s, all after 1.13 s
    messages = [(1.5, "program", 0), (1.5, "on", 60, 100), (until_s, "off", 48), (2.0, "off", 60)]
    file = midi((0, "program", 1), (0, "on", 48, 100), *sorted(messages, key=lambda message: message[0]))
    swing = np.ptp(cents(render_midi(file, [voice, SILENT]), 1.55, 1.9))
    assert (swing > 100) == (until_s == 1.6)
    assert swing > 100 or swing < 1


def test_volume_and_expression_follow_general_midi() -> None:
    notes = [(0, "on", 60, 100), (1, "off", 60)]
    plain = render_midi(midi(*notes), SINE)
    softer = render_midi(midi(notes[0], (0.5, "cc", 7, 64), (0.75, "cc", 11, 32), notes[1]), SINE)
    for start_s, stop_s, level_db in ((0, 0.49, 0), (0.51, 0.74, -11.90), (0.76, 1, -11.90 - 23.94)):
        part = slice(round(start_s * RATE), round(stop_s * RATE))
        np.testing.assert_allclose(softer[part], plain[part] * 10 ** (level_db / 20), atol=2e-5)
    # No step: the fader moves in a straight line over 64 samples.
    assert np.abs(np.diff(softer)).max() <= np.abs(np.diff(plain)).max()


@pytest.mark.parametrize("control", [7, 11])
def test_either_fader_alone_acts_before_and_during_a_note(control: int) -> None:
    notes = [(0.5, "on", 60, 100), (1, "off", 60)]
    audio = render_midi(midi((0, "cc", control, 90), notes[0], (0.75, "cc", control, 0), notes[1]), SINE)
    plain = render_midi(midi(*notes), SINE)
    np.testing.assert_allclose(audio[:33_000], plain[:33_000] * (90 / 127) ** 2, rtol=1e-5, atol=1e-8)
    assert not audio[33_200:].any()


@pytest.mark.parametrize("tail", [0.0, 0.5, 2.0])
def test_a_note_that_never_ends_is_faded_out(tail: float) -> None:
    endless = replace(SINE, operators=(replace(SINE.operators[0], levels=(99, 99, 99, 99)), *SINE.operators[1:]))
    audio = render_midi(midi((0, "on", 60, 100), (0.5, "off", 60)), endless, tail=tail)
    assert len(audio) == round((0.5 + tail) * RATE)
    expected = ddx7.render(endless, 60, 100, gate=0.5, duration=0.5 + tail)
    before = len(audio) - round(FADE_S * RATE)
    np.testing.assert_array_equal(audio[:before], expected[:before])
    assert np.abs(audio[before:][:100]).max() > 0.1
    assert np.abs(audio[-10:]).max() < 0.002


def test_silence_up_to_the_end_of_the_file() -> None:
    audio = render_midi(midi((0, "on", 60, 100), (0.1, "off", 60), end_s=1.5), SINE)
    assert len(audio) == round(1.5 * RATE)
    assert not audio[RATE:].any()
    assert not render_midi(MidiPerformance((), duration_s=0.5), SINE).any()


def test_notes_of_very_different_length_are_not_cut() -> None:
    gates_s = [0.05, 3.0, 0.4, 1.1] * 10
    notes = [MidiNote(40 + k, 100, 0.01 * k, 0.01 * k + gate) for k, gate in enumerate(gates_s)]
    audio = render_midi(MidiPerformance(tuple(notes)), SINE)
    rows = ddx7.render(SINE, np.array([n.note for n in notes]), 100, np.array(gates_s), 4.0)
    expected = placed([(note.onset_s, row) for note, row in zip(notes, rows, strict=True)], len(audio))
    np.testing.assert_allclose(audio, expected, atol=2e-6)


def test_progress_walks_through_all_batches() -> None:
    seen = []

    def watch(batches: Sequence) -> Sequence:
        seen.extend(batches)
        return batches

    render_midi(MidiPerformance(tuple(MidiNote(60, 100, 0, 0.1) for _ in range(300))), SINE, progress=watch)
    assert len(seen) > 1
    assert sorted(np.concatenate(seen)) == list(range(300))


@pytest.mark.usefixtures("by_jax")
def test_other_notes_voices_and_controllers_compile_nothing_new() -> None:
    voices = ending_voices(5, seed=5)
    first = MidiPerformance(tuple(MidiNote(60 + k, 100, 0.1 * k, 1.0) for k in range(5)))
    render_midi(first, voices[0])
    traces = rendering._play_piece._cache_size()
    second = midi(
        *bend_range(0, 9),
        *[(0.2 * k, "on", 40 + k, 50 + k) for k in range(5)],
        (1, "bend", 99),
        (1, "cc", 1, 99),
        end_s=2,
    )
    render_midi(second, voices)
    assert rendering._play_piece._cache_size() == traces


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sample_rate": 7999}, "sample_rate: found 7999"),
        ({"tail": -1}, "tail: found -1"),
        ({"voices": []}, "found no voices"),
        ({"source": MidiPerformance((MidiNote(128, 100, 0, 1),))}, "note: found 128"),
        ({"source": MidiPerformance((MidiNote(60, 0, 0, 1),))}, "velocity: found 0"),
        ({"source": MidiPerformance((MidiNote(60, 1, 1, 0),))}, "gate: found -1"),
        ({"source": MidiPerformance((MidiNote(60, 1, -1, 0),))}, "onset_s: found -1"),
    ],
)
def test_values_out_of_range(changes: dict, says: str) -> None:
    arguments = {"source": MidiPerformance((MidiNote(60, 100, 0, 1),)), "voices": SINE} | changes
    with pytest.raises(ddx7.Ddx7Error, match=says):
        render_midi(arguments.pop("source"), arguments.pop("voices"), **arguments)


# What the engine needed for this


def test_a_performance_for_each_voice_is_as_if_each_were_alone() -> None:
    voices = ending_voices(3, seed=4, lfo_pitch_depth=60, pitch_mod_sensitivity=4)
    notes, gates = np.array([40, 60, 70], np.int32), np.array([100, 300, 500], np.int32)
    dice = np.random.default_rng(0)
    together = ControllerInput(
        bend=dice.integers(-(1 << 23), 1 << 23, (3, 150)).astype(np.int32),
        pitch_mod=np.array([[0], [50], [127]], np.int32),
        amp_mod=np.arange(150, dtype=np.int32) % 128,  # shared
        lfo_age=np.array([0, 100, 2000], np.int32),
        delay_age=np.array([9, 0, 50], np.int32),
    )
    lengths = np.array([20_000, 9_000, 31_234])
    audio = play(plan(Patch.stack(voices), notes, np.full(3, 99), gates, RATE), lengths, together)
    assert audio.shape == (3, 31_234)
    for k, n_samples in enumerate(lengths):
        alone = ControllerInput(
            bend=together.bend[k],
            pitch_mod=together.pitch_mod[k],
            amp_mod=together.amp_mod,
            lfo_age=together.lfo_age[k],
            delay_age=together.delay_age[k],
        )
        plans = plan(Patch.stack([voices[k]]), notes[[k]], np.full(1, 99), gates[[k]], RATE)
        expected = play(plans, int(n_samples), alone)[0]
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(audio[k, :n_samples], expected, atol=1e-5)
        assert not audio[k, n_samples:].any()
