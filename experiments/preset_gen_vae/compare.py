"""Train copies of the published model on our voices, and compare them with each other and with the preset model.

    python experiments/encoder/split.py --shared ../shared -o runs/encoder
    python experiments/preset_gen_vae/compare.py train runs/encoder --form NumCat++ --head flow [--six-notes]
        [--steps N] [--small --rate 5e-4 --voices 5000 --batch 32]
    python experiments/preset_gen_vae/compare.py table runs/encoder [--targets 100] [--json FILE]

`train` trains one combination of form, head and notes, or resumes its run, in a folder of its own under
`runs/encoder/preset_gen_vae`. With `--small` the convolutions have a ninth of the weights and take spectrograms
averaged over 4 x 4 frames and bands, which a file keeps for the next epoch and for other combinations: for a laptop.
All else is as published.

`table` lets all trained models predict the voices of the same sounds of held-out voices and compares the published
metrics: error of numbers (parts of their range) and share of correct categories, over all parameters, over those of
note and velocity, and over audible ones; then distances of sounds on six notes (log-spectral distance, spectral
convergence, MFCC-13 and MFCC-40), as predicted and after a pitch estimate corrected the tuning. A model of a form
without transpose has an easier task: its targets are rendered untransposed. "Constant" predicts the mean voice for
every sound. "Preset model" is ddx7's own, with one note of the same sounds, and with four of the six.
"""

import argparse
import json
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

sys.path.insert(0, str(Path(__file__).parents[1]))
from ddx7.audio import midi_to_hz
from ddx7.encoder.examples import batch_spectrograms
from ddx7.encoder.sampler import NoteInputs, load_default
from ddx7.encoder.spectrogram import SPAN_S
from ddx7.encoder.tokens import to_tokens, to_vced
from ddx7.matching.objective import LENGTHS, UNIT, NoteEvent, NoteTarget, Objective
from ddx7.matching.objective import RATE as OBJECTIVE_RATE
from preset_gen_vae.metrics import SoundErrors, parameter_errors, sound_errors, tune_voice
from preset_gen_vae.model import HEAD_NAMES
from preset_gen_vae.spectrogram import HELD_S, ONE_NOTE, RATE, SAMPLES, SIX_NOTES, Notes, render_notes
from preset_gen_vae.training import (
    WEIGHTS,
    SpectrogramFn,
    VaeConfig,
    count_parameters,
    load_trained,
    predict_voices,
    spectrogram_fn,
    train,
)
from preset_gen_vae.vector_form import FORM_NAMES, audible_parameters, vector_form

FOLDER = "preset_gen_vae"
QUIET = 1e-3
"""Highest peak of a voice that is no target: 40 dB below one carrier at full level."""
CHUNK = 16
"""Targets of one batch."""
N_SAMPLES = 16
"""Voices that the preset model samples for a sound."""
SAMPLING_TEMPERATURE, ARGMAX_TEMPERATURE = 0.6, 1e-3
"""Temperatures: that of `match`, and one that takes the most probable value each time."""
LONGEST = LENGTHS[-1] * UNIT * RATE // OBJECTIVE_RATE
"""Samples of the search's longest note, a little more than the rendered ones."""
FOUR_NOTES: Notes = ((40, 85), (60, 42), (60, 127), (70, 85))
"""Of `SIX_NOTES`, as many as the preset model takes: the lowest and highest note, the lowest and highest velocity."""
TUNED_BY = SIX_NOTES.index(ONE_NOTE[0])


def run_name(config: VaeConfig) -> str:
    """Folder of a combination."""
    words = [config.form.lower().replace(" ", "-"), config.head, f"{len(config.notes)}-note"]
    return "-".join(words + ["transpose"] * config.transpose)


def train_command(arguments: argparse.Namespace) -> None:
    """Train one combination."""
    voices, held_out = (np.load(arguments.run / f"{name}.npy") for name in ("train", "test"))
    config = VaeConfig(
        form=arguments.form,
        transpose=arguments.transpose,
        head=arguments.head,
        several_notes=arguments.six_notes,
        small=arguments.small,
        learning_rate=arguments.rate,
        steps=arguments.steps,
        batch=min(arguments.batch, arguments.voices or len(voices)),
        evaluate_every=arguments.every,
        evaluated=min(arguments.measured, arguments.voices or len(held_out)),
        seed=arguments.seed,
    )
    folder = arguments.run / FOLDER / run_name(config)
    voices, held_out = voices[: arguments.voices], held_out[: config.evaluated]
    print(f"{folder}: {len(voices):,} voices, {config.steps:,} steps of {config.batch}", flush=True)
    compute = spectrogram_fn(config.notes, small=config.small)
    if config.small:
        transposition = "transposed" if config.transpose else "untransposed"
        path = folder.parent / f"spectrograms-{transposition}-{len(config.notes)}-{len(voices)}.npy"
        compute = cached(compute, config, np.concatenate([voices, held_out]), path)
    fitted = train(
        voices,
        held_out,
        folder,
        config,
        compute_spectrograms=compute,
        progress=print_metrics,
        stop_after=arguments.until,
    )
    print(", ".join(f"{part} {n:,}" for part, n in count_parameters(fitted.state.params).items()))


def cached(compute: SpectrogramFn, config: VaeConfig, voices: np.ndarray, path: Path) -> SpectrogramFn:
    """A function that keeps its spectrograms in a file, for the next epoch and for other models.

    Args:
      compute: spectrograms of voices that the file does not hold yet.
      config: of the model.
      voices: all voices of the run, uint8 [voice, 155].
      path: of the file, in half precision.
    """
    row_of = {voice.tobytes(): row for row, voice in enumerate(config.vector_form().restrict(voices))}
    shape = (len(voices), len(config.notes), *config.size().conv.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    cache = np.lib.format.open_memmap(path, "r+" if path.exists() else "w+", np.float16, shape)

    def lookup(vced: np.ndarray) -> Array:
        rows = [row_of[voice.tobytes()] for voice in vced]
        if not cache[rows].any(axis=(1, 2, 3)).all():  # no spectrogram is zero everywhere
            cache[rows] = compute(vced)
        return jnp.asarray(cache[rows], jnp.float32)

    return lookup


def print_metrics(metrics: dict[str, float]) -> None:
    """Print one line for each evaluation."""
    print(" ".join(f"{name} {value:.4g}" for name, value in metrics.items()), flush=True)


def choose_targets(voices: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """Held-out voices that are audible on every note, uint8 [voice, 155]."""
    voices, chosen = voices[np.random.default_rng(seed).permutation(len(voices))], []
    for first in range(0, len(voices), CHUNK):
        chunk = voices[first : first + CHUNK]
        chosen += list(chunk[(np.abs(render_notes(chunk, SIX_NOTES)).max(axis=-1) > QUIET).all(axis=1)])
        if len(chosen) >= n:
            break
    return np.array(chosen[:n])


def compare(target: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """One row of the table, for target and estimated voices, uint8 [voice, 155] each."""
    errors = parameter_errors(target, estimate)
    audible = parameter_errors(target, estimate, audible_parameters(target))
    row = {
        "numbers": errors.numbers,
        "categories": errors.categories,
        "numbers (played)": errors.played_numbers,
        "categories (played)": errors.played_categories,
        "numbers (heard)": audible.numbers,
        "categories (heard)": audible.categories,
    }
    as_is, in_tune, n_corrected = [], [], 0
    for target_voice, voice in zip(target, estimate, strict=True):
        target_audio, audio = render_notes(np.stack([target_voice, voice]), SIX_NOTES)
        tuned = tune_voice(voice, target_audio, audio, SIX_NOTES, first=TUNED_BY)
        as_is.append(mean_sound_errors(target_audio, audio))
        corrected = bool((tuned != voice).any())
        tuned_audio = render_notes(tuned[None], SIX_NOTES)[0] if corrected else audio
        in_tune.append(mean_sound_errors(target_audio, tuned_audio) if corrected else as_is[-1])
        n_corrected += corrected
    for label, rows in (("", as_is), (" (tuned)", in_tune)):
        means = np.mean(rows, axis=0)
        row.update({name + label: float(mean) for name, mean in zip(SoundErrors._fields, means, strict=True)})
    return {**row, "corrected": n_corrected / len(target)}


def mean_sound_errors(target: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Means of `SoundErrors` over notes, [note, sample] each."""
    return np.mean([sound_errors(a, b) for a, b in zip(target, estimate, strict=True)], axis=0)


def vae_voices(folder: Path, target: np.ndarray) -> np.ndarray:
    """A trained model's voices for the sounds of target voices, uint8 [voice, 155]."""
    variables, config = load_trained(folder)
    compute, estimates = spectrogram_fn(config.notes, small=config.small), []
    for first in range(0, len(target), CHUNK):
        rows = np.arange(first, first + CHUNK) % len(target)  # one shape, one compilation
        estimates.append(predict_voices(variables, config.size(), config.vector_form(), compute(target[rows])))
    return np.concatenate(estimates)[: len(target)]


def preset_model_voices(target: np.ndarray, notes: Notes) -> dict[str, np.ndarray]:
    """The preset model's voices for some notes of target voices, uint8 [voice, 155] each.

    Its likeliest voice takes the most probable value of each token in turn. Its best is the one of `N_SAMPLES` that the
    search's perceptual distance puts nearest to the notes.
    """
    label = f"preset model, {len(notes)} note{'s' * (len(notes) > 1)}"
    rows: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    events = tuple(NoteEvent(note, velocity, HELD_S) for note, velocity in notes)
    f0_hz, gate_s = midi_to_hz(np.array([note for note, _ in notes])), np.full(len(notes), HELD_S)
    missing = round(SPAN_S * RATE) - SAMPLES
    for sounds in render_notes(target, notes):
        spectrograms = batch_spectrograms(np.pad(sounds, ((0, 0), (0, missing))), np.asarray(f0_hz), gate_s)
        inputs = NoteInputs(spectrograms, np.array(events, np.float32))
        pairs = zip(sounds, events, strict=True)
        length_s = SAMPLES / RATE
        objective = Objective(tuple(NoteTarget(x[:LONGEST], RATE, event, length_s, length_s) for x, event in pairs))
        sampled = load_default().sample(inputs, N_SAMPLES, temperature=SAMPLING_TEMPERATURE)
        rows[0].append(load_default().sample(inputs, 1, temperature=ARGMAX_TEMPERATURE)[0])
        rows[1].append(sampled[objective.distances(sampled).argmin()])
    return {f"{label}, likeliest": np.array(rows[0]), f"{label}, best of {N_SAMPLES}": np.array(rows[1])}


def table_command(arguments: argparse.Namespace) -> None:
    """Compare all trained models."""
    chosen = choose_targets(np.load(arguments.run / "test.npy"), arguments.targets)
    form = vector_form("NumCat++")
    mean_voice = form.to_vced(form.to_vectors(np.load(arguments.run / "train.npy")).mean(axis=0))
    rows = {"constant": compare(form.restrict(chosen), np.tile(mean_voice, (len(chosen), 1)))}
    for path in sorted((arguments.run / FOLDER).glob(f"*/{WEIGHTS}")):
        target = load_trained(path.parent)[1].vector_form().restrict(chosen)
        rows[path.parent.name] = compare(target, vae_voices(path.parent, target))
        print(f"{path.parent.name}: compared", flush=True)
    # The preset model leaves out inaudible bytes and sorts interchangeable operators; so do its targets.
    target = to_vced(to_tokens(form.restrict(chosen)))
    for notes in (ONE_NOTE, FOUR_NOTES):
        rows |= {name: compare(target, estimate) for name, estimate in preset_model_voices(target, notes).items()}
    names = list(rows["constant"])
    print(f"\n| {len(chosen)} targets | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for label, row in rows.items():
        print(f"| {label} | {' | '.join(f'{row[name]:.3g}' for name in names)} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


def main() -> None:
    """Run one of both commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help="train one combination")
    training.set_defaults(do=train_command)
    training.add_argument("run", type=Path)
    training.add_argument("--form", choices=FORM_NAMES, default=VaeConfig.form)
    training.add_argument("--transpose", action="store_true", help="learn transposition, too")
    training.add_argument("--head", choices=HEAD_NAMES, default=VaeConfig.head)
    training.add_argument("--six-notes", action="store_true")
    training.add_argument("--small", action="store_true", help="small convolutions on average-pooled spectrograms")
    training.add_argument("--rate", type=float, default=VaeConfig.learning_rate, help="learning rate")
    training.add_argument("--steps", type=int, default=VaeConfig.steps)
    training.add_argument("--until", type=int, help="step to stop after; the same command without it resumes")
    training.add_argument("--batch", type=int, default=VaeConfig.batch)
    training.add_argument("--every", type=int, default=VaeConfig.evaluate_every, help="steps between evaluations")
    training.add_argument("--measured", type=int, default=VaeConfig.evaluated, help="held-out voices of an evaluation")
    training.add_argument("--voices", type=int, help="training voices; all if not given")
    training.add_argument("--seed", type=int, default=VaeConfig.seed)
    table = commands.add_parser("table", help="compare what was trained")
    table.set_defaults(do=table_command)
    table.add_argument("run", type=Path)
    table.add_argument("--targets", type=int, default=100)
    table.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
