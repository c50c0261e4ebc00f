"""How near the ear's proposals come, by how many are heard, on voices it has never seen.

    python experiments/inference/proposals.py --shared ../shared runs/encoder [--targets 100] [--weights FILE]

Targets: voices of `split.py`'s test set, played by the engine on middle C (velocity 100, one second) and given to the
ear as a recording, pitch and gate measured from the sound. K proposals are ranked by the search's perceptual distance;
the best one's log-mel distance is quoted in dB, as in `benchmarks/match.py`. "Likeliest" is the one voice that takes
the most probable value of each parameter in turn. "Nearest" is the nearest of the voices that were learned
from, on the same key and an octave up and down; targets whose nearest lies within 3 dB have a sound-alike.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from corpus import DURATION_S, HAND, QUIET, SOUND_ALIKE_DB, distances, hear, nearest, screen, spectra

from ddx7.audio import find_notes, log_mel_distance
from ddx7.encoder.sampler import WEIGHTS, VoiceSampler, load_weights
from ddx7.errors import AudioError
from ddx7.files import atomic_write
from ddx7.matching.prior import apply_detune, force_release
from ddx7.matching.proposals import proposals
from ddx7.matching.search import SEARCH_RATE
from ddx7.matching.target import RATE, Target, make_target

COUNTS = (1, 4, 16, 64, 256)
COLD = 1e-3


def targets(vced: np.ndarray, n: int, seed: int = 0) -> tuple[np.ndarray, list[Target]]:
    """The sound of voices that can be heard and have a note, float32 [voice, sample], and targets made of it."""
    sounds, made = [], []
    for voice in vced[np.random.default_rng(seed).permutation(len(vced))]:
        [sound] = next(hear(voice[None], HAND, round(DURATION_S * RATE)))
        if np.abs(sound).max() <= QUIET:
            continue
        try:
            made.append(make_target(sound, RATE, find_notes(sound, RATE)))
        except AudioError:  # a voice without a pitch or an end
            continue
        sounds.append(sound)
        if len(made) == n:
            break
    return np.array(sounds), made


def measure(ear: VoiceSampler, target: Target) -> dict[str, float]:
    """Distances in dB of what was proposed for one target."""
    row = {}
    found = proposals(ear, target, max(COUNTS))
    heard = target.audition().at(SEARCH_RATE).distances(found)
    best = {f"K = {k}": found[np.argmin(heard[:k])] for k in COUNTS}
    best["likeliest"] = force_release(apply_detune(ear.propose(target.heard(), 1, temperature=COLD), target.cents))[0]
    for name, audio in zip(best, target.perform(np.array(list(best.values()))), strict=True):
        row[name] = log_mel_distance(target.sound, audio, RATE)
    return row


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
    ear = load_weights(arguments.weights)
    sounds, made = targets(np.load(arguments.run / "test.npy"), arguments.targets)
    rows: list[dict[str, Any]] = []
    for target in made:
        rows.append(measure(ear, target))
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


def add_nearest(rows: list[dict[str, Any]], vced: np.ndarray, sounds: np.ndarray) -> None:
    """Find the nearest of the voices that were learned from."""
    for row, sound, near in zip(rows, sounds, screen(vced, list(sounds), HAND), strict=True):
        found = nearest(vced, sound, HAND, near)
        [played] = next(hear(found.vced[None], HAND._replace(key=found.key), len(sound)))
        row["nearest"] = float(distances(spectra(sound[None])[0], spectra(played[None]))[0])


def summarise(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
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
