"""`match`: a recording of a note in, DX7 voices out.

    recording ──► note, partials ──► evolution of whole voices ──► gradient on levels and rates ──► polish on integers

Everything is scored on the rendered sound by the perceptual distance; the voices given back are scored again at full
rate, as they would be written to a file, by the log-mel distance that the report quotes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import numpy as np

from ddx7.audio import Note, analyse_note, log_mel_distance, partials, read_audio, resample
from ddx7.audio.phrase import loudest_note
from ddx7.errors import AudioError, Ddx7Error
from ddx7.inference.descend import VOICES, compile_descent, descend
from ddx7.inference.genome import Prior, cross, let_end, mutate
from ddx7.inference.result import Match, Progress
from ddx7.inference.score import Listener, fit_length
from ddx7.voice import Bank, Voice

RATE = 44100
SEARCH_RATE = 22050
VELOCITY = 100
LONGEST_S = 4.0
ISLANDS, ISLANDERS, CHILDREN = 4, 24, 16
GENERATION = ISLANDS * CHILDREN
FIRST_DRAW = 512
# Shares of the time: when evolution ends, how long it waits for the gradient to be compiled, how long that may run. The
# rest polishes.
EVOLUTION, PATIENCE, GRADIENT = 0.55, 0.75, 0.2


def match(
    recording: str | Path | tuple[np.ndarray, int],
    *,
    candidates: int = 4,
    seconds: float = 20.0,
    seed: int = 0,
    name: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Match:
    """Find DX7 voices that sound like a recorded note; of a phrase, its strongest one.

    Args:
      recording: an audio file, or (samples [time], sample rate).
      candidates: how many distinct voices to give back, 1-32.
      seconds: time for the search, 1-3600. Compiling comes before it: some ten seconds on a machine's first use, then
        two.
      seed: of everything random.
      name: of the voices, at most ten characters; by default from the file's name.
      progress: called a few times a second.

    Returns:
      the best voices first. An interrupt (Ctrl-C) ends the search early with the best so far.

    Raises:
      AudioError: the recording cannot be read, is silent, or has no pitch.
      Ddx7Error: an argument out of range.
    """
    if not 1 <= candidates <= 32:
        raise Ddx7Error(f"candidates: found {candidates}, wanted 1 to 32")
    if not 1 <= seconds <= 3600:
        raise Ddx7Error(f"seconds: found {seconds:g}, wanted 1 to 3600")
    samples, rate, label = _recording(recording)
    first, last = loudest_note(samples, rate)
    samples = samples[round(first * rate) : round(last * rate)]
    note = analyse_note(samples, rate)
    begin = round(note.onset_s * rate)
    sound = resample(samples[begin : begin + round(min(note.duration_s, LONGEST_S) * rate)], rate, RATE)
    full, prior = prepare(sound, note)

    search = _Search(full, prior, np.random.default_rng(seed), seconds, progress)
    interrupted = search.run()
    voices, distances = search.best(candidates, _voice_name(name or label))
    audio = full.hear(np.array([list(voices[0].to_vced())], np.uint8))[0][: len(sound)]
    audio = audio * np.sqrt(np.mean(sound**2) / max(np.mean(audio**2), 1e-12))
    report = {
        "seed": seed,
        "seconds": seconds,
        "elapsed_s": round(search.elapsed, 2),
        "renders": search.renders,
        "stages": search.stages,
        "sample_rate": RATE,
        "search_rate": SEARCH_RATE,
        "note_from_s": first,
    }
    return Match(voices, distances, audio, sound, RATE, note, full.key, VELOCITY, report, interrupted)


def prepare(sound: np.ndarray, note: Note) -> tuple[Listener, Prior]:
    """What a search needs to know of a note: the target to listen for, and where to draw voices from.

    Args:
      sound: the note from its onset, at `RATE`, at most `LONGEST_S`.
      note: what was measured of it.
    """
    key = int(np.clip(note.note, 0, 127))
    listener = Listener(fit_length(sound), RATE, key, VELOCITY, min(note.gate_s, LONGEST_S))
    peaks = partials(sound, RATE, note.f0_hz, start_s=min(0.05, note.duration_s / 4))
    return listener, Prior(peaks, note.cents, sustains=note.gate_s < 0.9 * note.duration_s)


@dataclass
class _Search:
    """The state of one search: islands of voices with their distances, a clock, and what to tell."""

    full: Listener
    prior: Prior
    rng: np.random.Generator
    seconds: float
    progress: Callable[[Progress], None] | None
    renders: int = 0
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    islands: np.ndarray = field(default_factory=lambda: np.zeros((ISLANDS, 0, 155), np.uint8))
    distances: np.ndarray = field(default_factory=lambda: np.zeros((ISLANDS, 0)))
    stage: str = "starting"

    def __post_init__(self) -> None:
        self.start = time.monotonic()
        self.half = self.full.at(SEARCH_RATE)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def run(self) -> bool:
        """Search until the time is up; True if it was interrupted with something to show."""
        compiling = Thread(target=compile_descent, args=(self.half,))
        try:
            self._enter("compiling")
            for listener in (self.half, self.full):
                listener.distances(self.prior.draw(self.rng, GENERATION))
            compiling.start()  # beside the search: on a machine's first use it takes ten seconds or more, later one
            self._leave()
            self.stage, self.start = "", time.monotonic()
            self._enter("drawing")
            self._settle(self.prior.draw(self.rng, FIRST_DRAW), self.half)
            self._enter("evolving")
            while self.elapsed < self.seconds * (PATIENCE if compiling.is_alive() else EVOLUTION):
                self._generation(self.half, reach=1.0)
            if not compiling.is_alive():
                self._enter("gradient")
                self._descend()
            self._enter("polishing")
            self._rescore(self.full)
            while self.elapsed < self.seconds:
                self._generation(self.full, reach=0.15)
        except KeyboardInterrupt:
            if not self.distances.size:
                raise
            return True
        finally:
            self._leave()
            if compiling.is_alive():
                compiling.join()  # an interpreter must not end in the middle of it; the next search wants it, too
        return False

    def best(self, n: int, name: str) -> tuple[Bank, tuple[float, ...]]:
        """The best voices at full rate by the quoted distance: every island's best first, then the rest."""
        # Rank by rank through the islands, so that a prefix of the pool holds voices that differ.
        pool = self.islands[:, :8].swapaxes(0, 1).reshape(-1, self.islands.shape[-1])
        pool = pool[np.sort(np.unique(pool, axis=0, return_index=True)[1])]
        audio = self.full.hear(pool)
        quoted = np.array([log_mel_distance(self.full.target, sound, RATE) for sound in audio])
        chosen = {int(np.argmin(quoted)), *range(min(len(pool), max(n, ISLANDS)))}
        order = sorted(chosen, key=lambda i: quoted[i])[:n]
        voices = [Voice.from_vced(pool[i]).renamed(_numbered(name, k)) for k, i in enumerate(order)]
        return Bank(voices), tuple(float(quoted[i]) for i in order)

    def _settle(self, voices: np.ndarray, listener: Listener) -> None:
        """Spread fresh voices over the islands."""
        distances = self._score(voices, listener)
        self.islands = voices.reshape(ISLANDS, -1, voices.shape[1])
        self.distances = distances.reshape(ISLANDS, -1)
        self._select()

    def _generation(self, listener: Listener, reach: float) -> None:
        children = []
        for island in self.islands:
            picks = self.rng.integers(0, len(island), (2, CHILDREN, 2))
            # Islands are sorted, so the smaller index wins the tournament.
            mothers, fathers = island[picks.min(axis=-1)]
            crossed = np.where(self.rng.random((CHILDREN, 1)) < 0.5 * reach, cross(self.rng, mothers, fathers), mothers)
            children.append(mutate(self.rng, crossed, self.prior, reach))
        new = np.concatenate(children)
        distances = self._score(new, listener)
        self._add(new.reshape(ISLANDS, CHILDREN, -1), distances.reshape(ISLANDS, CHILDREN))

    def _descend(self) -> None:

        end = self.elapsed + GRADIENT * self.seconds

        def keep_going(distances: np.ndarray) -> bool:
            self.renders += VOICES
            self._tell(min(float(distances.min()), self._least()))
            return self.elapsed < end

        found = let_end(descend(self.half, self.islands[:, 0], keep_going))
        if found.size:
            distances = self._score(found.reshape(-1, found.shape[-1]), self.half).reshape(found.shape[:2])
            self._add(found.swapaxes(0, 1), distances.T)

    def _rescore(self, listener: Listener) -> None:
        flat = self.islands.reshape(-1, self.islands.shape[-1])
        self.distances = self._score(flat, listener).reshape(self.distances.shape)
        self._select()

    def _add(self, voices: np.ndarray, distances: np.ndarray) -> None:
        self.islands = np.concatenate([self.islands, voices], axis=1)
        self.distances = np.concatenate([self.distances, distances], axis=1)
        self._select()

    def _select(self) -> None:
        order = np.argsort(self.distances, axis=1, kind="stable")[:, :ISLANDERS]
        self.islands = np.take_along_axis(self.islands, order[:, :, None], axis=1)
        self.distances = np.take_along_axis(self.distances, order, axis=1)
        self._tell(self._least())

    def _score(self, voices: np.ndarray, listener: Listener) -> np.ndarray:
        distances = listener.distances(voices)
        self.renders += len(voices)
        return distances

    def _least(self) -> float:
        return float(self.distances.min(initial=np.inf))

    def _enter(self, stage: str) -> None:
        self._leave()
        self.stage = stage
        self.stages[stage] = {"start_s": round(self.elapsed, 2)}
        self._tell(self._least())

    def _leave(self) -> None:
        if self.stage in self.stages:
            entry = self.stages[self.stage]
            entry |= {"end_s": round(self.elapsed, 2), "renders": self.renders}
            if self.distances.size:
                entry["distance"] = round(self._least(), 3)

    def _tell(self, distance: float) -> None:
        if self.progress:
            self.progress(Progress(self.elapsed, self.seconds, self.stage, self.renders, distance))


def _recording(recording: str | Path | tuple[np.ndarray, int]) -> tuple[np.ndarray, int, str]:
    if isinstance(recording, tuple):
        samples = np.asarray(recording[0], np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(f"recording: found an array of shape {samples.shape}, wanted finite samples [time]")
        return samples, recording[1], "MATCH"
    read = read_audio(recording)
    return read.samples, read.sample_rate, read.path.stem


def _voice_name(label: str) -> str:
    kept = "".join(c if 32 <= ord(c) < 127 and c not in "\\~" else " " for c in label.upper())
    return " ".join(kept.replace("_", " ").split())[:10].rstrip() or "MATCH"


def _numbered(name: str, index: int) -> str:
    return name if index == 0 else f"{name[:8].rstrip()} {index + 1}"[:10]
