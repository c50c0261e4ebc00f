"""More voices from one voice, as a job: what runs in the worker, and what the page gets of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ddx7.audio import Note
from ddx7.voice import Voice
from ddx7.voice.voice import numbered
from ddx7.web.match_job import at_level_of, candidate_to_json, tell
from ddx7.web.worker import Report


@dataclass(frozen=True, eq=False)
class SteerTask:
    """What `ddx7.matching.steer` needs.

    Attributes:
      samples: the recording that was matched.
      sample_rate: in Hz.
      notes: its notes.
      voice: where to begin.
      wish: one of `ddx7.matching.WISHES`.
      lock: sections that stay.
      seconds: amount of work.
      seed: of the random generator.
      candidates: number of voices.
    """

    samples: np.ndarray
    sample_rate: int
    notes: tuple[Note, ...]
    voice: Voice
    wish: str
    lock: tuple[str, ...]
    seconds: float
    seed: int
    candidates: int


@dataclass(frozen=True, eq=False)
class SteerOutcome:
    """New voices with their sound.

    Attributes:
      task: what was asked.
      voices: best first; the voice that it began with comes last.
      distances: perceptual distance of each from the recording.
      distances_db: log-mel distance of each.
      sounds: the recording's notes, played by each at the level of the recording.
      interrupted: whether the player stopped it.
    """

    task: SteerTask
    voices: tuple[Voice, ...]
    distances: tuple[float, ...]
    distances_db: tuple[float, ...]
    sounds: np.ndarray
    interrupted: bool


def run_steer(report: Report, task: SteerTask) -> SteerOutcome:
    """Breed voices (in the worker)."""
    from ddx7.matching import steer
    from ddx7.matching.target import make_target

    report({"stage": "compiling", "elapsed_s": 0.0, "seconds": task.seconds})
    target = make_target(task.samples, task.sample_rate, task.notes)
    found = steer(
        target,
        np.frombuffer(task.voice.to_vced(), np.uint8),
        task.wish,  # type: ignore[arg-type]
        lock=task.lock,
        candidates=task.candidates,
        seconds=task.seconds,
        seed=task.seed,
        progress=tell(report),
    )
    # The voice it began with comes last, to compare with.
    vced = np.concatenate([found.voices, np.frombuffer(task.voice.to_vced(), np.uint8)[None]])
    audio = target.render(vced)
    stem = _without_number(task.voice.name.strip() or "VOICE")
    made = (Voice.from_vced(row).renamed(numbered(stem, k)) for k, row in enumerate(found.voices, start=2))
    voices = (*made, task.voice)
    sounds = np.stack([at_level_of(sound, target.sound) for sound in audio])
    distances = tuple(target.objective().distances(vced).tolist())
    return SteerOutcome(task, voices, distances, tuple(target.distances_db(audio)), sounds, found.interrupted)


def _without_number(name: str) -> str:
    """A name without the number that `numbered` gave it."""
    stem, _, number = name.rpartition(" ")
    return stem if stem and number.isdecimal() else name


def steered_to_json(
    outcome: SteerOutcome, sound_ids: list[str], target_id: str, notes: list[dict[str, Any]]
) -> dict[str, Any]:
    """Steered voices for the page, in the form of a match."""
    task = outcome.task
    phrase = task.notes if len(task.notes) > 1 else ()
    candidates = [
        candidate_to_json(voice, near, distance_db, sound, sound_id, task.samples, task.sample_rate, phrase)
        for voice, near, distance_db, sound, sound_id in zip(
            outcome.voices, outcome.distances, outcome.distances_db, outcome.sounds, sound_ids, strict=True
        )
    ]
    return {
        "target": target_id,
        "candidates": candidates,
        "notes": notes,
        "interrupted": outcome.interrupted,
        "folder": "",
    }
