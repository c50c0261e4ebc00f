"""Comparison of two sets of sounds: FAD, FAD-infinity and KAD, each with the data behind it."""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ddx7.audio.files import read_audio, resample
from ddx7.audio.metrics.embeddings import Embedding, load_embedding
from ddx7.audio.metrics.frechet import fad, fad_infinity
from ddx7.audio.metrics.kernel import kad
from ddx7.audio.metrics.windows import cut
from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import atomic_write

LEAST_PADDING_S = 0.05
"""Less padding than this in a whole set is not reported: clips begin at zero."""

Clip = np.ndarray | str | PathLike[str]
"""Mono sound, float [time], or the path of a recording."""


@dataclass(frozen=True, eq=False)
class EmbeddedSet:
    """The embeddings of a set of clips, and counts of the sound they leave out.

    Attributes:
      values: float64 [window, dimension].
      n_clips: clips with at least one window.
      n_too_short: clips shorter than one window, which are left out.
      n_silent: windows left out because they are 40 dB below the loudest of their clip.
      padding_s: seconds of digital silence left out at the ends of clips.
      name: of the set.
    """

    values: np.ndarray
    n_clips: int
    n_too_short: int
    n_silent: int
    padding_s: float
    name: str


@dataclass(frozen=True)
class SetScore:
    """One figure and the data behind it, which a reader needs to interpret it.

    Attributes:
      metric: name of the figure.
      value: the figure; 0 is best.
      n: windows of the test set.
      n_reference: windows of the reference.
      embedding: its name.
      dimension: of the embedding.
      reference: name of the reference set.
      notes: reasons to trust or distrust the figure.
    """

    metric: Literal["FAD", "FAD-inf", "KAD"]
    value: float
    n: int
    n_reference: int
    embedding: str
    dimension: int
    reference: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        measured = f"n = {self.n}, {self.n_reference} of {self.reference}, {self.embedding}, d = {self.dimension}"
        return f"{self.metric} {self.value:.3f} ({'; '.join([measured, *self.notes])})"


@dataclass(frozen=True)
class SetScores:
    """The three figures of one comparison."""

    fad: SetScore
    fad_infinity: SetScore
    kad: SetScore

    def __str__(self) -> str:
        """A line for each figure, then the notes that hold for all three."""
        scores = (self.fad, self.fad_infinity, self.kad)
        general = [note for note in self.fad.notes if all(note in score.notes for score in scores)]
        own = (replace(score, notes=tuple(n for n in score.notes if n not in general)) for score in scores)
        return "\n".join([*map(str, own), *general])

    def to_dict(self) -> dict[str, Any]:
        """As a dictionary for JSON."""
        return asdict(self)


def score_sets(
    reference: Iterable[Clip],
    test: Iterable[Clip],
    *,
    embedding: str | Embedding = "logmel",
    weights: str | PathLike[str] | None = None,
    sample_rate: int | None = None,
    reference_name: str = "reference",
    seed: int = 0,
    cache: str | PathLike[str] | None = None,
) -> SetScores:
    """Compare two sets of sounds.

    Args:
      reference: clips of the target sound: best the training data of the model, or similar clips, and many of them.
      test: the clips to score.
      embedding: a name in `EMBEDDINGS`, or a loaded embedding.
      weights: the file of the embedding's network, for an embedding given by name.
      sample_rate: of clips that are arrays, in Hz.
      reference_name: name of the reference in the scores.
      seed: of the subsets of FAD-infinity.
      cache: a folder for embeddings, keyed by the content of the sound.

    Returns:
      FAD, FAD-infinity and KAD.

    Raises:
      AudioError: a clip cannot be read, or a set has no clip that is long enough.
      Ddx7Error: an array is not mono, a set has too few windows, or the embedding cannot be loaded.
    """
    if isinstance(embedding, str):
        embedding = load_embedding(embedding, weights)
    reference_set = embed_set(reference, embedding, sample_rate=sample_rate, cache=cache, name=reference_name)
    test_set = embed_set(test, embedding, sample_rate=sample_rate, cache=cache, name="test")
    return score_embedded(reference_set, test_set, embedding, seed=seed)


def embed_set(
    clips: Iterable[Clip],
    embedding: Embedding,
    *,
    sample_rate: int | None = None,
    cache: str | PathLike[str] | None = None,
    name: str = "set",
    progress: Callable[[], None] = lambda: None,
) -> EmbeddedSet:
    """Embed the windows of all clips; `ddx7.audio.metrics.windows.cut` selects them.

    Args:
      clips: mono sounds or paths of recordings.
      embedding: a loaded embedding.
      sample_rate: of clips that are arrays, in Hz.
      cache: a folder for embeddings, keyed by the content of the sound.
      name: of the set, for messages and scores.
      progress: called after each clip.

    Returns:
      the set, before any projection.

    Raises:
      AudioError: a clip cannot be read, or no clip holds a window of sound.
      Ddx7Error: an array is not mono, or its sample rate is missing.
    """
    rows = []
    n_clips = n_too_short = n_silent = padding = 0
    for clip in clips:
        sound = _sound(clip, embedding.sample_rate, sample_rate)
        pieces = cut(embedding.prepare(sound), embedding.window, embedding.hop, sound)
        n_too_short += pieces.too_short
        n_silent += pieces.n_silent
        padding += pieces.padding_samples
        if len(pieces.windows):
            n_clips += 1
            rows.append(_embedded(pieces.windows, embedding, None if cache is None else Path(cache)))
        progress()
    if not rows:
        needs = f"{embedding.name} needs one of {embedding.window / embedding.sample_rate:.2f} s"
        raise AudioError(f"{name}: found no clip that is long enough ({n_too_short} too short), {needs}")
    values = np.concatenate(rows)
    return EmbeddedSet(values, n_clips, n_too_short, n_silent, padding / embedding.sample_rate, name)


def score_embedded(reference: EmbeddedSet, test: EmbeddedSet, embedding: Embedding, *, seed: int = 0) -> SetScores:
    """Compare two embedded sets, so that one embedded reference serves many tests.

    Args:
      reference: the reference set.
      test: the set to score.
      embedding: of both sets.
      seed: of the subsets of FAD-infinity.

    Returns:
      FAD, FAD-infinity and KAD.

    Raises:
      Ddx7Error: a set has too few windows.
    """
    reference_values, test_values = reference.values, test.values
    if embedding.fit_projection is not None:
        project = embedding.fit_projection(reference_values)
        reference_values, test_values = project(reference_values), project(test_values)
    general = tuple(_notes(reference, test, embedding))
    extrapolated = fad_infinity(reference_values, test_values, seed=seed)
    fit = f"extrapolated along a line of R² {extrapolated.r2:.2f}"

    def score(metric: Literal["FAD", "FAD-inf", "KAD"], value: float, *notes: str) -> SetScore:
        counts = len(test_values), len(reference_values)
        return SetScore(metric, value, *counts, embedding.name, embedding.dimension, reference.name, (*notes, *general))

    few = [
        f"the {name} has {len(values)} windows in {values.shape[1]} dimensions, its covariance is singular"
        for name, values in (("reference", reference_values), ("test", test_values))
        if len(values) <= values.shape[1]
    ]
    return SetScores(
        fad=score("FAD", fad(reference_values, test_values), *few),
        fad_infinity=score("FAD-inf", extrapolated.value, fit, *few),
        kad=score("KAD", kad(reference_values, test_values)),
    )


def _notes(reference: EmbeddedSet, test: EmbeddedSet, embedding: Embedding) -> Iterable[str]:
    for name, these in (("reference", reference), ("test", test)):
        if these.padding_s >= LEAST_PADDING_S:
            yield f"{these.padding_s:.1f} s of padding left out of the {name}"
        if these.n_silent:
            yield f"{_count(these.n_silent, 'silent window')} left out of the {name}"
        if these.n_too_short:
            shortest = embedding.window / embedding.sample_rate
            yield f"{_count(these.n_too_short, 'clip')} shorter than {shortest:.2f} s left out of the {name}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _sound(clip: Clip, target_rate: int, sample_rate: int | None) -> np.ndarray:
    """A clip as float32 [time] at the target rate."""
    if not isinstance(clip, np.ndarray):
        return read_audio(clip, sample_rate=target_rate).samples
    if sample_rate is None:
        raise Ddx7Error("a clip is an array and its sample rate was not given, sample_rate is wanted")
    if clip.ndim != 1:
        raise Ddx7Error(f"a clip of shape {clip.shape}, mono [time] is wanted")
    if not np.isfinite(clip).all():
        raise AudioError("a clip holds NaN or infinite samples, finite ones are wanted")
    return resample(clip, sample_rate, target_rate)


def _embedded(windows: np.ndarray, embedding: Embedding, cache: Path | None) -> np.ndarray:
    """Embeddings, float64 [window, dimension of the network], from the cache if it has them."""
    if cache is None:
        return np.asarray(embedding.embed(windows), np.float64)
    digest = hashlib.sha256(embedding.identity.encode())
    digest.update((windows + 0.0).tobytes())  # -0.0 becomes 0.0: decoders do not keep its sign
    path = cache / f"{digest.hexdigest()[:32]}.npy"
    if path.is_file():
        return np.load(path, allow_pickle=False)
    values = np.asarray(embedding.embed(windows), np.float64)
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    atomic_write(path, buffer.getvalue(), force=True)
    return values
