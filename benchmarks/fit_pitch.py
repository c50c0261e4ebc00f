"""Fits the weights of the pitch hypotheses (`ddx7.audio.pitch_hypotheses`) and prints them.

    python benchmarks/fit_pitch.py [--shared ../shared] [--sounds 60]

The sounds are those of `labelled_sounds` with other seeds than the calibration table of `notes.py`, and the recorded
notes of the training split. The loss is the negative log-likelihood of the right candidates, or of "no one pitch" where
no candidate is right, with a small quadratic penalty on standardised weights.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from labelled_sounds import SINGLE_KINDS, Single, recorded_singles, synthetic_single
from scipy.optimize import minimize

from ddx7.audio import hz_to_midi
from ddx7.audio.background import foreground
from ddx7.audio.note import find_extent, noise_peak
from ddx7.audio.pitch import gather_evidence
from ddx7.audio.pitch_hypotheses import PitchEvidence
from ddx7.errors import AudioError

EVERY_RECORDED = 4
PENALTY = 0.002


class Example(NamedTuple):
    """Evidence of a sound, and which candidates are right, bool [candidate]."""

    evidence: PitchEvidence
    right: np.ndarray


def example(sound: Single) -> Example | None:
    """The evidence that the analysis of a note gathers; None where it finds no note."""
    front = foreground(sound.samples, sound.sample_rate)
    try:
        extent = find_extent(front.samples, sound.sample_rate, noise_peak(front, sound.sample_rate))
        evidence = gather_evidence(front.samples[extent], sound.sample_rate)
    except AudioError:
        return None
    if sound.midi is None:
        return Example(evidence, np.zeros(len(evidence.f0_hz), bool))
    return Example(evidence, np.abs(hz_to_midi(evidence.f0_hz) - sound.midi) <= sound.in_tune)


def fit(examples: Iterable[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the features and of the context."""
    examples = list(examples)
    features = np.concatenate([e.evidence.features for e in examples])
    context = np.stack([e.evidence.context for e in examples])
    scale = np.concatenate([features.std(axis=0) + 1e-9, context.std(axis=0) + 1e-9])
    scale[features.shape[1]] = 1.0  # of the bias
    n = features.shape[1]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, grads = 0.0, np.zeros_like(weights)
        for evidence, right in examples:
            rows, none = evidence.features / scale[:n], evidence.context / scale[n:]
            scores = np.append(rows @ weights[:n], none @ weights[n:])
            p = np.exp(scores - scores.max())
            p /= p.sum()
            mass = p * np.append(right, not right.any())
            total -= np.log(mass.sum() + 1e-12)
            change = p - mass / (mass.sum() + 1e-12)
            grads[:n] += change[:-1] @ rows
            grads[n:] += change[-1] * none
        size = len(examples)
        return float(total / size + PENALTY * weights @ weights), grads / size + 2 * PENALTY * weights

    found = minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x / scale
    return found[:n], found[n:]


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--sounds", type=int, default=60, help="of each kind")
    args = parser.parse_args()
    sounds = [synthetic_single(kind, seed) for kind in SINGLE_KINDS for seed in range(args.sounds)]
    if args.shared:
        sounds += list(recorded_singles(args.shared, ("train",)))[::EVERY_RECORDED]
    examples = [found for sound in sounds if (found := example(sound))]
    for name, weights in zip(("_WEIGHTS", "_CONTEXT_WEIGHTS"), fit(examples), strict=True):
        print(f"{name} = np.array({np.round(weights, 3).tolist()})")


if __name__ == "__main__":
    main()
