"""The folder of a match: SysEx files, both sounds as WAV, a figure, the notes as MIDI, and all numbers as JSON."""

import json
import os
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddx7.audio import midi_bytes
from ddx7.audio.files import peak_normalise, write_audio
from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write, refuse_to_overwrite
from ddx7.matching.quality import describe, match_quality
from ddx7.matching.result import Match, MatchReport, Stage
from ddx7.voice import to_bytes

_VERSIONS_OF = ("ddx7", "jax", "numpy")
_JSON_KEYS = {"scored_notes": "judged_notes"}  # of the report, where they differ from the names of its fields


class MatchFiles(NamedTuple):
    """The files of a match.

    Attributes:
      voice: SysEx of the best voice, 163 bytes.
      bank: SysEx of all candidates, best first, filled up with INIT VOICE, 4104 bytes.
      target: the recording, from its first onset.
      match: the notes of the recording, rendered by the best voice at the same level.
      figure: spectrograms, envelopes and mean spectra of both.
      notes: the notes of the recording, as a MIDI file.
      numbers: the candidates with their distances, and the report of the search, as JSON.
    """

    voice: Path
    bank: Path
    target: Path
    match: Path
    figure: Path
    notes: Path
    numbers: Path


def match_files(folder: str | os.PathLike[str], name: str) -> MatchFiles:
    """Paths that `write_match` writes, to be checked before a search begins.

    Args:
      folder: the folder.
      name: stem of the voice files.
    """
    folder = Path(folder)
    return MatchFiles(
        voice=folder / f"{name}.syx",
        bank=folder / f"{name}_bank.syx",
        target=folder / "target.wav",
        match=folder / "match.wav",
        figure=folder / "compare.png",
        notes=folder / "notes.mid",
        numbers=folder / "match.json",
    )


def write_match(match: Match, folder: str | os.PathLike[str], name: str, *, force: bool = False) -> list[Path]:
    """Write a match into a folder, each file atomically.

    A common gain brings the higher peak of both sounds to -1 dBFS, so that those of a quiet recording can be heard.

    Args:
      match: a match with 1 to 32 voices.
      folder: created if missing.
      name: stem of the voice files.
      force: replace existing files.

    Returns:
      the files, in the order of `MatchFiles`.

    Raises:
      Ddx7Error: one of the files exists and `force` is off, so that nothing is written; or a file cannot be written.
    """
    files = match_files(folder, name)
    refuse_to_overwrite(files, force=force)
    target, audio = peak_normalise(np.stack([match.target, match.audio]))
    numbers = _json(match)
    # The voices first, because nothing else is worth as much.
    atomic_write(files.voice, to_bytes(match.voices[0]), force=force)
    atomic_write(files.bank, to_bytes(match.voices), force=force)
    data = {
        files.numbers: numbers,
        files.figure: _figure(match),
        files.notes: midi_bytes(match.notes, [event.velocity for event in match.events]),
    }
    write_audio(files.target, target, match.sample_rate, force=force)
    write_audio(files.match, audio, match.sample_rate, force=force)
    for path, content in data.items():
        atomic_write(path, content, force=force)
    return list(files)


def match_to_dict(match: Match) -> dict[str, Any]:
    """A match without its sounds, as JSON holds it.

    `Voice.from_dict` reads the ``voice`` of each candidate.
    """
    return {
        "candidates": [
            {"distance": near, "distance_db": distance_db, "voice": voice.to_dict()}
            for voice, near, distance_db in zip(match.voices, match.perceptual_distances, match.distances, strict=True)
        ],
        "key": match.strongest_event.note,
        "velocity": match.strongest_event.velocity,
        "velocities": [min(event.velocity for event in match.events), max(event.velocity for event in match.events)],
        "sample_rate": match.sample_rate,
        "duration_s": len(match.target) / match.sample_rate,
        "interrupted": match.interrupted,
        "confidence": round(match.same_instrument_share, 3),
        "summary": describe(match.perceptual_distances[0], match.distances[0], match.differences),
        "differences": list(match.differences),
        "floor": None if match.floor is None else match.floor._asdict(),
        "strongest_note": match.strongest,
        "notes": [
            {**asdict(note), "key": event.note, "velocity": event.velocity}
            for note, event in zip(match.notes, match.events, strict=True)
        ],
        "recording": _recording_to_dict(match.report),
        "report": _report_to_dict(match.report),
        "versions": {name: version(name) for name in _VERSIONS_OF},
    }


def _recording_to_dict(report: MatchReport) -> dict[str, Any]:
    """What was done to the recording: its file if there is one, the part that was used, and where the target begins."""
    decoding = asdict(report.decoding) if report.decoding else {}
    part = {"from_s": report.from_s, "to_s": report.to_s, "cut": report.cut, "target_from_s": report.target_from_s}
    return decoding | part


def _report_to_dict(report: MatchReport) -> dict[str, Any]:
    fields = asdict(replace(report, decoding=None))
    del fields["decoding"], fields["target_from_s"]  # in the section on the recording
    return {_JSON_KEYS.get(name, name): value for name, value in fields.items()} | {
        "stages": [_stage_to_dict(stage) for stage in report.stages]
    }


def _stage_to_dict(stage: Stage) -> dict[str, Any]:
    fields = asdict(stage)
    distance = {} if stage.distance is None else {"distance": fields["distance"]}
    return {"stage": fields["name"], **{name: fields[name] for name in ("start_s", "end_s", "renders")}} | distance


def _json(match: Match) -> bytes:
    try:
        text = json.dumps(match_to_dict(match), indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Ddx7Error(f"match: its report is not JSON-ready ({error})") from None
    return (text + "\n").encode()


def _figure(match: Match) -> bytes:
    from ddx7.plot import comparison_figure, figure_bytes  # here, as matplotlib takes half a second to load

    event = match.strongest_event
    distance = match.perceptual_distances[0]
    caption = f"{match.voices[0].name.strip()}   distance {distance:.1f}, {match_quality(distance)}   " + (
        f"{len(match.notes)} notes" if len(match.notes) > 1 else f"MIDI note {event.note}, velocity {event.velocity}"
    )
    parts = [(part.start_s, part.stop_s, part.name) for part in match.report.recordings]
    words = "; ".join(match.differences) or "no clear difference"
    figure = comparison_figure(match.target, match.audio, match.sample_rate, caption, words=words, parts=parts)
    return figure_bytes(figure)
