"""A one-sentence description of a voice's sound, from its measures and its parameters."""

from collections.abc import Collection, Sequence
from types import SimpleNamespace

import numpy as np
from jaxtyping import UInt8

from ddx7.engine.tables import LFO_SPEED, LFO_SPEED_UNIT, PITCH_MOD_SENSITIVITY
from ddx7.library.canonical import sound_key
from ddx7.library.categories import CATEGORIES, categories_of_name
from ddx7.library.classify import categorise
from ddx7.library.screening import VoiceMeasures, measure_voices
from ddx7.library.timbre import NOTE_HZ, SLOW_S
from ddx7.voice import Voice
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import INIT_VCED, rows

_INIT_VOICE = "A plain sine at the pitch of the note, as in INIT VOICE."

_NOUNS = {
    "piano": "piano", "e-piano": "electric piano", "organ": "organ", "bell": "bell", "mallet": "mallet instrument",
    "plucked": "plucked string", "guitar": "guitar", "bass": "bass", "strings": "string sound", "pad": "pad",
    "brass": "brass sound", "woodwind": "wind instrument", "voice": "voice", "lead": "lead",
    "percussion": "percussion sound", "effect": "effect", "other": "synthesizer sound",
}  # fmt: skip

# Octaves of the spectral centre above the note, up to which each word applies.
_BRIGHTNESS = ((0.9, "dark"), (1.4, "mellow"), (2.3, "clear"), (3.3, "bright"), (9.0, "piercing"))
_PURE_OCTAVES = 0.2  # from the pitch to the spectral centre of a sine
_CLEAR, _MURKY = 0.1, 0.4  # share of the sound without a period, at most for a clear pitch and at least for noise
_FLAT = 0.15  # flatness from which a sound without a period is noise and no bell

_VIBRATO_SEMITONES, _DEEP_SEMITONES = 0.08, 0.7
_TREMOLO_DEPTH = 10  # of AMD
_LATE_DELAY = 30  # of the LFO: half a second and more
_SLOW_HZ, _FAST_HZ = 3.0, 9.0
_PITCH_ENVELOPE_DEPTH = 3  # levels of the pitch envelope off its centre
_SENSITIVE = 3  # key velocity sensitivity from which the effect is audible
_LOUD_LEVEL = 60  # output level below which an operator changes little

_SAMPLE_AND_HOLD, _SQUARE = 5, 3


def describe(
    vced: UInt8[np.ndarray, "voice 155"], measures: VoiceMeasures, categories: Sequence[Collection[str]]
) -> list[str]:
    """Describe the sound of voices on a middle C in a sound designer's words.

    Args:
      vced: legal bytes.
      measures: of the same voices.
      categories: of each voice, some of `CATEGORIES`; none where they are unknown.

    Returns:
      a sentence for each voice.
    """
    is_init = np.all(sound_key(vced) == sound_key(INIT_VCED), axis=-1)
    return [
        _INIT_VOICE if is_init[k] else _sentence(rows(vced[k]), measures, k, categories[k]) for k in range(len(vced))
    ]


def describe_voices(voices: Sequence[Voice]) -> list[str]:
    """Render and describe voices; categories come from the names or, where they tell none, from the sound.

    Args:
      voices: one or more.

    Returns:
      a sentence for each voice.
    """
    vced = np.array([list(voice.to_vced()) for voice in voices], np.uint8)
    measures = measure_voices(vced)
    named = np.array([[c in categories_of_name(voice.name) for c in CATEGORIES] for voice in voices])
    mask = categorise(vced, measures, named)
    return describe(vced, measures, [[c for c, so in zip(CATEGORIES, row, strict=True) if so] for row in mask])


def _sentence(v: SimpleNamespace, measures: VoiceMeasures, k: int, categories: Collection[str]) -> str:
    if measures.long_peak[k] < 1e-3:
        return "Silent on the three test notes."
    nouns = [_NOUNS[category] for category in CATEGORIES if category in categories] or ["sound"]
    noun = " and ".join(nouns[:2])
    if measures.middle.peak[k] < 1e-3:
        return _capital(f"{_article(noun)} {noun} that is inaudible within the first second of a middle C.")
    words = [_brightness(measures, k), *_texture(measures, k)]
    phrase = f"{', '.join(words)} {noun}"
    parts = [
        f"{_article(phrase)} {phrase}{_register(v, measures, k)} that {_onset(measures, k)} and {_decay(measures, k)}"
    ]
    extras = [*_lfo(v), *_pitch_envelope(v), *_velocity(v)]
    return _capital("; ".join([*parts, *extras]) + ".")


def _brightness(measures: VoiceMeasures, k: int) -> str:
    centre_hz = max(float(measures.middle.centre_hz[k]), 30.0)
    own_hz = 440 * 2 ** ((float(measures.middle.pitch[k]) - 69) / 12)
    if measures.middle.noise[k] < _CLEAR and abs(np.log2(centre_hz / own_hz)) < _PURE_OCTAVES:
        return "pure"
    octaves = np.log2(centre_hz / NOTE_HZ)
    return next(word for limit, word in _BRIGHTNESS if octaves <= limit or limit == _BRIGHTNESS[-1][0])


def _texture(measures: VoiceMeasures, k: int) -> list[str]:
    noise, flatness = measures.middle.noise[k], measures.middle.flatness[k]
    if noise < _CLEAR:
        return []
    if flatness > _FLAT:
        return ["noisy"] if noise > _MURKY else ["breathy"]
    return ["clangorous"] if noise > _MURKY else ["rough"]


def _register(v: SimpleNamespace, measures: VoiceMeasures, k: int) -> str:
    if measures.middle.noise[k] > _CLEAR:
        return ""
    off = float(measures.middle.pitch[k]) - 60
    moved = float(measures.middle.pitch[k] - measures.low.pitch[k])
    if measures.low.noise[k] < _CLEAR and abs(moved) < 1:
        return " of one pitch on all notes"
    # The common divisor of the partials of a fifth or a bell is lower than any audible partial.
    if off < _lowest_carrier(v) - 6:
        return ""
    octaves = round(off / 12)
    if abs(off - 12 * octaves) > 1 or not octaves:
        return ""
    count = {1: "an octave", 2: "two octaves"}.get(abs(octaves), f"{abs(octaves)} octaves")
    return f" {count} {'above' if octaves > 0 else 'below'} the note"


def _lowest_carrier(v: SimpleNamespace) -> float:
    """Semitones from the note to the lowest loud carrier; minus infinity where one is fixed, and may be lower."""
    loud = (CARRIERS[v.algorithm] > 0) & (v.output_level > _LOUD_LEVEL)
    if not loud.any() or np.any(v.fixed[loud] == 1):
        return -np.inf
    ratio = np.where(v.coarse == 0, 0.5, v.coarse) * (1 + v.fine / 100)
    return float(12 * np.log2(ratio[loud].min())) + float(v.transpose) - 24


def _onset(measures: VoiceMeasures, k: int) -> str:
    seconds = measures.middle.attack_s[k]
    if seconds < 0.03:
        return "speaks at once"
    if seconds < 0.1:
        return "speaks quickly"
    if seconds < SLOW_S:
        return "starts softly"
    return f"swells for {seconds:.1f} s"


def _decay(measures: VoiceMeasures, k: int) -> str:
    held, release = measures.middle.held_db[k], measures.middle.release_s[k]
    if held > -2:
        decay = "holds its level"
    elif held > -8:
        decay = "settles a little"
    elif held > -25:
        decay = "fades while the note is held"
    else:
        return "is gone within a second"
    if not np.isfinite(release):
        return f"{decay}, without an end"
    if release < 0.15:
        return f"{decay}, and stops short"
    if release > 2:
        return f"{decay}, with a long release"
    return decay


def _lfo(v: SimpleNamespace) -> list[str]:
    hz = float(LFO_SPEED[v.lfo_speed]) * LFO_SPEED_UNIT / 2**32
    pace = "slow " if hz < _SLOW_HZ else "fast " if hz > _FAST_HZ else ""
    late = "delayed " if v.lfo_delay > _LATE_DELAY else ""
    parts = []
    depth = 12 * PITCH_MOD_SENSITIVITY[v.pitch_mod_sensitivity] / 256 * v.lfo_pitch_depth / 99
    if depth > _VIBRATO_SEMITONES:
        deep = "deep " if depth > _DEEP_SEMITONES else ""
        what = {_SAMPLE_AND_HOLD: "random steps of pitch", _SQUARE: "trill"}.get(int(v.lfo_wave), "vibrato")
        parts.append(f"{late}{deep}{pace}{what}")
    moved = (v.amp_mod_sensitivity > 0) & (v.output_level > _LOUD_LEVEL)
    if v.lfo_amp_depth > _TREMOLO_DEPTH and moved.any():
        carriers = CARRIERS[v.algorithm] > 0
        parts.append(f"{late}{pace}{'tremolo' if (moved & carriers).any() else 'pulsing brightness'}")
    return [" and ".join(parts)] if parts else []


def _pitch_envelope(v: SimpleNamespace) -> list[str]:
    first, second, third, rest = (int(level) for level in v.pitch_levels)
    if max(abs(first - rest), abs(second - rest), abs(third - rest)) <= _PITCH_ENVELOPE_DEPTH:
        return []
    start = rest - third
    return ["its pitch slides up into the note" if start < -_PITCH_ENVELOPE_DEPTH else "its pitch moves on its own"]


def _velocity(v: SimpleNamespace) -> list[str]:
    carriers = CARRIERS[v.algorithm] > 0
    loud = v.output_level > _LOUD_LEVEL
    sensitive = (v.velocity_sensitivity >= _SENSITIVE) & loud
    brighter, louder = bool((sensitive & ~carriers).any()), bool((sensitive & carriers).any())
    if brighter and louder:
        return ["a hard touch makes it louder and brighter"]
    if brighter:
        return ["a hard touch makes it brighter"]
    return ["a hard touch makes it louder"] if louder else []


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
