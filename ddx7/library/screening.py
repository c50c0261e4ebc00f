"""Screening: renders and measures voices, and applies rules that reject silent, stuck, clipping or mistuned ones."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ddx7.library.categories import CATEGORIES
from ddx7.library.measures import NoteMeasures, measure_notes
from ddx7.library.notes import render_notes
from ddx7.library.shards import SIZE, Client, in_shards


class Probe(NamedTuple):
    """A note that voices are measured on; times in seconds."""

    note: int
    velocity: int
    gate_s: float
    duration_s: float


MIDDLE = Probe(60, 100, 1.0, 2.0)
LOW = Probe(40, 127, 0.5, 0.75)
LONG = Probe(60, 127, 10.0, 10.0)
"""Only for voices that are silent on the other two: pads may take seconds to become audible."""
TAIL = Probe(60, 100, 1.0, 10.0)
"""Only for voices that seem not to end on `MIDDLE`: beats, vibrato and a slow release hide the fall of the level."""

SILENT_PEAK = 1e-3
_MAX_RELEASE_S = 60.0
_VERSION = "listening 2"  # part of every shard's digest

# Names in the shards of earlier runs, which stay readable.
_NAMES_IN_SHARDS = {field.name: field.name for field in fields(NoteMeasures)} | {"coarse_log_mel": "sketch"}


@dataclass(frozen=True, eq=False)
class VoiceMeasures:
    """Measures of several voices.

    Attributes:
      middle: of the note `MIDDLE`.
      low: of the note `LOW`.
      long_peak: highest sample of the note `LONG`, or of the other two where that was not rendered; float32.
    """

    middle: NoteMeasures
    low: NoteMeasures
    long_peak: Float[np.ndarray, " voice"]

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.long_peak)

    def __getitem__(self, rows: np.ndarray) -> "VoiceMeasures":
        """The measures of some voices."""
        return VoiceMeasures(self.middle[rows], self.low[rows], self.long_peak[rows])


def measure_voices(
    vced: UInt8[np.ndarray, "voice 155"],
    *,
    folder: Path | None = None,
    progress: Callable[[int, int], object] | None = None,
    client: Client | None = None,
    shard_size: int = SIZE,
) -> VoiceMeasures:
    """Render and measure voices: 2.75 s of sound each, and more of those that are silent or seem not to end.

    Args:
      vced: legal bytes.
      folder: keeps finished shards, so that a run that was stopped resumes (see `ddx7.library.shards`).
      progress: called with the number of measured voices and of all.
      client: of a Dask cluster, whose workers do the work.
      shard_size: voices that are measured at once; progress is reported after each shard.

    Raises:
      Ddx7Error: no voices, or the folder cannot be written.
    """
    arrays = in_shards(
        _measure_shard, vced, version=_VERSION, folder=folder, progress=progress, client=client, size=shard_size
    )
    notes = (
        NoteMeasures(**{name: arrays[f"{note}_{stored}"] for name, stored in _NAMES_IN_SHARDS.items()})
        for note in ("middle", "low")
    )
    return VoiceMeasures(*notes, long_peak=arrays["long_peak"])


def _measure_shard(vced: UInt8[np.ndarray, "voice 155"]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for prefix, probe in (("middle", MIDDLE), ("low", LOW)):
        measures = measure_notes(render_notes(vced, *probe), probe.gate_s)
        arrays |= {f"{prefix}_{stored}": getattr(measures, name) for name, stored in _NAMES_IN_SHARDS.items()}
    peak = np.maximum(arrays["middle_peak"], arrays["low_peak"])
    silent = np.flatnonzero(peak < SILENT_PEAK)
    if len(silent):
        peak[silent] = np.maximum(peak[silent], np.abs(render_notes(vced[silent], *LONG)).max(1))
    stuck = np.flatnonzero(arrays["middle_release_s"] > _MAX_RELEASE_S)
    if len(stuck):
        release = arrays["middle_release_s"].copy()
        release[stuck] = measure_notes(render_notes(vced[stuck], *TAIL), TAIL.gate_s).release_s
        arrays["middle_release_s"] = release
    return {**arrays, "long_peak": peak}


@dataclass(frozen=True)
class Rule:
    """A rule that a voice may break.

    Attributes:
      code: a short fixed word to filter by.
      limit: the threshold, in the unit of `sentence`.
      sentence: the fault, with ``{:...}`` for the measured value.
      why: the reason for the threshold.
      pitched: whether the rule holds for pitched voices only; drums and effects may break it.
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
        "60 dB below full scale and 42 dB below one carrier at full level; a note of 10 s gives slow pads their time",
    ),
    Rule("clipped", 1.0, "clips: the highest sample is {:.2f}", "full scale, where sound files and converters clip"),
    Rule(
        "stuck-note",
        _MAX_RELEASE_S,
        "stuck note: {:.3g} s to fall by 60 dB after note-off",
        "nobody waits a minute, and 16 notes later a DX7 has no note left",
    ),
    Rule(
        "noise",
        0.6,
        "noise without a pitch: {:.0%} of it has no period",
        "white noise reaches 0.9; rough brass and detuned strings stay below 0.4",
        pitched=True,
    ),
    Rule(
        "off-pitch",
        0.4,
        "out of tune: {:+.1f} semitones from the note, octaves aside",
        "everybody notices a quarter tone, and detuned unisons stay within 0.25",
        pitched=True,
    ),
    Rule(
        "quiet",
        24.0,
        "too quiet: {:.0f} dB below the other voices",
        "a mixer's fader has about 12 dB of gain; twice that does not make up for it",
    ),
    Rule(
        "loud",
        10.0,
        "too loud: {:.0f} dB above the other voices",
        "perceived as twice as loud, which startles whoever steps through a bank",
    ),
    Rule(
        "shrieks",
        0.5,
        "shrieks: {:.0%} of the loudness of a low or a middle note lies above 4 kHz, and it is loud",
        "most painful range of hearing, four octaves above the note; bells and hi-hats are soft or short there",
    ),
)
"""All rules, in the order of `Screening.broken`."""

NEIGHBOURS_DB = -24.7
"""Median A-weighted level of public voices on the louder of the two notes, in place of the other voices of a bank."""


_CLEAR_PITCH = 0.1  # noise below which the measured pitch is that of the sound
_AUDIBLE_TAIL_DB = -60.0
_SHRIEK_DB = 12.0  # below the level of the other voices; softer high sound is brilliance


@dataclass(frozen=True, eq=False)
class Screening:
    """Rules that voices break.

    Attributes:
      broken: rules in the order of `RULES`.
      values: the value that each rule compares with its limit, float32.
    """

    broken: Bool[np.ndarray, "voice rule"]
    values: Float[np.ndarray, "voice rule"]

    @property
    def rejected(self) -> Bool[np.ndarray, " voice"]:
        """Which voices break any rule."""
        return np.asarray(self.broken.any(axis=1))

    def reasons(self, k: int) -> tuple[str, ...]:
        """A sentence for each rule that voice `k` breaks."""
        return tuple(RULES[r].sentence.format(self.values[k, r]) for r in np.flatnonzero(self.broken[k]))

    def codes(self, k: int) -> tuple[str, ...]:
        """The code of each rule that voice `k` breaks."""
        return tuple(RULES[r].code for r in np.flatnonzero(self.broken[k]))


def screen_measures(
    measures: VoiceMeasures,
    *,
    without_pitch: Bool[np.ndarray, " voice"] | bool = False,
    neighbours_db: float | np.floating = NEIGHBOURS_DB,
) -> Screening:
    """Apply the rules to measured voices.

    Args:
      measures: of `measure_voices`.
      without_pitch: which voices need no pitch, such as drums and effects; or one answer for all.
      neighbours_db: A-weighted level of the voices beside these, such as the median of the louder `level_db` of the
        two notes.
    """
    middle, low = measures.middle, measures.low
    noise = np.minimum(middle.noise, low.noise)
    offsets = np.stack([_pitch_class_offset(note.pitch - probe.note) for note, probe in ((middle, MIDDLE), (low, LOW))])
    offset = np.take_along_axis(offsets, np.abs(offsets).argmin(0)[None], 0)[0]
    level = np.maximum(middle.level_db, low.level_db)
    values = {
        "silent": measures.long_peak,
        "clipped": np.maximum(middle.peak, low.peak),
        "stuck-note": middle.release_s,
        "noise": noise,
        "off-pitch": offset,
        "quiet": neighbours_db - level,
        "loud": level - neighbours_db,
        "shrieks": np.minimum(middle.bright_share, low.bright_share),
    }
    limit = {rule.code: rule.limit for rule in RULES}
    audible = values["silent"] >= limit["silent"]
    audible_at_once = np.maximum(middle.peak, low.peak) >= SILENT_PEAK
    broken = {code: values[code] > limit[code] for code in values}
    broken["silent"] = ~audible
    broken["stuck-note"] &= middle.level_db + middle.held_db > _AUDIBLE_TAIL_DB
    broken["noise"] &= audible_at_once
    broken["off-pitch"] = (np.abs(offset) > limit["off-pitch"]) & (noise < _CLEAR_PITCH) & audible_at_once
    broken["quiet"] &= audible_at_once
    broken["shrieks"] &= level > neighbours_db - _SHRIEK_DB
    pitched = np.broadcast_to(~np.asarray(without_pitch, bool), len(measures))
    for rule in RULES:
        if rule.pitched:
            broken[rule.code] &= pitched
    order = [rule.code for rule in RULES]
    return Screening(
        broken=np.stack([broken[code] for code in order], 1),
        values=np.stack([values[code] for code in order], 1).astype(np.float32),
    )


PITCHLESS = np.isin(CATEGORIES, ("percussion", "effect"))
"""Categories that need no pitch, bool [17]."""


def unpitched(categories: Bool[np.ndarray, "voice category"]) -> Bool[np.ndarray, " voice"]:
    """Which voices need no pitch, by their categories."""
    return np.asarray(categories[:, PITCHLESS].any(axis=1))


def screen_voices(
    vced: UInt8[np.ndarray, "voice 155"], *, without_pitch: Bool[np.ndarray, " voice"] | bool = False
) -> Screening:
    """Render and measure voices, and apply the rules.

    Args:
      vced: legal bytes.
      without_pitch: which voices need no pitch, such as drums and effects; or one answer for all.
    """
    return screen_measures(measure_voices(vced), without_pitch=without_pitch)


def _pitch_class_offset(semitones: Float[np.ndarray, " voice"]) -> Float[np.ndarray, " voice"]:
    """Signed distance to the nearest octave, -6 to 6 semitones."""
    return (semitones + 6) % 12 - 6
