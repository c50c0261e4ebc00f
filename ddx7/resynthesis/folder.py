"""A resynthesis as files: the sound, a figure, and a JSON of settings and remarks."""

import json
import os
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddx7.audio.f0 import HIGHEST_HZ, LOWEST_HZ
from ddx7.audio.files import Recording, resample, write_audio
from ddx7.audio.limiter import limit_level, limiter_remark
from ddx7.engine.tables import DB_PER_OCTAVE
from ddx7.files import atomic_write, refuse_to_overwrite
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.performance import PlayedNotes
from ddx7.resynthesis.playback import PlaybackControls
from ddx7.resynthesis.transfer import Transfer

MIDI_SAMPLE_RATE = 44_100
"""Of the sound of a MIDI file; a recording gives its own."""


class ResynthesisFiles(NamedTuple):
    """The files of a resynthesis.

    Attributes:
      audio: the sound, WAV.
      figure: spectrograms of recording and resynthesis, loudness, operator levels, PNG.
      report: settings and remarks, JSON.
    """

    audio: Path
    figure: Path
    report: Path


def resynthesis_files(folder: str | os.PathLike[str], name: str) -> ResynthesisFiles:
    """Where `write_resynthesis` writes, so that a caller can check before the work begins.

    Args:
      folder: the folder.
      name: of the files, without suffix.
    """
    return ResynthesisFiles(*(Path(folder) / f"{name}{suffix}" for suffix in (".wav", ".png", ".json")))


def write_resynthesis(
    transfer: Transfer,
    recording: Recording,
    instrument: Instrument,
    folder: str | os.PathLike[str],
    name: str,
    *,
    model: str,
    took_s: float,
    force: bool = False,
) -> dict[str, Any]:
    """Write a resynthesis into a folder, each file atomically.

    The sound has the recording's sample rate and length; moments that peak above -1 dBFS are turned down. An instrument
    that learned at 16 kHz makes nothing above 8 kHz at any rate.

    Args:
      transfer: the resynthesis.
      recording: that was played.
      instrument: that played it.
      folder: made if missing.
      name: of the files, without suffix.
      model: name or path of the instrument, for the report.
      took_s: seconds of computing, for the report.
      force: replace existing files.

    Returns:
      the report, JSON-ready.

    Raises:
      Ddx7Error: a file exists (without `force`), and then none is written; or one cannot be written.
    """
    files = resynthesis_files(folder, name)
    refuse_to_overwrite(files, force=force)
    report = {
        "recording": str(recording.path),
        "model": model,
        "files": [str(path) for path in files],
        "seconds": round(recording.duration_s, 3),
        "sample_rate": recording.sample_rate,
        "instrument_sample_rate": transfer.sample_rate,
        "took_s": round(took_s, 2),
        "decoding": _decoding_to_dict(recording, transfer.sample_rate),
        **transfer_to_dict(transfer),
        "version": version("ddx7"),
    }
    audio = resample(transfer.audio, transfer.sample_rate, recording.sample_rate)[: len(recording.samples)]
    title = f"{name}, played by {model}"
    figure = _figure(transfer.target, transfer.audio, transfer.sample_rate, transfer.controls, instrument, title)
    return _write(files, audio, recording.sample_rate, figure, report, force=force)


def write_performance(
    played: PlayedNotes,
    instrument: Instrument,
    folder: str | os.PathLike[str],
    name: str,
    *,
    midi: str | os.PathLike[str],
    model: str,
    playback: PlaybackControls,
    took_s: float,
    force: bool = False,
) -> dict[str, Any]:
    """Write a MIDI file's notes, played by an instrument, into a folder, each file atomically.

    The sound has 44,100 Hz; moments that peak above -1 dBFS are turned down.

    Args:
      played: from `ddx7.resynthesis.performance.perform`.
      instrument: that played.
      folder: made if missing.
      name: of the files, without suffix.
      midi: path of the MIDI file, for the report.
      model: name or path of the instrument, for the report.
      playback: settings of the player.
      took_s: seconds of computing, for the report.
      force: replace existing files.

    Returns:
      the report, JSON-ready.

    Raises:
      Ddx7Error: a file exists (without `force`), and then none is written; or one cannot be written.
    """
    files = resynthesis_files(folder, name)
    refuse_to_overwrite(files, force=force)
    rate = played.sample_rate
    report = {
        "midi": str(midi),
        "model": model,
        "files": [str(path) for path in files],
        "seconds": round(len(played.audio) / rate, 3),
        "sample_rate": MIDI_SAMPLE_RATE,
        "instrument_sample_rate": rate,
        "took_s": round(took_s, 2),
        "played_notes": played.n_notes,
        "lines": played.n_lines,
        "style": asdict(played.style),
        **_playback_to_dict(playback),
        "notes": list(played.remarks),
        "version": version("ddx7"),
    }
    audio = resample(played.audio, rate, MIDI_SAMPLE_RATE)
    figure = _figure(None, played.audio, rate, played.controls, instrument, f"{name}, played by {model}")
    return _write(files, audio, MIDI_SAMPLE_RATE, figure, report, force=force)


def _write(
    files: ResynthesisFiles, audio: np.ndarray, sample_rate: int, figure: bytes, report: dict[str, Any], *, force: bool
) -> dict[str, Any]:
    """Write all files; returns the report with what the limiter did."""
    limited = limit_level(audio, sample_rate)
    remark = limiter_remark(limited.reduction_db)
    notes = [*report["notes"], *([remark] if remark else [])]
    report = {**report, "notes": notes, "limited_db": round(limited.reduction_db, 2)}
    write_audio(files.audio, limited.samples, sample_rate, force=force)
    atomic_write(files.figure, figure, force=force)
    atomic_write(files.report, (json.dumps(report, indent=2) + "\n").encode(), force=force)
    return report


def _playback_to_dict(playback: PlaybackControls) -> dict[str, Any]:
    return {
        "transpose": playback.transpose,
        "mod_index": playback.mod_index,
        "levels_db": list(playback.levels_db),
        "ratios": list(playback.ratios),
        "room": playback.reverb,
    }


def _decoding_to_dict(recording: Recording, sample_rate: int) -> dict[str, Any] | None:
    """What the recording's file holds and what was done to it; None for samples that come from no file."""
    if recording.report is None:
        return None
    resampled_to = None if recording.report.sample_rate == sample_rate else sample_rate
    return asdict(replace(recording.report, resampled_to=resampled_to))


def transfer_to_dict(transfer: Transfer) -> dict[str, Any]:
    """Settings and remarks of a resynthesis, without the sounds, JSON-ready."""
    return {
        **_playback_to_dict(transfer.playback),
        "attack_s": transfer.attack_s,
        "seed": transfer.seed,
        "pitch_range_hz": [LOWEST_HZ, HIGHEST_HZ],
        "outside_s": round(transfer.outside_s, 3),
        "notes": list(transfer.remarks),
    }


def _figure(
    recording: np.ndarray | None, audio: np.ndarray, sample_rate: int, controls: Any, instrument: Instrument, title: str
) -> bytes:
    from ddx7.plot import figure_bytes, resynthesis_figure  # here, because matplotlib takes half a second to load

    structure = instrument.model.synthesizer.dx7_structure
    carriers = [] if structure is None else [op for op, carrier in enumerate(structure.carriers, 1) if carrier]
    figure = resynthesis_figure(
        recording,
        audio,
        sample_rate,
        title,
        operator_db=None if structure is None else controls * DB_PER_OCTAVE,
        carriers=carriers,
    )
    return figure_bytes(figure)
