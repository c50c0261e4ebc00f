"""The published model on our voices: train a combination of form, head and notes, and compare what was trained.

    python experiments/encoder/split.py --shared ../shared -o runs/encoder
    python experiments/preset_gen_vae/compare.py train runs/encoder --form NumCat++ --head flow [--six-notes]
        [--steps N] [--small --rate 5e-4 --voices 5000 --batch 32]
    python experiments/preset_gen_vae/compare.py table runs/encoder [--targets 100] [--json FILE]

`train` goes on with a run that was stopped. Each combination has its folder in `runs/encoder/published`. With `--small`
its convolutions have a ninth of the weights and see spectrograms averaged over 4 x 4 frames and bands, which are kept
in a file for the next epoch and for other combinations: for a laptop. All else is as published.
`table` asks all that are there for the voices behind the same sounds of held-out voices and compares, as published:
error of numbers (parts of their range) and share of categories that are right, over all parameters, over those of key
and velocity, and over those that can be heard; then sounds on six notes: log-spectral distance, spectral convergence,
MFCC-13 and MFCC-40 distance, as answered and with the tuning mended by pitch estimation. A model of a form without
transpose has an easier task: its targets are played untransposed. "Constant" answers every sound with the mean voice.
"Ear" is the project's own, asked for the same sounds on the one note, and on four of the six.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ddx7.audio import midi_to_hz
from ddx7.encoder.examples import batch_spectrograms
from ddx7.encoder.sampler import NoteInputs, shipped
from ddx7.encoder.spectrogram import SPAN_S
from ddx7.encoder.tokens import to_tokens, to_vced
from ddx7.matching.objective import LENGTHS, UNIT, NoteEvent, NoteTarget, Objective
from ddx7.matching.objective import RATE as LISTENED_RATE
from ddx7.runs import CHECKPOINT
from preset_gen_vae.metrics import SoundErrors, parameter_errors, sound_errors, tuned
from preset_gen_vae.model import HEAD_NAMES
from preset_gen_vae.representation import FORM_NAMES, audible_parameters, vector_form
from preset_gen_vae.spectrogram import HELD_S, ONE_NOTE, RATE, SAMPLES, SIX_NOTES, Notes, play_notes
from preset_gen_vae.training import (
    RenderSpectrograms,
    VaeConfig,
    answers,
    count,
    load_trained,
    spectrogram_renderer,
    train,
)

QUIET = 1e-3
"""Peak of a voice that is no target: 40 dB under one carrier at full level."""
AT_ONCE = 16  # targets that are looked at together
DRAWN = 16
"""Draws of the project's own ear, of which the nearest is taken."""
WARM, COLD = 0.6, 1e-3  # temperatures: of `match`'s draws, and one that takes the most probable value each time
LONGEST = LENGTHS[-1] * UNIT * RATE // LISTENED_RATE
"""Samples of the search's longest note, a little more than are played here."""
SEVERAL: Notes = ((40, 85), (60, 42), (60, 127), (70, 85))
"""Of `SIX_NOTES`, as many as the ear takes in: the lowest and highest key, the softest and hardest touch."""
TUNED_BY = SIX_NOTES.index(ONE_NOTE[0])


def name_of(settings: VaeConfig) -> str:
    """A combination's folder."""
    words = [settings.form.lower().replace(" ", "-"), settings.head, f"{len(settings.notes)}-note"]
    return "-".join(words + ["transpose"] * settings.transpose)


def learn(arguments: argparse.Namespace) -> None:
    """Train one combination."""
    voices, held_out = (np.load(arguments.run / f"{name}.npy") for name in ("train", "test"))
    settings = VaeConfig(
        form=arguments.form,
        transpose=arguments.transpose,
        head=arguments.head,
        several_notes=arguments.six_notes,
        small=arguments.small,
        learning_rate=arguments.rate,
        steps=arguments.steps,
        batch=min(arguments.batch, arguments.voices or len(voices)),
        measured_every=arguments.every,
        measured=min(arguments.measured, arguments.voices or len(held_out)),
        seed=arguments.seed,
    )
    folder = arguments.run / "published" / name_of(settings)
    chosen = voices[: arguments.voices]
    print(f"{folder}: {len(chosen):,} voices, {settings.steps:,} steps of {settings.batch}", flush=True)
    look = spectrogram_renderer(settings.notes, small=settings.small)
    if settings.small:
        kind = "transposed" if settings.transpose else "untransposed"
        path = folder.parent / f"seen-{kind}-{len(settings.notes)}-{len(chosen)}.npy"
        look = remembered(look, settings, np.concatenate([chosen, held_out[: settings.measured]]), path)
    variables, _ = train(chosen, held_out, folder, settings, look=look, progress=show, until=arguments.until)
    print(", ".join(f"{part} {n:,}" for part, n in count(variables["params"]).items()))


def remembered(look: RenderSpectrograms, settings: VaeConfig, voices: np.ndarray, path: Path) -> RenderSpectrograms:
    """A look that keeps in a file what it has seen, for the next epoch and for other models.

    Args:
      look: at voices that are not yet in the file.
      settings: of the model that looks.
      voices: all that will ever be looked at, uint8 [voice, 155].
      path: of the file, in half precision.
    """
    row_of = {said.tobytes(): row for row, said in enumerate(settings.vector_form().says(voices))}
    shape = (len(voices), len(settings.notes), *settings.size().layers.picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = np.lib.format.open_memmap(path, "r+" if path.exists() else "w+", np.float16, shape)

    def recall(vced: np.ndarray) -> Array:
        rows = [row_of[voice.tobytes()] for voice in vced]
        if not kept[rows].any(axis=(1, 2, 3)).all():  # no spectrogram is zero everywhere
            kept[rows] = look(vced)
        return jnp.asarray(kept[rows], jnp.float32)

    return recall


def show(metrics: dict[str, float]) -> None:
    """One line for each look at held-out voices."""
    print(" ".join(f"{name} {value:.4g}" for name, value in metrics.items()), flush=True)


def targets(voices: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """Held-out voices that can be heard on every note, uint8 [voice, 155]."""
    voices, chosen = voices[np.random.default_rng(seed).permutation(len(voices))], []
    for first in range(0, len(voices), AT_ONCE):
        some = voices[first : first + AT_ONCE]
        chosen += list(some[(np.abs(play_notes(some, SIX_NOTES)).max(axis=-1) > QUIET).all(axis=1)])
        if len(chosen) >= n:
            break
    return np.array(chosen[:n])


def compare(wanted: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """One row of the table, for voices uint8 [voice, 155] that were wanted and found."""
    errors = parameter_errors(wanted, found)
    audible = parameter_errors(wanted, found, audible_parameters(wanted))
    row = {
        "numbers": errors.numbers,
        "categories": errors.categories,
        "numbers (played)": errors.played_numbers,
        "categories (played)": errors.played_categories,
        "numbers (heard)": audible.numbers,
        "categories (heard)": audible.categories,
    }
    as_is, in_tune, mended = [], [], 0
    for one, other in zip(wanted, found, strict=True):
        sounds = play_notes(np.stack([one, other]), SIX_NOTES)
        better = tuned(other, sounds[0], sounds[1], SIX_NOTES, first=TUNED_BY)
        as_is.append(distances(sounds[0], sounds[1]))
        moved = bool((better != other).any())
        in_tune.append(distances(sounds[0], play_notes(better[None], SIX_NOTES)[0]) if moved else as_is[-1])
        mended += moved
    for label, rows in (("", as_is), (" (tuned)", in_tune)):
        means = np.mean(rows, axis=0)
        row.update({name + label: float(mean) for name, mean in zip(SoundErrors._fields, means, strict=True)})
    return {**row, "mended": mended / len(wanted)}


def distances(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Means of `SoundErrors` over notes, [note, sample] each."""
    return np.mean([sound_errors(one, other) for one, other in zip(wanted, found, strict=True)], axis=0)


def answered(folder: Path, settings: VaeConfig, wanted: np.ndarray) -> np.ndarray:
    """What a trained model makes of the sounds of voices."""
    variables, found = load_trained(folder, settings), []
    look = spectrogram_renderer(settings.notes, small=settings.small)
    for first in range(0, len(wanted), AT_ONCE):
        rows = np.arange(first, first + AT_ONCE) % len(wanted)  # one size, one compilation
        found.append(answers(variables, settings.size(), settings.vector_form(), look(wanted[rows])))
    return np.concatenate(found)[: len(wanted)]


def by_ear(wanted: np.ndarray, notes: Notes) -> dict[str, np.ndarray]:
    """What the project's own ear makes of some notes, uint8 [voice, 155] each.

    Its likeliest voice, the value of each parameter in turn; and of `DRAWN` draws the one that the search's perceptual
    distance puts nearest to the notes.
    """
    label = f"ear, {len(notes)} note{'s' * (len(notes) > 1)}"
    found = {f"{label}, likeliest": [], f"{label}, best of {DRAWN}": []}
    hands = tuple(NoteEvent(key, velocity, HELD_S) for key, velocity in notes)
    f0_hz, held_s = midi_to_hz(np.array([hand.key for hand in hands])), np.full(len(hands), HELD_S)
    short = round(SPAN_S * RATE) - SAMPLES
    for sounds in play_notes(wanted, notes):
        audible_parameters = NoteInputs(
            batch_spectrograms(np.pad(sounds, ((0, 0), (0, short))), f0_hz, held_s), np.array(hands, np.float32)
        )
        pairs = zip(sounds, hands, strict=True)
        audition = Objective(tuple(NoteTarget(sound[:LONGEST], RATE, hand, SAMPLES / RATE) for sound, hand in pairs))
        drawn = shipped().propose(audible_parameters, DRAWN, temperature=WARM)
        [likeliest] = shipped().propose(audible_parameters, 1, temperature=COLD)
        for rows, choice in zip(found.values(), (likeliest, drawn[audition.distances(drawn).argmin()]), strict=True):
            rows.append(choice)
    return {name: np.array(rows) for name, rows in found.items()}


def tabulate(arguments: argparse.Namespace) -> None:
    """Compare all that was trained."""
    chosen = targets(np.load(arguments.run / "test.npy"), arguments.targets)
    plain = vector_form("NumCat++")
    average = plain.to_vced(plain.to_vectors(np.load(arguments.run / "train.npy")).mean(axis=0))
    rows: dict[str, dict[str, Any]] = {}
    rows["constant"] = compare(plain.says(chosen), np.tile(average, (len(chosen), 1)))
    for path in sorted((arguments.run / "published").glob(f"*/{CHECKPOINT}")):
        settings = VaeConfig(**json.loads((path.parent / "settings.json").read_text())["settings"])
        wanted = settings.vector_form().says(chosen)
        rows[path.parent.name] = compare(wanted, answered(path.parent, settings, wanted))
        print(f"{path.parent.name}: compared", flush=True)
    # The ear leaves out what is not heard and sorts operators that may trade places; so do the voices it is asked for.
    wanted = to_vced(to_tokens(plain.says(chosen)))
    for notes in (ONE_NOTE, SEVERAL):
        rows |= {name: compare(wanted, found) for name, found in by_ear(wanted, notes).items()}
    names = list(rows["constant"])
    print(f"\n| {len(chosen)} targets | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for label, row in rows.items():
        print(f"| {label} | {' | '.join(f'{row[name]:.3g}' for name in names)} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


def main() -> None:
    """One of both commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help="train one combination")
    training.set_defaults(do=learn)
    training.add_argument("run", type=Path)
    training.add_argument("--form", choices=FORM_NAMES, default=VaeConfig.form)
    training.add_argument("--transpose", action="store_true", help="learn it, too")
    training.add_argument("--head", choices=HEAD_NAMES, default=VaeConfig.head)
    training.add_argument("--six-notes", action="store_true")
    training.add_argument("--small", action="store_true", help="small convolutions on coarse spectrograms")
    training.add_argument("--rate", type=float, default=VaeConfig.learning_rate, help="learning rate")
    training.add_argument("--steps", type=int, default=VaeConfig.steps)
    training.add_argument("--until", type=int, help="step to stop after; the same command without it goes on")
    training.add_argument("--batch", type=int, default=VaeConfig.batch)
    training.add_argument("--every", type=int, default=VaeConfig.measured_every, help="steps between measurements")
    training.add_argument("--measured", type=int, default=VaeConfig.measured, help="held-out voices to measure on")
    training.add_argument("--voices", type=int, help="to learn from; all if not given")
    training.add_argument("--seed", type=int, default=VaeConfig.seed)
    table = commands.add_parser("table", help="compare what was trained")
    table.set_defaults(do=tabulate)
    table.add_argument("run", type=Path)
    table.add_argument("--targets", type=int, default=100)
    table.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
