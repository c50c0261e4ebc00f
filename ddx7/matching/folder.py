"""A match as a folder: voices for the instrument, sounds to listen to, a picture to look at, numbers to reuse."""

import json
import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddx7.audio import midi_bytes
from ddx7.audio.files import peak_limit, write_audio
from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write, refuse_to_overwrite
from ddx7.matching.quality import describe
from ddx7.matching.result import Match
from ddx7.voice import to_bytes

_VERSIONS_OF = ("ddx7", "jax", "numpy")


class MatchFiles(NamedTuple):
    """The files of a match.

    Attributes:
      voice: SysEx of the best voice, 163 bytes.
      bank: SysEx of all candidates, best first, filled up with INIT VOICE, 4104 bytes.
      target: what was wanted, to listen to.
      match: what was found, at the same level.
      picture: both as spectrograms, envelopes and mean spectra.
      notes: the notes found in the recording, as a MIDI file.
      numbers: the candidates with their distances, and how they were found, as JSON.
    """

    voice: Path
    bank: Path
    target: Path
    match: Path
    picture: Path
    notes: Path
    numbers: Path


def match_files(folder: str | os.PathLike[str], name: str) -> MatchFiles:
    """Where `write_match` writes, so that it can be checked before a search begins.

    Args:
      folder: the folder.
      name: what the voice files are called, without suffix.
    """
    folder = Path(folder)
    return MatchFiles(
        voice=folder / f"{name}.syx",
        bank=folder / f"{name}_bank.syx",
        target=folder / "target.wav",
        match=folder / "match.wav",
        picture=folder / "compare.png",
        notes=folder / "notes.mid",
        numbers=folder / "match.json",
    )


def write_match(match: Match, folder: str | os.PathLike[str], name: str, *, force: bool = False) -> list[Path]:
    """Write everything about a match into a folder, each file atomically.

    Both sounds are scaled down together if one of them peaks above -1 dBFS.

    Args:
      match: what was found, with 1 to 32 voices.
      folder: made if missing.
      name: what the voice files are called, without suffix.
      force: replace files that are there.

    Returns:
      the files, in the order of `MatchFiles`.

    Raises:
      Ddx7Error: one of the files exists (without `force`), and then none is written; or one cannot be written.
    """
    files = match_files(folder, name)
    refuse_to_overwrite(files, force=force)
    target, audio = peak_limit(np.stack([match.target, match.audio]))
    data = {
        files.voice: to_bytes(match.voices[0]),
        files.bank: to_bytes(match.voices),
        files.numbers: _json(match),
        files.picture: _picture(match),
        files.notes: midi_bytes(match.notes, [hand.velocity for hand in match.hands]),
    }
    write_audio(files.target, target, match.sample_rate, force=force)
    write_audio(files.match, audio, match.sample_rate, force=force)
    for path, content in data.items():
        atomic_write(path, content, force=force)
    return list(files)


def match_to_dict(match: Match) -> dict[str, Any]:
    """What a match found and how, without the sounds, JSON-ready.

    `Voice.from_dict` reads each candidate's ``voice``.
    """
    return {
        "candidates": [
            {"distance_db": distance, "voice": voice.to_dict()}
            for voice, distance in zip(match.voices, match.distances, strict=True)
        ],
        "key": match.key,
        "velocity": match.velocity,
        "sample_rate": match.sample_rate,
        "duration_s": len(match.target) / match.sample_rate,
        "interrupted": match.interrupted,
        "confidence": round(match.same_category_probability, 3),
        "summary": describe(match.distances[0], match.differences),
        "differences": list(match.differences),
        "strongest_note": match.strongest,
        "notes": [
            {**asdict(note), "key": hand.key, "velocity": hand.velocity}
            for note, hand in zip(match.notes, match.hands, strict=True)
        ],
        "report": match.report,
        "versions": {name: version(name) for name in _VERSIONS_OF},
    }


def _json(match: Match) -> bytes:
    try:
        text = json.dumps(match_to_dict(match), indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Ddx7Error(f"match: its report is not JSON-ready ({error})") from None
    return (text + "\n").encode()


def _picture(match: Match) -> bytes:
    from ddx7.plot import comparison_figure, figure_bytes  # here, because matplotlib takes half a second to load

    caption = f"{match.voices[0].name.strip()}   {match.distances[0]:.1f} dB from the recording   " + (
        f"{len(match.notes)} notes" if len(match.notes) > 1 else f"MIDI note {match.key}, velocity {match.velocity}"
    )
    return figure_bytes(comparison_figure(match.target, match.audio, match.sample_rate, caption))
