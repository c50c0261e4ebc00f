"""Scores of generated voices, beside real ones and simple ways to make voices.

    python experiments/generation/split.py --shared ../shared runs/gan
    python experiments/generation/train.py runs/gan
    python experiments/generation/table.py runs/gan [--voices 1024] [--weights FILE] [--vae FILE] [--json FILE]

Columns, for sets of voices against held-out real ones (near-duplicate clusters are not divided, see `split.py`):

- valid: share whose bytes are legal and survive a file; unique: share of different sounds;
- copies: share that has four or more audible operators in common with one training voice;
- precision, recall, density, coverage (Naeem et al., 2020; `ddx7.generation.prdc`), by parameters and by sound;
- AUC of a cross-validated forest that separates the voices from held-out ones: 0.5 by chance, 1 always;
- rejected: share rejected by screening or by health checks (`ddx7.library.screening`).

The second table has the share of voices that meet a requested condition, by a classifier of sounds that learned from
real voices only. Between them stands the share of rejected voices with an operator in the wrong frequency mode.

`--vae` is a run of `train.py --steps 1600 --name vae`, which ends before the critic starts: a variational autoencoder
in which each byte is a class. NeuralDX7 takes its likeliest values; drawn values are those of the generator before
adversarial training. `--noise 8` is NeuralDX7's size.
"""

import argparse
import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ddx7.generation.gan.conditions import YES, describe_conditions
from ddx7.generation.gan.data import coarse_log_mels, is_clean, named_categories
from ddx7.generation.gan.representation import parameter_vectors
from ddx7.generation.gan.voice_generator import WEIGHTS, VoiceGenerator, load_weights
from ddx7.generation.generate import GenerationRequest, make_bank
from ddx7.generation.prdc import prdc
from ddx7.library.canonical import canonical, sound_key
from ddx7.library.categories import CATEGORIES
from ddx7.library.screening import measure_voices
from ddx7.voice.packing import VCED_COLUMNS, in_range, pack, random_vced, rows, unpack
from ddx7.voice.symmetry import OPERATOR_COLUMNS, sorted_operators

SHARED_OPERATORS = 4
TREES = 150
UNCLEAR = ("effect", "other")
"""Categories without a common sound, which the second table leaves out."""


class RealVoices(NamedTuple):
    """Training voices, uint8 [voice, 155], with coarse log-mels [voice, 576], and two parts of the held-out voices."""

    train: np.ndarray
    train_sound: np.ndarray
    test: np.ndarray
    test_sound: np.ndarray
    other: np.ndarray


def load(run: Path, n: int) -> RealVoices:
    """The voices of `split.py`; at most n of either part of the held-out ones."""
    arrays = {name: np.load(run / f"{name}.npy") for name in ("train", "train_sound", "test", "test_sound", "human")}
    order = np.random.default_rng(0).permutation(len(arrays["test"]))
    half = order[: min(n, len(order) // 2)]
    rest = order[len(order) // 2 :][:n]
    return RealVoices(
        arrays["train"], arrays["train_sound"], arrays["test"][half], arrays["test_sound"][half], arrays["test"][rest]
    )


def marginals(rng: np.random.Generator, real: np.ndarray, n: int) -> np.ndarray:
    """Voices with every byte of another real voice, after sorting their operators."""
    ordered = sorted_operators(canonical(real))
    picked = rng.integers(len(real), size=(n, ordered.shape[1]))
    return ordered[picked, np.arange(ordered.shape[1])]


def crossed(rng: np.random.Generator, real: np.ndarray, n: int) -> np.ndarray:
    """Voices with the first bytes of one real voice and the rest of another."""
    first, second = real[rng.integers(len(real), size=(2, n))]
    cut = rng.integers(1, real.shape[1] - 10, (n, 1))
    return np.where(np.arange(real.shape[1]) < cut, first, second)


def owners_of(real: np.ndarray) -> dict[bytes, set[int]]:
    """Real voices that contain each audible operator."""
    owners: dict[bytes, set[int]] = defaultdict(set)
    for k, voice in enumerate(canonical(real)[:, OPERATOR_COLUMNS]):
        for operator in voice:
            if operator.any():
                owners[operator.tobytes()].add(k)
    return owners


def copies(vced: np.ndarray, owners: Mapping[bytes, set[int]]) -> np.ndarray:
    """Which voices have at least `SHARED_OPERATORS` audible operators in common with one real voice, bool [voice]."""
    result = []
    for voice in canonical(vced)[:, OPERATOR_COLUMNS]:
        shared = Counter(k for operator in {o.tobytes() for o in voice if o.any()} for k in owners.get(operator, ()))
        result.append(bool(shared) and max(shared.values()) >= SHARED_OPERATORS)
    return np.array(result)


def separability(a: np.ndarray, b: np.ndarray) -> float:
    """Area under the ROC curve of a cross-validated classifier between two sets of points."""
    points, labels = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    trees = RandomForestClassifier(TREES, random_state=0)
    return float(roc_auc_score(labels, cross_val_predict(trees, points, labels, cv=3, method="predict_proba")[:, 1]))


def score(
    vced: np.ndarray, real: RealVoices, owners: Mapping[bytes, set[int]], intended: np.ndarray | None
) -> dict[str, float]:
    """One row of the table; the voices have the intended categories, or those of their names."""
    n = min(len(vced), len(real.test))
    vced, measures = vced[:n], measure_voices(vced[:n])
    # In half precision, as the stored ones are: trees would separate rounded numbers from others.
    sound = coarse_log_mels(measures).astype(real.test_sound.dtype).astype(np.float32)
    points, sounds = (
        (parameter_vectors(real.test), parameter_vectors(vced)),
        (real.test_sound.astype(np.float32), sound),
    )
    row = {
        "valid": float((in_range(vced).all(axis=1) & (unpack(pack(vced)) == vced).all(axis=1)).mean()),
        "unique": len(np.unique(sound_key(vced), axis=0)) / n,
        "copies": float(copies(vced, owners).mean()),
    }
    for label, (target, generated) in (("parameters", points), ("sound", sounds)):
        row |= {f"{name} ({label})": value for name, value in prdc(target, generated)._asdict().items()}
        row[f"AUC ({label})"] = separability(target, generated)
    return row | {"rejected": float(1 - is_clean(vced, measures, None if intended is None else intended[:n]).mean())}


def wrong_modes(vced: np.ndarray, intended: np.ndarray) -> dict[str, float]:
    """How many voices are rejected because one operator has the wrong frequency mode.

    Returns:
      share of the voices that are rejected, and share of these that are accepted after one operator's mode changes.
    """
    is_rejected = ~is_clean(vced, categories=intended)
    rejected = vced[is_rejected]
    candidates, source = [], []
    for k, voice in enumerate(rejected):
        for column in VCED_COLUMNS["fixed"][(canonical(voice[None])[0, VCED_COLUMNS["output_level"]] > 0)]:
            other = voice.copy()
            other[column] ^= 1
            candidates.append(other)
            source.append(k)
    repaired = set()
    if candidates:
        accepted = is_clean(np.array(candidates), categories=intended[is_rejected][source])
        repaired = set(np.array(source)[accepted])
    return {"rejected": len(rejected) / len(vced), "repaired by a flip": len(repaired) / max(len(rejected), 1)}


class SoundClassifier:
    """Classifies sounds; trained on real voices whose names tell one category."""

    def __init__(self, real: RealVoices, n_training: int) -> None:
        named = named_categories(real.train)
        clear = np.array([category not in UNCLEAR for category in CATEGORIES])
        rows = np.flatnonzero((named.sum(axis=1) == 1) & (named & clear).any(axis=1))
        rows = np.random.default_rng(1).permutation(rows)[:n_training]
        network = MLPClassifier((192,), alpha=1e-2, early_stopping=len(rows) > 1000, max_iter=40, random_state=0)
        self.model = make_pipeline(StandardScaler(), network)
        with warnings.catch_warnings():
            # The number of rounds is limited on purpose.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(real.train_sound[rows].astype(np.float32), named[rows].argmax(axis=1))
        self.categories: Sequence[int] = list(network.classes_)

    def accuracy(self, sound: np.ndarray, category: int) -> tuple[float, float]:
        """Share of sounds of which a category is the likeliest one, and among the three likeliest."""
        if category not in self.categories:
            return np.nan, np.nan
        rank = np.argsort(-self.model.predict_proba(sound), axis=1)
        place = (rank == self.categories.index(category)).argmax(axis=1)
        return float((place == 0).mean()), float((place < 3).mean())


def obedience(generator: VoiceGenerator, real: RealVoices, n: int, n_training: int) -> dict[str, dict[str, float]]:
    """How often voices meet a condition: categories by sound, beside real voices of that name; others by bytes."""
    classifier, shares = SoundClassifier(real, n_training), {}
    named = named_categories(real.test)
    for category, name in enumerate(CATEGORIES):
        if name in UNCLEAR:
            continue
        generated = make_bank(GenerationRequest(n, (name,), seed=11), generator)
        hits = classifier.accuracy(coarse_log_mels(measure_voices(generated.bank.to_vced())), category)
        sounds = real.test_sound[named[:, category]].astype(np.float32)
        reference = classifier.accuracy(sounds, category) if len(sounds) else (np.nan, np.nan)
        shares[name] = {
            "first": hits[0],
            "of three": hits[1],
            "human first": reference[0],
            "human of three": reference[1],
        }
    rng = np.random.default_rng(5)
    algorithms = []
    for algorithm in range(32):
        conditions = generator.condition_prior.sample(rng, 8, algorithm=algorithm)
        algorithms.append((rows(generator.sample(conditions, seed=algorithm)).algorithm == algorithm).mean())
    shares["algorithm"] = {"first": float(np.mean(algorithms))}
    for name in ("sweeping", "fixed"):
        generated = generator.sample(generator.condition_prior.sample(rng, 8 * n, **{name: YES}), seed=3)
        met = describe_conditions(generated, np.zeros((len(generated), len(CATEGORIES)), bool))
        shares[f"{name}, before choosing"] = {"first": float((getattr(met, name) == YES).mean())}
    return shares


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--voices", type=int, default=1024)
    parser.add_argument("--requested", type=int, default=32, help="voices to request of each category")
    parser.add_argument("--training", type=int, default=12_000, help="voices that train the classifier of sounds")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--vae", type=Path)
    parser.add_argument("--json", type=Path)
    tabulate(parser.parse_args())


def tabulate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Generate, measure and print; returns the scores."""
    n, generator = arguments.voices, load_weights(arguments.weights)
    real, rng = load(arguments.run, n), np.random.default_rng(0)
    undamaged = np.load(arguments.run / "human.npy")
    conditions = generator.condition_prior.sample(rng, n)
    sampled, bank = generator.sample(conditions, seed=1), make_bank(GenerationRequest(n, seed=2), generator)
    bank_categories = np.array([[category in some for category in CATEGORIES] for some in bank.categories])
    sets = {
        "human, held out": (real.other, None),
        "GAN, as drawn": (sampled, conditions.categories),
        "GAN, as `ddx7 generate` keeps it": (bank.bank.to_vced(), bank_categories),
        "random fields": (random_vced(rng, n), None),
        "per-field marginals": (marginals(rng, real.train, n), None),
        "one-point crossover": (crossed(rng, real.train, n), None),
    }
    if arguments.vae:
        vae = load_weights(arguments.vae)
        vae_conditions = vae.condition_prior.sample(rng, n)
        sets["VAE, likeliest values"] = (
            vae.sample(vae_conditions, seed=1, temperature=1e-3),
            vae_conditions.categories,
        )
        sets["VAE, drawn values"] = (vae.sample(vae_conditions, seed=1), vae_conditions.categories)
    table, owners = {}, owners_of(real.train)
    for label, (vced, intended) in sets.items():
        row = table[label] = score(vced, real, owners, intended)
        if len(table) == 1:
            print(f"| {n} voices | {' | '.join(row)} |\n|{'---|' * (len(row) + 1)}")
        print(f"| {label} | {' | '.join(f'{value:.3f}' for value in row.values())} |", flush=True)
    undamaged = undamaged[rng.permutation(len(undamaged))[:n]]
    modes = {
        "GAN, as drawn": wrong_modes(sampled, conditions.categories),
        "human, undamaged": wrong_modes(undamaged, named_categories(undamaged)),
    }
    for label, row in modes.items():
        print(f"\n{label}: {', '.join(f'{name} {value:.3f}' for name, value in row.items())}")
    obeyed = obedience(generator, real, arguments.requested, arguments.training)
    print("\n| asked | likeliest guess | among three | human: likeliest | among three |\n|---|---|---|---|---|")
    for name, row in obeyed.items():
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in row.values())} |")
    scores = {"table": table, "modes": modes, "obedience": obeyed}
    if arguments.json:
        arguments.json.write_text(json.dumps(scores, indent=2))
    return scores


if __name__ == "__main__":
    main()
