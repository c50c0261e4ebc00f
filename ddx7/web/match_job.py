"""A match as a job: what runs in the worker, and what the page gets of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ddx7.audio import Note
from ddx7.voice import Voice
from ddx7.web.voices import voice_to_json
from ddx7.web.worker import Report

if TYPE_CHECKING:  # at run time only in functions: these load JAX, and the server must answer before
    from ddx7.matching import Match, Progress
    from ddx7.matching.objective import NoteEvent

_TAIL_S = 4.0  # that a note may ring after its release
_CURVE_POINTS = 400


@dataclass(frozen=True, eq=False)
class MatchTask:
    """What a match needs.

    Attributes:
      samples: the recording, or the chosen region of it.
      sample_rate: in Hz.
      name: of the voices.
      seconds: time for the search.
      seed: of the search.
      candidates: number of voices.
      notes: notes that the player corrected; none for those that the match finds.
      start: a voice that the search begins with; None for none.
      lock: parts of that voice that stay.
    """

    samples: np.ndarray
    sample_rate: int
    name: str
    seconds: float
    seed: int
    candidates: int
    notes: tuple[Note, ...] = ()
    start: Voice | None = None
    lock: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MatchOutcome:
    """A finished match with the sound of every candidate.

    Attributes:
      match: the match.
      sounds: the recording's notes, rendered by each candidate at the level of the target.
    """

    match: "Match"
    sounds: np.ndarray


def run_match(report: Report, task: MatchTask) -> MatchOutcome:
    """Search (in the worker)."""
    from ddx7.matching import match
    from ddx7.matching.prepare import read_excerpt

    excerpt = replace(read_excerpt((task.samples, task.sample_rate)), name=task.name)
    report({"stage": "finding the notes", "elapsed_s": 0.0, "seconds": task.seconds})
    found = match(
        excerpt,
        candidates=task.candidates,
        seconds=task.seconds,
        seed=task.seed,
        name=task.name,
        notes=task.notes,
        progress=tell(report),
        start=task.start,
        lock=task.lock,
    )
    n_samples, rate = len(found.target), found.sample_rate
    sounds = [play_notes(voice, found.notes, found.events, n_samples, rate) for voice in found.voices]
    return MatchOutcome(found, np.stack([at_level_of(sound, found.target) for sound in sounds]))


def tell(report: Report) -> "Callable[[Progress], None]":
    """The progress callback of a search: each state becomes a report."""

    def progress(now: "Progress") -> None:
        report(
            {
                "elapsed_s": round(now.elapsed_s, 2),
                "seconds": now.seconds,
                "stage": now.stage,
                "renders": now.renders,
                "distance": now.distance if np.isfinite(now.distance) else None,
                **({"best": list(now.best)} if now.best else {}),
            }
        )

    return progress


def play_notes(
    voice: Voice, notes: tuple[Note, ...], events: "tuple[NoteEvent, ...]", n_samples: int, sample_rate: int
) -> np.ndarray:
    """The notes of a recording, played by a voice; float32 [n_samples]."""
    from ddx7.engine import render

    audio = np.zeros(n_samples, np.float32)
    midi_notes, velocities, gates = zip(*events, strict=True)
    duration = min(max(gates) + _TAIL_S, n_samples / sample_rate)
    sounds = render([voice] * len(notes), midi_notes, velocities, gates, duration, sample_rate)
    for note, sound in zip(notes, sounds, strict=True):
        begin = round(note.onset_s * sample_rate)
        part = audio[begin : begin + len(sound)]
        part += sound[: len(part)]
    return audio


def at_level_of(sound: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A sound scaled to the RMS level of another; silence stays silence."""
    gain = np.sqrt(np.mean(np.square(target)) / max(float(np.mean(np.square(sound))), 1e-12))
    return (sound * gain).astype(np.float32)


class Curve:
    """Collects the best distance over time from the reports of a search."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []

    def watch(self, progress: dict[str, Any]) -> dict[str, Any]:
        """A report for the page: with the whole curve, so that a reloaded page draws it at once."""
        distance, elapsed_s = progress.get("distance"), progress.get("elapsed_s", 0.0)
        if distance is not None:
            if self._points and elapsed_s < self._points[-1][0]:  # the clock starts again after compiling
                self._points = []
            self._points.append((elapsed_s, round(distance, 4)))
            if len(self._points) > _CURVE_POINTS:  # every second point is enough from now on
                self._points = self._points[::2]
        return {**progress, "curve": list(self._points)}


def outcome_to_json(outcome: MatchOutcome, sound_ids: list[str], target_id: str, folder: str) -> dict[str, Any]:
    """A match for the page.

    Args:
      outcome: the match.
      sound_ids: ids of the candidates' sounds.
      target_id: id of the target's sound.
      folder: where its files are.
    """
    from ddx7.matching.folder import match_to_dict

    found = outcome.match
    phrase = found.notes if len(found.notes) > 1 else ()
    candidates = [
        candidate_to_json(voice, near, distance_db, sound, sound_id, found.target, found.sample_rate, phrase)
        for voice, near, distance_db, sound, sound_id in zip(
            found.voices, found.perceptual_distances, found.distances, outcome.sounds, sound_ids, strict=True
        )
    ]
    details = match_to_dict(found)
    return {
        "target": target_id,
        "candidates": candidates,
        "notes": details["notes"],
        "strongest_note": details["strongest_note"],
        "interrupted": found.interrupted,
        "folder": folder,
    }


def candidate_to_json(
    voice: Voice,
    distance: float,
    distance_db: float,
    sound: np.ndarray,
    sound_id: str,
    target: np.ndarray,
    sample_rate: int,
    phrase: Sequence[Note],
) -> dict[str, Any]:
    """One voice of a match for the page: with its distance, in numbers and in words.

    Args:
      voice: the voice.
      distance: perceptual distance of the scored notes.
      distance_db: log-mel distance of its sound from the target.
      sound: the recording's notes, played by it.
      sound_id: id of that sound in the session.
      target: the recording.
      sample_rate: of both, in Hz.
      phrase: notes of the recording where there are several.
    """
    from ddx7.matching.differences import differences
    from ddx7.matching.quality import match_quality

    return {
        **voice_to_json(voice),
        "distance": round(float(distance), 2),
        "distance_db": round(float(distance_db), 2),
        "quality": match_quality(distance),
        "differences": list(differences(target, sound, sample_rate, phrase)),
        "sound": sound_id,
    }
