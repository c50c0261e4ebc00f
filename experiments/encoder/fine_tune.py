"""Does the ear get better by listening to itself on recordings that nobody knows a voice for?

    python experiments/inference/listen.py --shared ../shared runs/encoder [--notes 500] [--steps 400] [--json FILE]

Recordings of the shared folder's training split, single notes and notes of phrases, have no labels. The ear proposes
`--drawn` voices for each, all are played, and the two that the search's distance puts nearest become what it is to
say. From there it goes on learning: half of each epoch is these, half examples with the voice that made them. Then the
best of K proposals, in dB as in `proposals.py`, before and after, on what neither has seen: notes of the validation
split, the one-shots (other instruments, other rooms), and held-out voices.

What was nearest is kept in `runs/encoder/listen`, as is the training.
"""

import argparse
import csv
import json
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from proposals import COUNTS, measure, targets

from ddx7.audio import find_notes, read_audio
from ddx7.encoder.examples import NOTES, ExampleShard
from ddx7.encoder.sampler import VoiceSampler, shipped
from ddx7.encoder.tokens import to_tokens
from ddx7.encoder.training import EncoderConfig, load_shards, train
from ddx7.errors import AudioError
from ddx7.files import atomic_write
from ddx7.matching.prior import apply_detune
from ddx7.matching.proposals import proposals
from ddx7.matching.search import SEARCH_RATE
from ddx7.matching.target import CONFIDENT, Target, make_target

TAKEN = 2  # of what was drawn for a recording
HELD_OUT = 256  # examples that are looked at while learning
SHORTEST_S = 0.1
MEASURED_NOTES = 40


def files(audio: Path, kinds: tuple[str, ...], split: str) -> list[Path]:
    """Recordings of some kinds in a split, of a folder with a list."""
    with (audio / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return sorted(audio / row["file"] for row in rows if row["kind"] in kinds and row["split"] == split)


def notes_of(path: Path) -> list[Target]:
    """The telling notes of a recording, one by one; none where no note is found."""
    read = read_audio(path)
    try:
        whole = make_target(read.samples, read.sample_rate, find_notes(read.samples, read.sample_rate))
    except AudioError:
        return []
    clear = [k for k in whole.chosen if whole.notes[k].confidence >= CONFIDENT and whole.notes[k].gate_s >= SHORTEST_S]
    return [replace(whole, chosen=(k,)) for k in clear]


def listened(ear: VoiceSampler, target: Target, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """What the ear hears of a note, what it is to say, and how far that is: picture, hand, tokens [taken, 145]."""
    found = proposals(ear, target, n)
    near = target.audition().at(SEARCH_RATE).distances(found)
    taken = np.argsort(near, kind="stable")[:TAKEN]
    heard = target.heard()
    # The picture is laid out from the measured pitch, so what it shows is in tune.
    tokens = to_tokens(apply_detune(found[taken], -target.cents))
    return heard.pictures[0], heard.hands[0], tokens, float(near[taken].mean())


def examples(ear: VoiceSampler, paths: list[Path], folder: Path, n_notes: int, n: int) -> ExampleShard:
    """Notes of some of the recordings, in a seeded order, with what was nearest to them."""
    path = folder / f"listened-{n_notes}-{n}.npz"
    if not path.exists():
        order, rows = np.random.default_rng(0).permutation(len(paths)), []
        for target in islice((target for k in order for target in notes_of(paths[k])), n_notes):
            rows.append(listened(ear, target, n))
            if len(rows) % 50 == 0:
                print(f"{len(rows)} of {n_notes} notes listened to", flush=True)
        pictures, hands, tokens, near = (np.stack(column) for column in zip(*rows, strict=True))
        packed = BytesIO()
        np.savez(packed, pictures=pictures, hands=hands, tokens=tokens, near=near)
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, packed.getvalue())
    kept = np.load(path)
    print(f"{len(kept['near'])} notes, {TAKEN} voices each, {np.median(kept['near']):.3f} away")
    pictures, hands = (
        np.repeat(np.repeat(kept[x][:, None], NOTES, axis=1), TAKEN, axis=0) for x in ("pictures", "hands")
    )
    return ExampleShard(kept["tokens"].reshape(-1, kept["tokens"].shape[-1]), pictures, hands)


def mixed(listened_to: ExampleShard, known: ExampleShard, seed: int = 0) -> ExampleShard:
    """As many examples of one kind as of the other."""
    rows = np.random.default_rng(seed).permutation(len(known.tokens))[: len(listened_to.tokens)]
    return ExampleShard(
        *(np.concatenate([value, getattr(known, name)[rows]]) for name, value in vars(listened_to).items())
    )


def table(ear: VoiceSampler, sets: dict[str, list[Target]]) -> dict[str, dict[str, float]]:
    """Median distances in dB by set and K."""
    medians = {}
    for name, members in sets.items():
        rows = [measure(ear, target) for target in members]
        medians[name] = {column: float(np.median([row[column] for row in rows])) for column in rows[0]}
        print(
            f"| {name} ({len(members)}) | {' | '.join(f'{value:.1f}' for value in medians[name].values())} |",
            flush=True,
        )
    return medians


def main() -> None:
    """Listen, learn, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--notes", type=int, default=500, help="to listen to")
    parser.add_argument("--drawn", type=int, default=64)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rate", type=float, default=2e-4, help="highest learning rate")
    parser.add_argument("--targets", type=int, default=40, help="held-out voices to measure on")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    before, audio, folder = shipped(), arguments.shared / "audio", arguments.run / "listen"
    learned = examples(before, files(audio, ("note", "phrase"), "train"), folder, arguments.notes, arguments.drawn)

    known = load_shards(sorted((arguments.run / "train").glob("*.npz"))[:4])
    [test] = sorted((arguments.run / "test").glob("*.npz"))
    held_out = load_shards([test])
    held_out = ExampleShard(**{name: value[:HELD_OUT] for name, value in vars(held_out).items()})
    settings = EncoderConfig(steps=arguments.steps, learning_rate=arguments.rate, warm_up=50, average=0.99, single=1.0)
    settings = replace(settings, held_out_every=100, seed=arguments.drawn)
    weights, _ = train(
        mixed(learned, known),
        held_out,
        folder / f"ear-{arguments.notes}-{arguments.drawn}-{arguments.steps}-{arguments.rate:g}",
        settings,
        before.size,
        lambda m: print(m, flush=True),
        start=before.weights,
    )
    after = replace(before, weights=weights)

    shots = sorted((audio / "oneshots" / "wav44k").glob("*.flac"))
    notes = [target for path in files(audio, ("note",), "valid") for target in notes_of(path)[:1]]
    sets = {
        "notes of known instruments": notes[:MEASURED_NOTES],
        "one-shots": [target for path in shots for target in notes_of(path)[:1]],
        "held-out voices": targets(np.load(arguments.run / "test.npy"), arguments.targets)[1],
    }
    print(f"| | {' | '.join(f'K = {k}' for k in COUNTS)} | likeliest |\n|{'---|' * (len(COUNTS) + 2)}")
    found = {"before": table(before, sets), "after": table(after, sets)}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
