"""Measure the distance of the best of K sampled voices from voices that the preset encoder was not trained on.

    python experiments/encoder/proposals.py --shared ../shared runs/encoder [--targets 100] [--weights FILE]

The targets are voices of `split.py`'s test set, rendered on middle C (velocity 100, one second). The encoder gets them
as recordings, with pitch and gate estimated from the audio. The search's perceptual distance ranks the K proposals; the
table shows the best one's log-mel distance in dB, as `benchmarks/match.py` does. "Likeliest" takes the most probable
value of each token in turn. "Nearest" is the nearest training voice, on the same note and an octave up and down. A
target whose nearest voice lies within 3 dB has a sound-alike.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from corpus import (
    DURATION_S,
    QUIET,
    SOUND_ALIKE_DB,
    STANDARD_NOTE,
    coarse_distances,
    distances,
    log_mels,
    nearest,
    render_batches,
)

from ddx7.audio import find_notes
from ddx7.encoder.sampler import WEIGHTS, VoiceSampler, load_weights
from ddx7.errors import AudioError
from ddx7.files import atomic_write
from ddx7.matching.propose import sample_voices
from ddx7.matching.target import RATE, SEARCH_RATE, Target, make_target
from ddx7.matching.vced import apply_detune, force_release

COUNTS = (1, 4, 16, 64, 256)
ARGMAX_TEMPERATURE = 1e-3


def make_targets(vced: np.ndarray, n: int, seed: int = 0) -> tuple[np.ndarray, list[Target]]:
    """Audio of n audible voices with a note, float32 [voice, sample], and the targets made from it."""
    sounds, targets = [], []
    for voice in vced[np.random.default_rng(seed).permutation(len(vced))]:
        [sound] = next(render_batches(voice[None], STANDARD_NOTE, round(DURATION_S * RATE)))
        if np.abs(sound).max() <= QUIET:
            continue
        try:
            targets.append(make_target(sound, RATE, find_notes(sound, RATE)))
        except AudioError:  # a voice without a pitch or an end
            continue
        sounds.append(sound)
        if len(targets) == n:
            break
    return np.array(sounds), targets


def best_of_k(sampler: VoiceSampler, target: Target) -> dict[str, float]:
    """Log-mel distances in dB of the best of K proposals for one target, and of the likeliest voice."""
    proposed = sample_voices(sampler, target, max(COUNTS))
    distance = target.objective(SEARCH_RATE).distances(proposed)
    best = {f"K = {k}": proposed[np.argmin(distance[:k])] for k in COUNTS}
    likeliest = sampler.sample(target.encoder_inputs(), 1, temperature=ARGMAX_TEMPERATURE)
    best["likeliest"] = force_release(apply_detune(likeliest, target.cents))[0]
    audio = target.render(np.array(list(best.values())))
    return dict(zip(best, target.distances_db(audio), strict=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--skip-nearest", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--card", action="store_true", help="write the medians into the card of the weights")
    arguments = parser.parse_args()
    sampler = load_weights(arguments.weights)
    sounds, targets = make_targets(np.load(arguments.run / "test.npy"), arguments.targets)
    rows: list[dict[str, float]] = []
    for target in targets:
        rows.append(best_of_k(sampler, target))
        print(" | ".join(f"{value:5.1f}" for value in rows[-1].values()), flush=True)
    if not arguments.skip_nearest:
        add_nearest(rows, np.load(arguments.run / "train.npy"), sounds)
    medians = summarise(rows)
    if arguments.card:
        path = arguments.weights.with_suffix(".json")
        card = json.loads(path.read_text()) | {"log_mel_db": medians}
        atomic_write(path, (json.dumps(card, indent=2) + "\n").encode(), force=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


def add_nearest(rows: list[dict[str, float]], vced: np.ndarray, sounds: np.ndarray) -> None:
    """Add the distance of the nearest training voice to each row."""
    for row, sound, near in zip(rows, sounds, coarse_distances(vced, list(sounds), STANDARD_NOTE), strict=True):
        neighbour = nearest(vced, sound, STANDARD_NOTE, near)
        [audio] = next(render_batches(neighbour.vced[None], STANDARD_NOTE._replace(note=neighbour.note), len(sound)))
        row["nearest"] = float(distances(log_mels(sound[None])[0], log_mels(audio[None]))[0])


def summarise(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Print and return medians, for targets with and without a sound-alike apart."""
    names = list(rows[0])
    print(f"\n| targets | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    groups = {"all": rows}
    if "nearest" in names:
        groups["with a sound-alike"] = [row for row in rows if row["nearest"] <= SOUND_ALIKE_DB]
        groups["without"] = [row for row in rows if row["nearest"] > SOUND_ALIKE_DB]
    medians = {
        f"{label} ({len(members)})": {
            name: round(float(np.median([row[name] for row in members])), 2) for name in names
        }
        for label, members in groups.items()
        if members
    }
    for label, row in medians.items():
        print(f"| {label} | {' | '.join(f'{value:.1f}' for value in row.values())} |")
    return medians


if __name__ == "__main__":
    main()
