"""Listening to many voices at once, and what is wrong with those that are duds."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddx7.library.categories import CATEGORIES
from ddx7.library.measures import NoteMeasures, measure_notes
from ddx7.library.notes import render_notes
from ddx7.library.shards import Client, in_shards


class Probe(NamedTuple):
    """A note on which voices are judged; times in seconds."""

    note: int
    velocity: int
    gate_s: float
    duration_s: float


MIDDLE = Probe(60, 100, 1.0, 2.0)
LOW = Probe(40, 127, 0.5, 0.75)
LONG = Probe(60, 127, 10.0, 10.0)
"""Only for voices that are silent on the other two: pads may take seconds to be heard."""
TAIL = Probe(60, 100, 1.0, 10.0)
"""Only for voices that seem not to end on `MIDDLE`: beats, vibrato and slow starts of a release hide a fall."""

SILENT_PEAK = 1e-3
_LONGEST_S = 60.0
_VERSION = "listening 2"


@dataclass(frozen=True, eq=False)
class VoiceMeasures:
    """What was heard of some voices.

    Attributes:
      middle: the note `MIDDLE`.
      low: the note `LOW`.
      long_peak: float32 [voice], highest sample of the note `LONG`, of the others where that was not played.
    """

    middle: NoteMeasures
    low: NoteMeasures
    long_peak: np.ndarray

    def __len__(self) -> int:
        """How many voices were heard."""
        return len(self.long_peak)


def measure_voices(
    vced: np.ndarray,
    *,
    folder: Path | None = None,
    progress: Callable[[int, int], object] | None = None,
    client: Client | None = None,
) -> VoiceMeasures:
    """Play and measure voices; 2.75 s of sound for each, and more of what is silent or seems not to end.

    Args:
      vced: uint8 [voice, 155], legal.
      folder: where to keep what is done, for a run that may be stopped (see `ddx7.library.shards`).
      progress: called with the number of voices heard and of all.
      client: of a Dask cluster that shall do it.

    Raises:
      Ddx7Error: no voices, or the folder cannot be written.
    """
    found = in_shards(_heard, vced, version=_VERSION, folder=folder, progress=progress, client=client)
    names = [field.name for field in fields(NoteMeasures)]
    notes = (NoteMeasures(**{name: found[f"{note}_{name}"] for name in names}) for note in ("middle", "low"))
    return VoiceMeasures(*notes, long_peak=found["long_peak"])


def _heard(vced: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for prefix, probe in (("middle", MIDDLE), ("low", LOW)):
        measures = measure_notes(render_notes(vced, *probe), probe.gate_s)
        found |= {f"{prefix}_{field.name}": getattr(measures, field.name) for field in fields(NoteMeasures)}
    peak = np.maximum(found["middle_peak"], found["low_peak"])
    unheard = np.flatnonzero(peak < SILENT_PEAK)
    if len(unheard):
        peak[unheard] = np.maximum(peak[unheard], np.abs(render_notes(vced[unheard], *LONG)).max(1))
    hanging = np.flatnonzero(found["middle_release_s"] > _LONGEST_S)
    if len(hanging):
        release = found["middle_release_s"].copy()
        release[hanging] = measure_notes(render_notes(vced[hanging], *TAIL), TAIL.gate_s).release_s
        found["middle_release_s"] = release
    return {**found, "long_peak": peak}


@dataclass(frozen=True)
class Rule:
    """Something that can be wrong with a voice.

    Attributes:
      code: a short fixed word to filter by.
      limit: the threshold, in the unit of `sentence`.
      sentence: what is wrong, with ``{:...}`` for what was found.
      why: the reason for the threshold.
      pitched: the rule is for voices that should have a pitch; drums and effects may do this.
    """

    code: str
    limit: float
    sentence: str
    why: str
    pitched: bool = False


RULES = (
    Rule(
        "silent",
        SILENT_PEAK,
        "no sound: the highest sample of three notes is {:.1g}",
        "60 dB under full scale and 42 dB under one carrier at full level; a note of 10 s gives slow pads their time",
    ),
    Rule(
        "clipped", 1.0, "clips: the highest sample is {:.2f}", "full scale; beyond it sound files and converters clip"
    ),
    Rule(
        "never-ends",
        _LONGEST_S,
        "does not end: {:.3g} s to fall by 60 dB once the key is let go",
        "nobody waits a minute, and 16 keys later a DX7 has no note left",
    ),
    Rule(
        "noise",
        0.6,
        "noise without a pitch: {:.0%} of it does not repeat",
        "white noise reaches 0.9; rough brass and detuned strings stay under 0.4",
        pitched=True,
    ),
    Rule(
        "off-pitch",
        0.4,
        "out of tune: {:+.1f} semitones from the key, octaves aside",
        "a quarter tone is heard as wrong by everybody, and detuned unisons stay within 0.25",
        pitched=True,
    ),
    Rule(
        "quiet",
        24.0,
        "too quiet: {:.0f} dB under the voices beside it",
        "a mixer's fader has about 12 dB to give; twice that does not make up for it",
    ),
    Rule(
        "loud",
        10.0,
        "too loud: {:.0f} dB over the voices beside it",
        "twice as loud to the ear: whoever steps through a bank starts up",
    ),
    Rule(
        "shrieks",
        0.5,
        "shrieks: {:.0%} of what is heard of a low or a middle key lies above 4 kHz, and it is loud",
        "where the ear is most easily hurt, four octaves above the key; bells and hi-hats are soft or short there",
    ),
)
"""What is looked for, in the order in which it is said."""

NEIGHBOURS_DB = -24.7
"""A-weighted level of the middle public voice on the louder of the two notes, for voices without others beside them."""


_CLEAR = 0.1  # noise under which the pitch that was found is that of the sound
_HANGING_DB = -60.0  # a tail below this nobody hears
_SHRIEK_DB = 12.0  # under the voices beside it, high sound is brilliance


@dataclass(frozen=True, eq=False)
class Screening:
    """What is wrong with some voices.

    Attributes:
      broken: bool [voice, rule], rules as in `RULES`.
      found: float32 [voice, rule], what each rule looks at.
    """

    broken: np.ndarray
    found: np.ndarray

    @property
    def duds(self) -> np.ndarray:
        """Which voices break any rule, bool [voice]."""
        return np.asarray(self.broken.any(axis=1))

    def reasons(self, k: int) -> tuple[str, ...]:
        """What is wrong with one of the voices, for people."""
        return tuple(RULES[r].sentence.format(self.found[k, r]) for r in np.flatnonzero(self.broken[k]))

    def codes(self, k: int) -> tuple[str, ...]:
        """What is wrong with one of the voices, for machines."""
        return tuple(RULES[r].code for r in np.flatnonzero(self.broken[k]))


def screen_measures(
    heard: VoiceMeasures, *, without_pitch: np.ndarray | bool = False, neighbours_db: float = NEIGHBOURS_DB
) -> Screening:
    """Hold what was heard against the rules.

    Args:
      heard: what `measure_voices` found.
      without_pitch: bool [voice] or one for all: drums and effects, which need no pitch.
      neighbours_db: A-weighted level of the voices beside these: the median of the louder
        `level_db` of the two notes, say.
    """
    middle, low = heard.middle, heard.low
    clear = np.minimum(middle.noise, low.noise)
    key_off = np.stack([_class_distance(note.pitch - probe.note) for note, probe in ((middle, MIDDLE), (low, LOW))])
    least_off = np.take_along_axis(key_off, np.abs(key_off).argmin(0)[None], 0)[0]
    level = np.maximum(middle.level_db, low.level_db)
    found = {
        "silent": heard.long_peak,
        "clipped": np.maximum(middle.peak, low.peak),
        "never-ends": middle.release_s,
        "noise": clear,
        "off-pitch": least_off,
        "quiet": neighbours_db - level,
        "loud": level - neighbours_db,
        "shrieks": np.minimum(middle.bright_share, low.bright_share),
    }
    limit = {rule.code: rule.limit for rule in RULES}
    sounds = found["silent"] >= limit["silent"]
    at_once = np.maximum(middle.peak, low.peak) >= SILENT_PEAK
    broken = {code: found[code] > limit[code] for code in found}
    broken["silent"] = ~sounds
    broken["never-ends"] &= middle.level_db + middle.held_db > _HANGING_DB
    broken["noise"] &= at_once
    broken["off-pitch"] = (np.abs(least_off) > limit["off-pitch"]) & (clear < _CLEAR) & at_once
    broken["quiet"] &= at_once
    broken["shrieks"] &= level > neighbours_db - _SHRIEK_DB
    may = np.broadcast_to(~np.asarray(without_pitch, bool), len(heard))
    for rule in RULES:
        if rule.pitched:
            broken[rule.code] &= may
    order = [rule.code for rule in RULES]
    return Screening(
        broken=np.stack([broken[code] for code in order], 1),
        found=np.stack([found[code] for code in order], 1).astype(np.float32),
    )


PITCHLESS = np.isin(CATEGORIES, ("percussion", "effect"))
"""Categories that need no pitch, bool [17]."""


def unpitched(categories: np.ndarray) -> np.ndarray:
    """Which voices need no pitch, bool [voice], by their categories, bool [voice, 17]."""
    return np.asarray(np.asarray(categories)[:, PITCHLESS].any(axis=1))


def screen_voices(vced: np.ndarray, *, without_pitch: np.ndarray | bool = False) -> Screening:
    """Play voices and hold them against the rules.

    Args:
      vced: uint8 [voice, 155], legal.
      without_pitch: bool [voice] or one for all: drums and effects, which need no pitch.
    """
    return screen_measures(measure_voices(vced), without_pitch=without_pitch)


def _class_distance(semitones: np.ndarray) -> np.ndarray:
    """Distance to the nearest octave, -6 to 6 semitones."""
    return (semitones + 6) % 12 - 6
