"""Parameters outside a voice's sound key are inaudible: renders of both voices are equal sample by sample."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from lookalikes import VCED_MAX, random_voices

import ddx7
from ddx7.engine import ControllerAssignment, Controllers
from ddx7.library import canonical, sound_key
from ddx7.voice import Operator, Voice

NOTES, VELOCITIES = [28, 60, 60, 104], [1, 127, 90, 127]
ALL_MOVED = Controllers(
    wheel=127,
    foot=80,
    breath=60,
    foot_to=ControllerAssignment(99, amp=True),
    breath_to=ControllerAssignment(99, eg_bias=True),
)
NAME = slice(145, 155)

LIVE = Operator(
    rates=(90, 50, 40, 45),
    levels=(99, 80, 60, 0),
    break_point=43,
    left_depth=20,
    right_depth=30,
    left_curve=1,
    right_curve=3,
    rate_scaling=3,
    amp_mod_sensitivity=1,
    velocity_sensitivity=7,
    output_level=80,
    coarse=2,
    fine=3,
    detune=2,
)
# Every parameter is audible, at least with a controller moved.
RICH = Voice(
    operators=tuple(replace(LIVE, coarse=n, output_level=92 - 3 * n) for n in range(1, 7)),
    pitch_rates=(60, 50, 40, 30),
    pitch_levels=(60, 45, 52, 50),
    algorithm=1,
    feedback=5,
    lfo_speed=70,
    lfo_delay=20,
    lfo_pitch_depth=40,
    lfo_amp_depth=60,
    pitch_mod_sensitivity=4,
)


def vced(*voices: Voice) -> np.ndarray:
    return np.array([list(voice.to_vced()) for voice in voices], np.uint8)


def render(voices: list[Voice], controllers: Controllers | None) -> np.ndarray:
    """Each voice on some notes, [voice, note, sample]."""
    played = [voice for voice in voices for _ in NOTES]
    keys, velocities = NOTES * len(voices), VELOCITIES * len(voices)
    audio = ddx7.render(played, keys, velocities, 0.2, 0.3, 22050, controllers=controllers)
    return audio.reshape(len(voices), len(NOTES), -1)


def sounds_alike(a: Voice, b: Voice) -> bool:
    """Whether all samples are equal, with controllers at rest and with all of them moved."""
    pairs = [render([a, b], controllers) for controllers in (None, ALL_MOVED)]
    assert all(np.abs(first).max() > 0.01 for first, _ in pairs)
    return all(np.array_equal(first, second) for first, second in pairs)


def same_key(a: Voice, b: Voice) -> bool:
    first, second = sound_key(vced(a, b))
    return bool(np.array_equal(first, second))


def op(number: int, **values: object) -> Callable[[Voice], Voice]:
    """A change to one operator."""

    def change(voice: Voice) -> Voice:
        operators = list(voice.operators)
        operators[number - 1] = replace(operators[number - 1], **values)
        return replace(voice, operators=tuple(operators))

    return change


def ops(**values: object) -> Callable[[Voice], Voice]:
    """A change to all operators."""
    return lambda voice: replace(voice, operators=tuple(replace(o, **values) for o in voice.operators))


def whole(**values: object) -> Callable[[Voice], Voice]:
    return lambda voice: replace(voice, **values)


def both(*changes: Callable[[Voice], Voice]) -> Callable[[Voice], Voice]:
    def change(voice: Voice) -> Voice:
        for one in changes:
            voice = one(voice)
        return voice

    return change


OFF = {"output_level": 0, "left_depth": 0, "right_depth": 0}
DEAF = both(ops(amp_mod_sensitivity=0), whole(pitch_mod_sensitivity=0))
# Conditions that make a parameter inaudible, and changes of it. Algorithm 1: 1<2, 3<4<5<6, OP6 feeds back.
RULES = {
    "output level 0 of a modulator": (op(2, **OFF), op(2, coarse=9, fine=50, rates=(80, 30, 20, 10), detune=-7)),
    "output level 0 of a carrier": (op(3, **OFF), op(3, coarse=9, amp_mod_sensitivity=3, levels=(99, 99, 99, 0))),
    "output level 0 with falling scaling": (
        op(2, output_level=0, left_curve=0, right_curve=1, left_depth=99, right_depth=99),
        op(2, coarse=9),
    ),
    "envelope levels 0": (op(2, levels=(0, 0, 0, 0)), op(2, output_level=99)),
    "modulator of a silent carrier": (op(3, **OFF), op(4, coarse=9)),
    "modulator behind a silent modulator": (op(4, **OFF), op(6, coarse=9, output_level=99)),
    "feedback of a silent operator": (op(6, **OFF), whole(feedback=7)),
    "left curve at depth 0": (op(1, left_depth=0), op(1, left_curve=3)),
    "right curve at depth 0": (op(1, right_depth=0), op(1, right_curve=0)),
    "break point with both depths 0": (op(1, left_depth=0, right_depth=0), op(1, break_point=70)),
    "fours of coarse at a fixed frequency": (op(1, fixed=1, coarse=2), op(1, coarse=30)),
    "rates of a level pitch envelope": (whole(pitch_levels=(60, 60, 60, 60)), whole(pitch_rates=(9, 8, 7, 6))),
    "pitch envelope of fixed frequencies": (ops(fixed=1), whole(pitch_levels=(99, 0, 70, 20))),
    "PMS of fixed frequencies": (ops(fixed=1), whole(pitch_mod_sensitivity=7)),
    "PMD without PMS": (whole(pitch_mod_sensitivity=0), whole(lfo_pitch_depth=99)),
    "AMD without AMS": (ops(amp_mod_sensitivity=0), whole(lfo_amp_depth=10)),
    "LFO delay without depths": (whole(lfo_pitch_depth=0, lfo_amp_depth=0), whole(lfo_delay=0)),
    "LFO speed without sensitivity": (DEAF, whole(lfo_speed=20)),
    "LFO sync without sensitivity": (DEAF, whole(lfo_sync=0)),
    "LFO wave without sensitivity": (DEAF, whole(lfo_wave=3)),
}


@pytest.mark.parametrize("rule", RULES)
def test_parameters_outside_the_key_are_inaudible_and_audible_ones_are_in_it(rule: str) -> None:
    condition, change = RULES[rule]
    inaudible = condition(RICH)
    assert change(inaudible) != inaudible
    assert same_key(inaudible, change(inaudible))
    assert sounds_alike(inaudible, change(inaudible))
    # Coarse reaches a fixed frequency only modulo four; all others are audible without the condition.
    assert not same_key(RICH, change(RICH))
    assert not sounds_alike(RICH, change(RICH))


@pytest.mark.parametrize(
    ("condition", "change"),
    [
        (op(2, output_level=0, right_depth=99, right_curve=3), op(2, coarse=9)),
        (op(2, output_level=0, left_depth=99, left_curve=2), op(2, coarse=9)),
        (op(2, levels=(0, 0, 1, 0), output_level=99), op(2, levels=(0, 0, 60, 0))),
        (whole(lfo_pitch_depth=0), whole(lfo_speed=20)),
        (both(whole(lfo_pitch_depth=0, lfo_amp_depth=0), DEAF), whole(pitch_mod_sensitivity=7)),
        (both(whole(lfo_pitch_depth=0, lfo_amp_depth=0), DEAF), op(1, amp_mod_sensitivity=3)),
        (op(1, fixed=1, coarse=2), op(1, coarse=3)),
    ],
)
def test_parameters_that_need_a_note_or_a_controller_are_in_the_key(
    condition: Callable[[Voice], Voice], change: Callable[[Voice], Voice]
) -> None:
    voice = condition(RICH)
    assert not same_key(voice, change(voice))
    assert not sounds_alike(voice, change(voice))


def test_every_byte_of_a_fully_audible_voice_is_in_the_key() -> None:
    (start,) = vced(RICH)
    changed = np.repeat(start[None], 155, axis=0)
    for k, most in enumerate(VCED_MAX):
        changed[k, k] = changed[k, k] + 1 if changed[k, k] < most else most - 1
    differs = np.any(sound_key(changed) != sound_key(start), axis=-1)
    assert np.flatnonzero(~differs).tolist() == list(range(145, 155))


def sparse_voices(n: int, seed: int) -> np.ndarray:
    """Random voices with many zeros, so that all rules apply to many of them, in every combination."""
    rng = np.random.default_rng(seed)
    voices = np.frombuffer(b"".join(random_voices(n, seed)), np.uint8).reshape(n, 155).copy()
    voices[rng.random(voices.shape) < 0.15] = 0
    for k in range(n):
        for start in range(0, 126, 21):
            # Loud within the rendered part.
            voices[k, [start, start + 4, start + 16]] = rng.integers(70, 100, 3)
            if rng.random() < 0.3:
                voices[k, start + 16] = 0
            if rng.random() < 0.1:
                voices[k, start + 4 : start + 8] = 0
            if rng.random() < 0.4:
                voices[k, start + 9 : start + 11] = 0
            if rng.random() < 0.7:
                voices[k, start + 14] = 0
        if rng.random() < 0.3:
            voices[k, 130:134] = 50
        if rng.random() < 0.2:
            voices[k, 17:126:21] = 1
    voices[:, 135] %= 5  # more feedback than that is chaotic, not wrong
    voices[:, NAME] = 65
    return voices


def test_canonical_voices_sound_the_same() -> None:
    before = sparse_voices(96, seed=3)
    after = canonical(before)
    untouched = {"algorithm": 134, "osc_sync": 136, "transpose": 144}
    changed = np.any(after != before, axis=0)
    assert np.flatnonzero(~changed).tolist() == sorted([*untouched.values(), *range(145, 155)])
    voices = [[Voice.from_vced(row) for row in rows] for rows in (before, after)]
    for controllers in (ALL_MOVED, None):
        audio = [render(rows, controllers) for rows in voices]
        np.testing.assert_array_equal(audio[0], audio[1])
    assert np.count_nonzero(np.abs(audio[0]).max((1, 2)) > 1e-3) > 48


def test_canonical_is_idempotent_and_independent_of_the_batch() -> None:
    voices = canonical(sparse_voices(200, seed=4))
    np.testing.assert_array_equal(canonical(voices), voices)
    np.testing.assert_array_equal(sound_key(voices), voices[:, :145])
    np.testing.assert_array_equal(sound_key(voices.reshape(10, 20, 155)).reshape(200, 145), sound_key(voices))
    np.testing.assert_array_equal([sound_key(voice) for voice in voices[:20]], sound_key(voices[:20]))
    assert sound_key(voices[:0]).shape == (0, 145)


def test_the_input_is_not_changed() -> None:
    voices = sparse_voices(3, seed=5)
    voices.flags.writeable = False
    kept = voices.copy()
    canonical(voices)
    np.testing.assert_array_equal(voices, kept)
