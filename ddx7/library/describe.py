"""One sentence on what a voice sounds like, from what was measured and from what it is made of."""

from collections.abc import Collection, Sequence
from types import SimpleNamespace

import numpy as np

from ddx7.engine.tables import LFO_SPEED, LFO_SPEED_UNIT, PITCH_MOD_SENSITIVITY
from ddx7.library.canonical import sound_key
from ddx7.library.categories import CATEGORIES, categories_of_name
from ddx7.library.classify import categorise
from ddx7.library.screening import VoiceMeasures, measure_voices
from ddx7.library.timbre import KEY_HZ, SLOW_S
from ddx7.voice import Voice
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import INIT_VCED, rows

_INIT_VOICE = "A plain sine at the pitch of the key, as INIT VOICE has it."

_NOUNS = {
    "piano": "piano", "e-piano": "electric piano", "organ": "organ", "bell": "bell", "mallet": "mallet instrument",
    "plucked": "plucked string", "guitar": "guitar", "bass": "bass", "strings": "string sound", "pad": "pad",
    "brass": "brass sound", "woodwind": "wind instrument", "voice": "voice", "lead": "lead",
    "percussion": "percussion sound", "effect": "effect", "other": "synthesizer sound",
}  # fmt: skip

# Octaves of the middle of the spectrum over the key, up to which a sound is called so.
_BRIGHTNESS = ((0.9, "dark"), (1.4, "mellow"), (2.3, "clear"), (3.3, "bright"), (9.0, "piercing"))
_PURE_OCTAVES = 0.2  # from the pitch to the middle of the spectrum: nothing but the fundamental is heard
_CLEAR, _MURKY = 0.1, 0.4  # share of the sound without a period: up to the one it sings, from the other on it hisses
_FLAT = 0.15  # flatness from which what has no period is noise, and not the partials of a bell

_VIBRATO_SEMITONES, _DEEP_SEMITONES = 0.08, 0.7
_TREMOLO_DEPTH = 10  # of AMD
_LATE_DELAY = 30  # of the LFO's delay: half a second and more
_SLOW_HZ, _FAST_HZ = 3.0, 9.0
_BEND = 3  # levels of the pitch envelope off the middle
_TOUCH = 3  # key velocity sensitivity from which the hand is felt
_LOUD_LEVEL = 60  # output level under which an operator changes little

_SAMPLE_AND_HOLD, _SQUARE = 5, 3


def describe(vced: np.ndarray, heard: VoiceMeasures, kinds: Sequence[Collection[str]]) -> list[str]:
    """Say what voices sound like on a middle C, as a sound designer would.

    Args:
      vced: uint8 [voice, 155], legal.
      heard: what `ddx7.library.listen` heard of them.
      kinds: for each what it is, some of `CATEGORIES`; none if nobody knows.

    Returns:
      a sentence for each voice.
    """
    is_init = np.all(sound_key(vced) == sound_key(INIT_VCED), axis=-1)
    return [_INIT_VOICE if is_init[k] else _sentence(rows(vced[k]), heard, k, kinds[k]) for k in range(len(vced))]


def describe_voices(voices: Sequence[Voice]) -> list[str]:
    """Play voices and say what they sound like; what they are is read from their names, else heard.

    Args:
      voices: one or more.

    Returns:
      a sentence for each voice.
    """
    vced = np.array([list(voice.to_vced()) for voice in voices], np.uint8)
    heard = measure_voices(vced)
    named = np.array([[c in categories_of_name(voice.name) for c in CATEGORIES] for voice in voices])
    found = categorise(vced, heard, named)
    return describe(vced, heard, [[c for c, so in zip(CATEGORIES, row, strict=True) if so] for row in found])


def _sentence(v: SimpleNamespace, heard: VoiceMeasures, k: int, kinds: Collection[str]) -> str:
    if heard.long_peak[k] < 1e-3:
        return "Silent on the keys that were tried."
    nouns = [_NOUNS[kind] for kind in CATEGORIES if kind in kinds] or ["sound"]
    noun = " and ".join(nouns[:2])
    if heard.middle.peak[k] < 1e-3:
        return _capital(f"{_article(noun)} {noun} that is not heard within a second of a middle C.")
    words = [_brightness(heard, k), *_texture(heard, k)]
    what = f"{', '.join(words)} {noun}"
    parts = [f"{_article(what)} {what}{_register(v, heard, k)} that {_onset(heard, k)} and {_course(heard, k)}"]
    extras = [*_lfo(v), *_bends(v), *_touch(v)]
    return _capital("; ".join([*parts, *extras]) + ".")


def _brightness(heard: VoiceMeasures, k: int) -> str:
    centre_hz = max(float(heard.middle.centre_hz[k]), 30.0)
    own_hz = 440 * 2 ** ((float(heard.middle.pitch[k]) - 69) / 12)
    if heard.middle.noise[k] < _CLEAR and abs(np.log2(centre_hz / own_hz)) < _PURE_OCTAVES:
        return "pure"
    octaves = np.log2(centre_hz / KEY_HZ)
    return next(word for limit, word in _BRIGHTNESS if octaves <= limit or limit == _BRIGHTNESS[-1][0])


def _texture(heard: VoiceMeasures, k: int) -> list[str]:
    noise, flatness = heard.middle.noise[k], heard.middle.flatness[k]
    if noise < _CLEAR:
        return []
    if flatness > _FLAT:
        return ["noisy"] if noise > _MURKY else ["breathy"]
    return ["clangorous"] if noise > _MURKY else ["rough"]


def _register(v: SimpleNamespace, heard: VoiceMeasures, k: int) -> str:
    if heard.middle.noise[k] > _CLEAR:
        return ""
    off = float(heard.middle.pitch[k]) - 60
    moved = float(heard.middle.pitch[k] - heard.low.pitch[k])
    if heard.low.noise[k] < _CLEAR and abs(moved) < 1:
        return " of one pitch on all keys"
    # What all partials of a fifth or a bell divide by is lower than anything that is heard in it.
    if off < _lowest_carrier(v) - 6:
        return ""
    octaves = round(off / 12)
    if abs(off - 12 * octaves) > 1 or not octaves:
        return ""
    count = {1: "an octave", 2: "two octaves"}.get(abs(octaves), f"{abs(octaves)} octaves")
    return f" {count} {'above' if octaves > 0 else 'below'} the key"


def _lowest_carrier(v: SimpleNamespace) -> float:
    """Semitones from the key to the lowest loud carrier; minus infinity where one is fixed, and may be lower."""
    loud = (CARRIERS[v.algorithm] > 0) & (v.output_level > _LOUD_LEVEL)
    if not loud.any() or np.any(v.fixed[loud] == 1):
        return -np.inf
    ratio = np.where(v.coarse == 0, 0.5, v.coarse) * (1 + v.fine / 100)
    return float(12 * np.log2(ratio[loud].min())) + float(v.transpose) - 24


def _onset(heard: VoiceMeasures, k: int) -> str:
    seconds = heard.middle.attack_s[k]
    if seconds < 0.03:
        return "speaks at once"
    if seconds < 0.1:
        return "speaks quickly"
    if seconds < SLOW_S:
        return "starts softly"
    return f"swells for {seconds:.1f} s"


def _course(heard: VoiceMeasures, k: int) -> str:
    held, release = heard.middle.held_db[k], heard.middle.release_s[k]
    if held > -2:
        course = "holds its level"
    elif held > -8:
        course = "settles a little"
    elif held > -25:
        course = "fades while the key is held"
    else:
        return "is gone within a second"
    if not np.isfinite(release):
        return f"{course}, without an end"
    if release < 0.15:
        return f"{course}, and stops short"
    if release > 2:
        return f"{course}, with a long release"
    return course


def _lfo(v: SimpleNamespace) -> list[str]:
    hz = float(LFO_SPEED[v.lfo_speed]) * LFO_SPEED_UNIT / 2**32
    pace = "slow " if hz < _SLOW_HZ else "fast " if hz > _FAST_HZ else ""
    late = "delayed " if v.lfo_delay > _LATE_DELAY else ""
    found = []
    depth = 12 * PITCH_MOD_SENSITIVITY[v.pitch_mod_sensitivity] / 256 * v.lfo_pitch_depth / 99
    if depth > _VIBRATO_SEMITONES:
        deep = "deep " if depth > _DEEP_SEMITONES else ""
        what = {_SAMPLE_AND_HOLD: "random steps of pitch", _SQUARE: "trill"}.get(int(v.lfo_wave), "vibrato")
        found.append(f"{late}{deep}{pace}{what}")
    moved = (v.amp_mod_sensitivity > 0) & (v.output_level > _LOUD_LEVEL)
    if v.lfo_amp_depth > _TREMOLO_DEPTH and moved.any():
        carriers = CARRIERS[v.algorithm] > 0
        found.append(f"{late}{pace}{'tremolo' if (moved & carriers).any() else 'pulsing brightness'}")
    return [" and ".join(found)] if found else []


def _bends(v: SimpleNamespace) -> list[str]:
    first, second, third, rest = (int(level) for level in v.pitch_levels)
    if max(abs(first - rest), abs(second - rest), abs(third - rest)) <= _BEND:
        return []
    start = rest - third
    return ["its pitch slides up into the note" if start < -_BEND else "its pitch moves on its own"]


def _touch(v: SimpleNamespace) -> list[str]:
    carriers = CARRIERS[v.algorithm] > 0
    loud = v.output_level > _LOUD_LEVEL
    felt = (v.velocity_sensitivity >= _TOUCH) & loud
    brighter, louder = bool((felt & ~carriers).any()), bool((felt & carriers).any())
    if brighter and louder:
        return ["a hard touch makes it louder and brighter"]
    if brighter:
        return ["a hard touch makes it brighter"]
    return ["a hard touch makes it louder"] if louder else []


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
