"""The second step of `match`: voices to start from, and the choice among segmentation hypotheses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.audio.pitch import cents_between
from ddx7.encoder.sampler import VoiceSampler, load_default
from ddx7.errors import Ddx7Error
from ddx7.matching.fm_spectra import fm_spectra
from ddx7.matching.held import NOTHING_HELD, HeldParts
from ddx7.matching.library_search import NO_LIBRARY, LibrarySeeds, search_library
from ddx7.matching.objective import Objective
from ddx7.matching.operator_frequency import KeyTuning
from ddx7.matching.pitch_choice import CLEAR, possible_pitches
from ddx7.matching.prepare import PreparedRecording
from ddx7.matching.prior import Prior
from ddx7.matching.result import Progress
from ddx7.matching.spectral_fit import fit_voices
from ddx7.matching.starting import NO_START, StartingVoices, starting_voices
from ddx7.matching.target import SEARCH_RATE, Target
from ddx7.matching.touch import vary_touch
from ddx7.matching.vced import apply_detune, columns, force_release
from ddx7.voice import Voice

PROPOSALS = 256
"""Voices that the preset encoder proposes, and of all proposals those that are kept."""
SPECTRAL_FITS = 64
"""Voices fitted to the partials."""
_TOUCHED, _TOUCHES = 16, 8  # voices of several recordings whose touch is varied, and how often
_COMPARED = 8  # proposals of a hypothesis that are rendered in full and compared by the log-mel distance

# A voice may sound an octave from its MIDI note, and a measured pitch may be an octave off: semitones by which the
# true pitch lies below a clear one, with their shares of the proposals.
_OCTAVE_SHARES = {0: 0.7, 12: 0.15, -12: 0.15}
_SEMITONES = 12
_LOWEST_HZ = 40.0  # partials of an unclear note begin here
# Sampling below temperature 1 keeps to likely voices. Of 64 proposals for held-out voices the best one, by the search's
# distance, is 10 % nearer at 0.5 or 0.7 than at 1; at 0.3 too many are alike.
_TEMPERATURE = 0.6


@dataclass(frozen=True, eq=False)
class Proposals:
    """The target of a search, its prior, and the voices to start from.

    Attributes:
      target: the chosen segmentation hypothesis.
      prior: distribution of drawn voices; `prior.proposed` holds the proposals.
      objective: distance of voices from the target, at 44.1 kHz.
      search_objective: the same at `SEARCH_RATE`.
      distances: `search_objective` of each proposal.
      library: voices of the user's library, with their distances.
      start: the voice that the user starts from and its variations; the search begins with these where there are some,
        and the proposals give it parts.
    """

    target: Target
    prior: Prior
    objective: Objective
    search_objective: Objective
    distances: Float[np.ndarray, " voice"]
    library: LibrarySeeds = NO_LIBRARY
    start: StartingVoices = NO_START


def propose(
    prepared: PreparedRecording,
    *,
    seed: int = 0,
    use_encoder: bool = True,
    encoder: VoiceSampler | None = None,
    n_fitted: int = SPECTRAL_FITS,
    library: Sequence[str | Path] = (),
    start: Voice | None = None,
    held: HeldParts = NOTHING_HELD,
    progress: Callable[[Progress], None] | None = None,
) -> Proposals:
    """Propose voices for every segmentation hypothesis and keep the hypothesis that voices match best.

    Args:
      prepared: the recording with its hypotheses.
      seed: seed of the proposals.
      use_encoder: whether the preset encoder proposes voices.
      encoder: the preset encoder; None takes the one that comes with the package.
      n_fitted: number of voices that are fitted to the partials.
      library: folders or files with voices of the user.
      start: a voice that the search begins with.
      held: parts that all voices keep.
      progress: called while the library is rendered.

    Raises:
      Ddx7Error: the library holds no voice, or the voice to start from is silent on the recording's notes.
    """
    proposed = [
        propose_for_target(target, seed=seed, use_encoder=use_encoder, encoder=encoder, n_fitted=n_fitted, held=held)
        for target in prepared.hypotheses
    ]
    best = proposed[0]
    if len(proposed) > 1:
        best = proposed[int(np.argmin([_hypothesis_distance_db(proposals) for proposals in proposed]))]
    if library:
        found = search_library(library, best.target, best.search_objective, progress)
        if held.mask.any() and len(found.voices):
            voices = held.hold(found.voices)
            found = found._replace(voices=voices, distances=best.search_objective.distances(voices))
        best = replace(best, library=found)
    if start is not None:
        vced = np.frombuffer(start.to_vced(), np.uint8)
        begun = starting_voices(vced, best.target, best.prior, best.search_objective, seed)
        if not np.isfinite(begun.distances[0]):
            raise Ddx7Error(f"start: {start.name.strip() or 'the voice'} is silent on the notes of the recording")
        best = replace(best, start=begun)
    return best


def propose_for_target(
    target: Target,
    *,
    seed: int = 0,
    use_encoder: bool = True,
    encoder: VoiceSampler | None = None,
    n_fitted: int = SPECTRAL_FITS,
    held: HeldParts = NOTHING_HELD,
) -> Proposals:
    """Propose voices for one target and evaluate them.

    Args:
      target: the recording.
      seed: seed of the proposals.
      use_encoder: whether the preset encoder proposes voices.
      encoder: as for `propose`.
      n_fitted: number of voices that are fitted to the partials.
      held: parts that all voices keep.

    Returns:
      the nearest `PROPOSALS` voices of both.
    """
    objective = target.objective()
    search_objective = objective.at_rate(SEARCH_RATE)
    voices = fit_to_partials(target, n_fitted, seed)
    if use_encoder:
        sampled = sample_voices(encoder or load_default(), target, PROPOSALS, seed)
        voices = np.concatenate([voices, sampled])
    voices, prior = held.hold(voices), replace(target.prior(), held=held)
    distances = search_objective.distances(voices) if len(voices) else np.zeros(0)
    nearest = np.sort(np.argsort(distances, kind="stable")[:PROPOSALS])
    voices, distances = voices[nearest], distances[nearest]
    voices, distances = with_touch(voices, distances, prior, search_objective, seed)
    prior = replace(prior, proposed=voices)
    return Proposals(target, prior, objective, search_objective, distances)


def with_touch(
    voices: UInt8[np.ndarray, "voice 155"],
    distances: Float[np.ndarray, " voice"],
    prior: Prior,
    objective: Objective,
    seed: int,
) -> tuple[UInt8[np.ndarray, "voice 155"], Float[np.ndarray, " voice"]]:
    """Give the nearest voices a better answer to velocity, then one to the keyboard, of some random ones.

    Args:
      voices: the voices.
      distances: of each.
      prior: with the touch that the notes determine.
      objective: the distance.
      seed: random seed.

    Returns:
      the voices, some of them changed, and the distance of each.
    """
    if prior.touch is None or not len(voices):
        return voices, distances
    rng = np.random.default_rng(seed)
    voices, distances = voices.copy(), distances.copy()
    best = np.argsort(distances, kind="stable")[:_TOUCHED]
    for by_velocity in (True, True, False, False):
        kept = {"by_velocity": prior.touch.by_velocity and by_velocity}
        kept["by_pitch"] = prior.touch.by_pitch and not by_velocity
        if not any(kept.values()):
            continue
        varied = vary_touch(rng, np.tile(voices[best], (_TOUCHES, 1)), replace(prior.touch, **kept))
        varied = prior.held.hold(varied)
        found = objective.distances(varied).reshape(_TOUCHES, -1)
        pick = found.argmin(axis=0)
        varied = varied.reshape(_TOUCHES, len(best), -1)[pick, np.arange(len(best))]
        better = found.min(axis=0) < distances[best]
        voices[best[better]], distances[best[better]] = varied[better], found.min(axis=0)[better]
    return voices, distances


def fit_to_partials(target: Target, n: int, seed: int = 0) -> UInt8[np.ndarray, "voice 155"]:
    """Fit voices to the partials of a recording's strongest note.

    Args:
      target: the recording.
      n: number of voices.
      seed: random seed.
    """
    note, event = target.notes[target.chosen[0]], target.events[target.chosen[0]]
    unclear = note.confidence < CLEAR
    measured = target.measured(_LOWEST_HZ if unclear else np.inf)
    pitches = possible_pitches(note, measured)
    fitted = []
    for pitch, share in zip(pitches, _shares([pitch.share for pitch in pitches], n), strict=True):
        at_pitch = replace(measured, f0_hz=pitch.f0_hz)
        tuning = KeyTuning(event.note, pitch.f0_hz, target.profile.frequencies)
        fitted.append(fit_voices(at_pitch, fm_spectra(at_pitch), tuning, share, seed))
    return np.concatenate(fitted)


def sample_voices(sampler: VoiceSampler, target: Target, n: int, seed: int = 0) -> UInt8[np.ndarray, "voice 155"]:
    """Sample voices for a recording from the preset encoder.

    Args:
      sampler: the preset encoder.
      target: the recording.
      n: number of voices.
      seed: random seed.

    Returns:
      legal voices, whose notes end.
    """
    shifts = _pitch_shifts(target)
    sampled, places = [], []
    for below, count in zip(shifts, _shares(list(shifts.values()), n), strict=True):
        vced = sampler.sample(target.encoder_inputs(below), count, seed, _TEMPERATURE)
        [place] = columns("transpose")
        vced[:, place] = np.clip(vced[:, place].astype(int) - below, 0, 4 * _SEMITONES)
        sampled.append(vced)
        places.append((np.arange(count) + 0.5) / max(count, 1))
    mixed = np.concatenate(sampled)[np.argsort(np.concatenate(places), kind="stable")]
    return force_release(apply_detune(mixed, target.cents))


def _pitch_shifts(target: Target) -> dict[int, float]:
    """Semitones by which the true pitch may lie below the measured one, with their shares of the samples."""
    note = target.notes[target.chosen[0]]
    if note.confidence >= CLEAR:
        return _OCTAVE_SHARES
    shifts: dict[int, float] = {}
    for pitch in possible_pitches(note, target.measured(_LOWEST_HZ)):
        below = round(float(cents_between(note.f0_hz, pitch.f0_hz)) / 100)
        if below <= 2 * _SEMITONES:  # the range of transpose
            shifts[below] = shifts.get(below, 0.0) + pitch.share
    return shifts


def _shares(shares: Sequence[float], n: int) -> list[int]:
    """Whole numbers in these proportions, `n` in all."""
    edges = np.round(np.cumsum(shares) / sum(shares) * n).astype(int)
    return np.diff(edges, prepend=0).tolist()


def _hypothesis_distance_db(proposals: Proposals) -> float:
    """Log-mel distance of the nearest of some voices."""
    voices, distances = proposals.prior.proposed, proposals.distances
    audio = proposals.target.render(voices[np.argsort(distances)[:_COMPARED]])
    return min(proposals.target.distances_db(audio))
