"""Blind listening tests over match folders: a page for the browser, and the statistics of what people answered.

The page asks for ratings with a hidden reference and a low anchor as ITU-R BS.1534-3 does (MUSHRA), then for ABX
decisions between recording and match. All sounds of a trial have the RMS level of its recording.
"""

import base64
import hashlib
import io
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ddx7.audio import read_audio, resample
from ddx7.errors import Ddx7Error

ANCHOR_HZ = 3500.0
"""Upper limit of the low anchor, of BS.1534-3."""
ANCHOR, HIDDEN_REFERENCE = "low anchor", "hidden reference"
REFERENCE_AT_LEAST, REFERENCE_MISSED = 90.0, 0.15
"""BS.1534-3 sets a listener aside who rates the hidden reference below 90 in more than 15 % of the trials."""
_PEAK = 0.9
_TARGET, _MATCH = "target.wav", "match.wav"
_N_RESAMPLES, _SEED = 4000, 0


class ListeningTrial(NamedTuple):
    """A recording and what systems made of it.

    Attributes:
      name: of the recording.
      target: its samples.
      estimates: samples by system.
      sample_rate: of all, in Hz.
    """

    name: str
    target: Float[np.ndarray, " sample"]
    estimates: Mapping[str, Float[np.ndarray, " other_sample"]]
    sample_rate: int


class SystemRating(NamedTuple):
    """What listeners say of a system.

    Attributes:
      name: of the system, "hidden reference" or "low anchor".
      mean: of the ratings, 0 (bad) to 100 (the reference).
      low: lower end of the interval that holds 95 % of bootstrap samples of the listeners and their trials.
      high: its upper end.
      n_ratings: number of ratings.
      n_correct: ABX decisions that told match from recording.
      n_abx: ABX decisions; half of them are right by chance.
    """

    name: str
    mean: float
    low: float
    high: float
    n_ratings: int
    n_correct: int
    n_abx: int


class ListeningSummary(NamedTuple):
    """The result of a test.

    Attributes:
      systems: by falling mean.
      n_listeners: those who count.
      n_set_aside: those who did not know the hidden reference (BS.1534-3).
    """

    systems: tuple[SystemRating, ...]
    n_listeners: int
    n_set_aside: int


def read_trials(folders: Sequence[str | os.PathLike[str]]) -> tuple[ListeningTrial, ...]:
    """Read match folders.

    Args:
      folders: each is the folder of a match, or of one system: a folder of match folders. Several systems are compared
        on the recordings that all of them have, by the names of the match folders; the first one's `target.wav` counts.
        Folders of single matches are systems if their recording is the same, otherwise recordings of one system.

    Raises:
      Ddx7Error: a folder holds no match or comes twice, or no recording is common to all.
      AudioError: a sound cannot be read.
    """
    resolved = [Path(folder).resolve() for folder in folders]
    if twice := [str(folder) for folder, path in zip(folders, resolved, strict=True) if resolved.count(path) > 1]:
        raise Ddx7Error(f"{twice[0]}: found the folder twice, wanted each system or match once")
    systems = {name: _matches(Path(folder)) for name, folder in zip(_names(folders), folders, strict=True)}
    first = next(iter(systems.values()))
    common = [name for name in first if all(name in matches for matches in systems.values())]
    if not common and all(len(matches) == 1 for matches in systems.values()):
        common, systems = _single(systems)
        first = next(iter(systems.values()))
    if not common:
        raise Ddx7Error(f"{folders[0]}: none of its matches has the name of a match in every other folder")
    trials = []
    for name in common:
        target = read_audio(first[name] / _TARGET)
        rate = target.sample_rate
        estimates = {}
        for system, matches in systems.items():
            found = read_audio(matches[name] / _MATCH)
            estimates[system] = resample(found.samples, found.sample_rate, rate)
        trials.append(ListeningTrial(name, target.samples, estimates, rate))
    return tuple(trials)


def listening_page(trials: Sequence[ListeningTrial]) -> str:
    """The page, one HTML file with all sounds in it; it needs no server and sends nothing.

    Args:
      trials: the recordings and matches; no sound is silent.

    Raises:
      Ddx7Error: a sound is silent.
    """
    content = [
        {
            "name": trial.name,
            "target": _flac(trial, trial.target),
            "stimuli": [
                {"name": HIDDEN_REFERENCE, "kind": "reference", "sound": _flac(trial, trial.target)},
                {"name": ANCHOR, "kind": "anchor", "sound": _flac(trial, low_anchor(trial.target, trial.sample_rate))},
                *(
                    {"name": name, "kind": "system", "sound": _flac(trial, sound)}
                    for name, sound in trial.estimates.items()
                ),
            ],
        }
        for trial in trials
    ]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    data = json.dumps({"page": digest, "trials": content}).replace("<", "\\u003c")
    page = files("ddx7.matching").joinpath("listening_page.html").read_text(encoding="utf-8")
    return page.replace("__TRIALS__", data)


def low_anchor(sound: Float[np.ndarray, " sample"], sample_rate: int) -> Float[np.ndarray, " sample"]:
    """The sound without what lies above 3.5 kHz.

    Args:
      sound: samples.
      sample_rate: in Hz.
    """
    spectrum = np.fft.rfft(sound, 2 * len(sound))
    spectrum[np.fft.rfftfreq(2 * len(sound), 1 / sample_rate) > ANCHOR_HZ] = 0
    return np.fft.irfft(spectrum)[: len(sound)]


def summarise_answers(paths: Iterable[str | os.PathLike[str]]) -> ListeningSummary:
    """Summarise the files that listeners saved.

    Args:
      paths: JSON files of the page.

    Raises:
      Ddx7Error: a file is no answer of the page, or the files belong to different pages.
    """
    read = [(Path(path), _answers(Path(path))) for path in paths]
    pages = {answer["page"] for _, answer in read}
    if len(pages) > 1:
        raise Ddx7Error(f"{read[0][0]}: the answers belong to {len(pages)} different pages, wanted one")
    kept = [answer for _, answer in read if _knows_the_reference(answer)]
    ratings: dict[str, list[list[float]]] = defaultdict(list)
    decisions: dict[str, list[bool]] = defaultdict(list)
    for answer in kept:
        of_listener: dict[str, list[float]] = defaultdict(list)
        for rating in answer["ratings"]:
            of_listener[rating["stimulus"]].append(float(rating["score"]))
        for name, scores in of_listener.items():
            ratings[name].append(scores)
        for decision in answer["abx"]:
            decisions[decision["stimulus"]].append(bool(decision["correct"]))
    systems = [
        SystemRating(
            name, *_mean_with_interval(scores), sum(map(len, scores)), sum(decisions[name]), len(decisions[name])
        )
        for name, scores in ratings.items()
    ]
    ordered = tuple(sorted(systems, key=lambda system: -system.mean))
    return ListeningSummary(ordered, len(kept), len(read) - len(kept))


def _names(folders: Sequence[str | os.PathLike[str]]) -> list[str]:
    names = [Path(folder).resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def _matches(folder: Path) -> dict[str, Path]:
    """Match folders by name."""
    if (folder / _TARGET).is_file() and (folder / _MATCH).is_file():
        return {folder.resolve().name: folder}
    found = {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{_TARGET}"))}
    matches = {name: path for name, path in found.items() if (path / _MATCH).is_file()}
    if not matches:
        raise Ddx7Error(f"{folder}: found no {_TARGET} with {_MATCH}, wanted the folder of a match or a folder of such")
    return matches


def _single(systems: dict[str, dict[str, Path]]) -> tuple[list[str], dict[str, dict[str, Path]]]:
    """One match in each folder: systems, if all are of one recording, or else recordings of one system."""
    paths = [path for matches in systems.values() for path in matches.values()]
    targets = [read_audio(path / _TARGET).samples for path in paths]
    if all(_is_same(targets[0], other) for other in targets):
        name = next(iter(next(iter(systems.values()))))
        return [name], {system: {name: path} for system, path in zip(systems, paths, strict=True)}
    return list(systems), {_MATCH.removesuffix(".wav"): dict(zip(systems, paths, strict=True))}


def _is_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two recordings are one, at any level."""
    if a.shape != b.shape:
        return False
    return float(a @ b) > 0.999 * float(np.linalg.norm(a) * np.linalg.norm(b))


def _flac(trial: ListeningTrial, sound: np.ndarray) -> str:
    """FLAC in base 64, at the RMS level of the target; the whole trial is scaled so that nothing clips."""
    import soundfile

    def level(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.square(x))))

    sounds = [trial.target, low_anchor(trial.target, trial.sample_rate), *trial.estimates.values()]
    if not all(level(x) > 0 for x in [*sounds, sound]):
        raise Ddx7Error(f"{trial.name}: one of the sounds is silent")
    peak = max(float(np.abs(x).max()) / level(x) for x in sounds)
    buffer = io.BytesIO()
    soundfile.write(buffer, _PEAK / peak / level(sound) * sound, trial.sample_rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(buffer.getvalue()).decode()


def _answers(path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
        if answer["format"] != "ddx7-listening-test":
            raise KeyError
        for rating in answer["ratings"]:
            _ = str(rating["stimulus"]), float(rating["score"]), str(rating["kind"])
        for decision in answer["abx"]:
            _ = str(decision["stimulus"]), bool(decision["correct"])
    except OSError as error:
        raise Ddx7Error(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise Ddx7Error(f"{path}: found no answers, wanted a file that the page of a listening test saved") from None
    return answer


def _knows_the_reference(answer: dict[str, Any]) -> bool:
    scores = np.array([rating["score"] for rating in answer["ratings"] if rating["kind"] == "reference"], float)
    return bool(len(scores)) and float(np.mean(scores < REFERENCE_AT_LEAST)) <= REFERENCE_MISSED


def _mean_with_interval(scores: list[list[float]]) -> tuple[float, float, float]:
    """Mean of all ratings, and an interval by resampling listeners, then the trials of each."""
    rng = np.random.default_rng(_SEED)
    means = np.empty(_N_RESAMPLES)
    for k in range(_N_RESAMPLES):
        listeners = rng.integers(len(scores), size=len(scores))
        means[k] = np.mean([np.mean(rng.choice(scores[i], len(scores[i]))) for i in listeners])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.mean(np.concatenate(scores))), float(low), float(high)
