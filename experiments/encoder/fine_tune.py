"""Fine-tune the preset encoder on recordings without labels, from its own best proposals.

    python experiments/encoder/fine_tune.py --shared ../shared runs/encoder [--notes 500] [--steps 400] [--json FILE]

Recordings of the shared folder's training split, single notes and notes of phrases, have no voice as a label. The
encoder proposes `--proposed` voices for each note, the engine renders them, and the two nearest by the search's
distance become pseudo-labels. The fine-tuning continues from the shipped weights: half of each epoch are
pseudo-labelled notes, half are examples with their true voice. The table shows the best of K proposals in dB, as in
`proposals.py`, before and after, on data that neither has been trained on: notes of the validation split, the one-shots
(other instruments and rooms), and held-out voices.

`runs/encoder/fine_tune` keeps the pseudo-labels and the training.
"""

import argparse
import csv
import json
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from proposals import COUNTS, best_of_k, make_targets

from ddx7.audio import find_notes, read_audio
from ddx7.encoder.examples import NOTES_PER_VOICE, ExampleShard, load_shards
from ddx7.encoder.sampler import VoiceSampler, load_default
from ddx7.encoder.tokens import to_tokens
from ddx7.encoder.training import EncoderConfig, train
from ddx7.errors import AudioError
from ddx7.files import atomic_write
from ddx7.matching.propose import sample_voices
from ddx7.matching.target import CONFIDENT, SEARCH_RATE, Target, make_target
from ddx7.matching.vced import apply_detune

LABELS_PER_NOTE = 2
EVALUATED = 256  # held-out examples of an evaluation
SHORTEST_S = 0.1
EVALUATED_NOTES = 40


class PseudoLabel(NamedTuple):
    """A recorded note and the nearest of the voices proposed for it.

    Attributes:
      spectrograms: uint8 [frame, band].
      note_events: MIDI note, velocity and gate in seconds.
      tokens: of the voices, uint8 [label, 145].
      distance: mean distance of the voices.
    """

    spectrograms: np.ndarray
    note_events: np.ndarray
    tokens: np.ndarray
    distance: float


def files(audio: Path, kinds: tuple[str, ...], split: str) -> list[Path]:
    """Recordings of some kinds in a split, of a folder with an index."""
    with (audio / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return sorted(audio / row["file"] for row in rows if row["kind"] in kinds and row["split"] == split)


def clear_notes(path: Path) -> list[Target]:
    """The notes of a recording that have a clear pitch, as one target each; none where no note is found."""
    recording = read_audio(path)
    try:
        notes = find_notes(recording.samples, recording.sample_rate)
        whole = make_target(recording.samples, recording.sample_rate, notes)
    except AudioError:
        return []
    clear = [k for k in whole.chosen if whole.notes[k].confidence >= CONFIDENT and whole.notes[k].gate_s >= SHORTEST_S]
    return [replace(whole, chosen=(k,)) for k in clear]


def pseudo_label(sampler: VoiceSampler, target: Target, n: int) -> PseudoLabel:
    """The nearest of n proposals for a note."""
    proposed = sample_voices(sampler, target, n)
    distances = target.objective(SEARCH_RATE).distances(proposed)
    nearest = np.argsort(distances, kind="stable")[:LABELS_PER_NOTE]
    inputs = target.encoder_inputs()
    # The spectrogram's bands are relative to the estimated pitch, so its note is in tune.
    tokens = to_tokens(apply_detune(proposed[nearest], -target.cents))
    return PseudoLabel(inputs.spectrograms[0], inputs.note_events[0], tokens, float(distances[nearest].mean()))


def pseudo_labels(sampler: VoiceSampler, paths: list[Path], folder: Path, n_notes: int, n: int) -> ExampleShard:
    """Notes of some of the recordings, in a seeded order, with their pseudo-labels."""
    path = folder / f"pseudo-labels-{n_notes}-{n}.npz"
    if not path.exists():
        order, labels = np.random.default_rng(0).permutation(len(paths)), []
        for target in islice((target for k in order for target in clear_notes(paths[k])), n_notes):
            labels.append(pseudo_label(sampler, target, n))
            if len(labels) % 50 == 0:
                print(f"{len(labels)} of {n_notes} notes labelled", flush=True)
        columns = zip(PseudoLabel._fields, zip(*labels, strict=True), strict=True)
        packed = BytesIO()
        np.savez(packed, **{name: np.stack(column) for name, column in columns})
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, packed.getvalue())
    saved = np.load(path)
    print(f"{len(saved['distance'])} notes, {LABELS_PER_NOTE} voices each, {np.median(saved['distance']):.3f} away")
    spectrograms, note_events = (
        np.repeat(np.repeat(saved[x][:, None], NOTES_PER_VOICE, axis=1), LABELS_PER_NOTE, axis=0)
        for x in ("spectrograms", "note_events")
    )
    return ExampleShard(saved["tokens"].reshape(-1, saved["tokens"].shape[-1]), spectrograms, note_events)


def mixed(labelled: ExampleShard, known: ExampleShard, seed: int = 0) -> ExampleShard:
    """All pseudo-labelled examples and as many examples with a known voice."""
    rows = np.random.default_rng(seed).permutation(len(known))[: len(labelled)]
    return ExampleShard.concatenate([labelled, known[rows]])


def table(sampler: VoiceSampler, sets: dict[str, list[Target]]) -> dict[str, dict[str, float]]:
    """Print and return median distances in dB by set and K."""
    medians = {}
    for name, members in sets.items():
        rows = [best_of_k(sampler, target) for target in members]
        medians[name] = {column: float(np.median([row[column] for row in rows])) for column in rows[0]}
        print(
            f"| {name} ({len(members)}) | {' | '.join(f'{value:.1f}' for value in medians[name].values())} |",
            flush=True,
        )
    return medians


def main() -> None:
    """Label, fine-tune, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--notes", type=int, default=500, help="notes to label")
    parser.add_argument("--proposed", type=int, default=64, help="voices proposed for each note")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rate", type=float, default=2e-4, help="highest learning rate")
    parser.add_argument("--targets", type=int, default=40, help="held-out voices of the table")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    before, audio, folder = load_default(), arguments.shared / "audio", arguments.run / "fine_tune"
    paths = files(audio, ("note", "phrase"), "train")
    labelled = pseudo_labels(before, paths, folder, arguments.notes, arguments.proposed)

    known = load_shards(sorted((arguments.run / "train").glob("*.npz"))[:4])
    held_out = load_shards(sorted((arguments.run / "test").glob("*.npz")))[:EVALUATED]
    config = EncoderConfig(
        steps=arguments.steps,
        learning_rate=arguments.rate,
        warmup_steps=50,
        ema_decay=0.99,
        single_note_share=1.0,
        evaluate_every=100,
        seed=arguments.proposed,
    )
    fitted = train(
        mixed(labelled, known),
        held_out,
        folder / f"model-{arguments.notes}-{arguments.proposed}-{arguments.steps}-{arguments.rate:g}",
        config,
        before.size,
        init_params=before.params,
        progress=lambda metrics: print(metrics, flush=True),
    )
    # Held-out voices become less likely from the first evaluation on, so the last parameters are compared.
    after = replace(before, params=fitted.state.ema_params)

    one_shots = sorted((audio / "oneshots" / "wav44k").glob("*.flac"))
    notes = [target for path in files(audio, ("note",), "valid") for target in clear_notes(path)[:1]]
    sets = {
        "notes of known instruments": notes[:EVALUATED_NOTES],
        "one-shots": [target for path in one_shots for target in clear_notes(path)[:1]],
        "held-out voices": make_targets(np.load(arguments.run / "test.npy"), arguments.targets)[1],
    }
    print(f"| | {' | '.join(f'K = {k}' for k in COUNTS)} | likeliest |\n|{'---|' * (len(COUNTS) + 2)}")
    tables = {"before": table(before, sets), "after": table(after, sets)}
    if arguments.json:
        arguments.json.write_text(json.dumps(tables, indent=2))


if __name__ == "__main__":
    main()
