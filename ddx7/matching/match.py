"""`match`: a recording of a note or a phrase in, DX7 voices out.

    recording ──► notes ──► target, prior ──► search ──► tuning ──► voices, as they would be written, and their sound

Everything is judged on the rendered sound by the perceptual distance; the voices given back are judged again at full
rate, on all notes, by the log-mel distance that the report quotes.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddx7.audio import analyse_note, find_notes, log_mel_distance, read_audio
from ddx7.audio.phrase import best_part
from ddx7.encoder.sampler import load_default
from ddx7.engine import Profile, as_profile
from ddx7.errors import AudioError, Ddx7Error
from ddx7.library import scan
from ddx7.matching.differences import differences
from ddx7.matching.library_search import nearest_in_library
from ddx7.matching.objective import Objective
from ddx7.matching.prior import Prior
from ddx7.matching.proposals import proposals
from ddx7.matching.result import Match, Progress
from ddx7.matching.search import SEARCH_RATE, Search
from ddx7.matching.target import LONGEST_NOTE_S, RATE, Target, make_target
from ddx7.matching.tuning import tune_voice
from ddx7.voice import Bank, Voice
from ddx7.voice.voice import numbered, panel_name

LONGEST_S = 60.0
LIBRARY_SEEDS, LIBRARY_SHOWN = 64, 4  # nearest voices of the library that the search begins with, and names
PROPOSALS = 256  # voices that the ear proposes
FINALISTS = 32  # voices of which the distance that is quoted is measured
GLANCED_AT = 8  # as many where there are two ways to read a recording
WHOLE_GAINS = 1.15  # times as much does a search gain on one note than on several that share its time


def match(
    recording: str | Path | tuple[np.ndarray, int],
    *,
    candidates: int = 4,
    seconds: float = 30.0,
    seed: int = 0,
    name: str | None = None,
    library: Sequence[str | Path] = (),
    fast: bool = False,
    ears: bool = True,
    profile: str = "dexed",
    progress: Callable[[Progress], None] | None = None,
) -> Match:
    """Find DX7 voices that sound like a recorded note or phrase: one voice for all its notes.

    Args:
      recording: an audio file, or (samples [time], sample rate). Of more than 60 s the loudest 60 are used.
      candidates: how many distinct voices to give back, 1-32.
      seconds: time for the search, 1-3600. The same seed and seconds give the same voices on machines with as many
        cores, as long as the machine can do in that time what is expected of it. Compiling comes on top: half a minute
        on a machine's first use, then a few seconds.
      seed: of everything random.
      name: of the voices, at most ten characters; by default from the file's name.
      library: folders or files with voices that the search may begin with.
      fast: hear the voices that the ear proposes, and search no further: some two seconds, more where it is unclear
        when the key is let go, six for the first in a process. `seconds` says nothing then.
      ears: begin with what a trained model proposes; without, the search begins blind.
      profile: what will play the voice: "dexed", "hardware" for the DX7 itself, or "hardware+dac" with its noise.
      progress: called a few times a second.

    Returns:
      the best voices first. An interrupt (Ctrl-C) ends the search early with the best so far.

    Raises:
      AudioError: the recording cannot be read, is silent, or has no pitch.
      Ddx7Error: an argument out of range, or no voice in the library.
    """
    if not 1 <= candidates <= 32:
        raise Ddx7Error(f"candidates: found {candidates}, wanted 1 to 32")
    if not 1 <= seconds <= 3600:
        raise Ddx7Error(f"seconds: found {seconds:g}, wanted 1 to 3600")
    if fast and not ears:
        raise Ddx7Error("fast and ears: found fast without ears, wanted at least one way to find voices")
    samples, rate, label = _recording(recording)
    whole = len(samples)
    first, last = best_part(samples, rate, LONGEST_S)
    samples = samples[round(first * rate) : round(last * rate)]
    target, prior = _read(samples, rate, as_profile(profile), seed, ears=ears)
    audition = target.audition()
    own = _from_library(library, audition, target, progress) if library else _NO_LIBRARY
    search = Search(audition, prior, np.random.default_rng(seed), seconds, progress, own.voices)
    interrupted = search.glance() if fast else search.run()
    target = target.held(search.full)
    voices, distances, audio = _finalists(search.ranked(), target, candidates)
    audio = audio * np.sqrt(np.mean(target.sound**2) / max(np.mean(audio**2), 1e-12))
    label = panel_name(name or label) or "MATCH"
    names = [label, *(numbered(label, k) for k in range(2, len(voices) + 1))]
    return Match(
        Bank([Voice.from_vced(vced).renamed(called) for vced, called in zip(voices, names, strict=True)]),
        distances,
        audio,
        target.sound,
        RATE,
        target.notes,
        target.hands,
        target.chosen[0],
        differences(target.sound, audio, RATE, target.notes if len(target.notes) > 1 else ()),
        {
            "seed": seed,
            "seconds": seconds,
            "elapsed_s": round(search.elapsed, 2),
            "renders": search.renders,
            "late": search.late,
            "proposals": len(prior.proposed),
            "stages": search.stages,
            "sample_rate": RATE,
            "search_rate": SEARCH_RATE,
            "cut": len(samples) < whole,
            "from_s": first,
            "to_s": last,
            "judged_notes": list(target.chosen),
            "library": own.report,
            "profile": profile,
        },
        interrupted,
    )


def _read(samples: np.ndarray, rate: int, profile: Profile, seed: int, *, ears: bool) -> tuple[Target, Prior]:
    """What to listen for, and where voices come from.

    Slowly entering operators, glides and echoes make one note of a synthesiser look like several. So what is as short
    as a note is also taken for one. And where a key is let go is not always heard in the level. So there may be several
    readings, and the one is used that voices meet nearer at a glance.
    """
    notes = find_notes(samples, rate)
    several, short = len(notes) > 1, notes[-1].onset_s + notes[-1].duration_s - notes[0].onset_s <= LONGEST_NOTE_S
    one = () if several else notes
    if several and short:
        with suppress(AudioError):
            one = (analyse_note(samples, rate),)
    held = [(replace(note, gate_s=gate_s),) for note in one for gate_s in (note.gate_s, *note.other_gates_s)]
    readings = [notes, *held] if several else held
    targets = [make_target(samples, rate, reading, profile) for reading in readings]
    priors = [target.prior() for target in targets]
    if ears:
        proposed = [proposals(load_default(), target, PROPOSALS, seed) for target in targets]
        priors = [replace(prior, proposed=voices) for prior, voices in zip(priors, proposed, strict=True)]
    if len(readings) == 1:
        return targets[0], priors[0]
    glances = [_at_a_glance(target, prior, seed) for target, prior in zip(targets, priors, strict=True)]
    if several:
        glances[0] *= WHOLE_GAINS
    best = int(np.argmin(glances))
    return targets[best], priors[best]


def _at_a_glance(target: Target, prior: Prior, seed: int) -> float:
    """The distance of the nearest of some voices that the search may begin with."""
    voices = prior.proposed if len(prior.proposed) else prior.draw(np.random.default_rng(seed), PROPOSALS)
    near = target.audition().at(SEARCH_RATE).distances(voices)
    sounds = target.perform(voices[np.argsort(near)[:GLANCED_AT]])
    return min(log_mel_distance(target.sound, sound, RATE) for sound in sounds)


class _Own(NamedTuple):
    """Voices of the library to begin with, uint8 [voice, 155], and what to tell of the nearest."""

    voices: np.ndarray
    report: list[dict[str, Any]]


_NO_LIBRARY = _Own(np.zeros((0, 155), np.uint8), [])


def _from_library(
    places: Sequence[str | Path], audition: Objective, target: Target, progress: Callable[[Progress], None] | None
) -> _Own:
    collection = scan([Path(place) for place in places])
    heard = nearest_in_library(collection.vced, audition.at(SEARCH_RATE), LIBRARY_SEEDS, progress)
    voices = collection.vced[heard.rows]
    sounds = target.perform(voices[:LIBRARY_SHOWN])
    near = [log_mel_distance(target.sound, sound, RATE) for sound in sounds]
    rows = sorted(zip(near, heard.rows.tolist(), strict=False))
    return _Own(voices, [{"voice": collection.label(index), "distance_db": distance} for distance, index in rows])


def _finalists(pool: np.ndarray, target: Target, n: int) -> tuple[np.ndarray, tuple[float, ...], np.ndarray]:
    """The voices to give back, tuned, with the distances to quote, nearest first; and the sound of the first."""
    pool = pool[: max(n, FINALISTS)]
    sounds = target.perform(pool)
    near = [log_mel_distance(target.sound, sound, RATE) for sound in sounds]
    # The first of the pool are the best of each island: they stay among the candidates, so that those differ.
    chosen = sorted({int(np.argmin(near)), *range(min(n, len(pool)))}, key=lambda i: near[i])[:n]
    voices = np.stack([tune_voice(pool[i], sounds[i], target) for i in chosen])
    sounds = target.perform(voices)
    near = [log_mel_distance(target.sound, sound, RATE) for sound in sounds]
    order = np.argsort(near, kind="stable")
    return voices[order], tuple(float(near[i]) for i in order), sounds[order[0]]


def _recording(recording: str | Path | tuple[np.ndarray, int]) -> tuple[np.ndarray, int, str]:
    if isinstance(recording, tuple):
        samples = np.asarray(recording[0], np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(f"recording: found an array of shape {samples.shape}, wanted finite samples [time]")
        return samples, recording[1], "MATCH"
    read = read_audio(recording)
    return read.samples, read.sample_rate, read.path.stem
