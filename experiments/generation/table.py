"""How good made voices are, beside human ones and four simple ways to make some.

    python experiments/generation/split.py --shared ../shared runs/gan
    python experiments/generation/train.py runs/gan
    python experiments/generation/table.py runs/gan [--voices 1024] [--weights FILE] [--vae FILE] [--json FILE]

Columns, for voices of each kind beside held-out human ones (families divided, see `split.py`):

- valid: bytes are legal and come back the same from a file; unique: share of different sounds among them;
- copies: share of those that have a training voice with which they share four operators or more that sound;
- precision, recall, density, coverage (Naeem et al., 2020; `ddx7.generation.prdc`), in parameters and in sound;
- AUC: how well a forest, fresh and cross-validated, tells them from the held-out ones: 0.5 not at all, 1 always;
- duds: share that breaks a rule of listening or of health (`ddx7.library.screening`).

Below: how often what was asked is what came, judged by a classifier of sounds that only human voices taught.
Further: whether duds come from operators in the wrong mode. `--vae` is a run of `train.py --steps 1600 --name vae`,
which ends before the critic comes: a variational autoencoder in which each byte is a class. Its likeliest values are
what NeuralDX7 takes; drawn, they are what the generator was before it met the critic. `--noise 8` is NeuralDX7's size.
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
from ddx7.generation.gan.representation import numbers
from ddx7.generation.gan.voice_generator import WEIGHTS, VoiceGenerator, load_weights
from ddx7.generation.generate import make_bank
from ddx7.generation.prdc import prdc
from ddx7.library.canonical import canonical, sound_key
from ddx7.library.categories import CATEGORIES
from ddx7.library.screening import measure_voices
from ddx7.voice.packing import VCED_COLUMNS, in_range, pack, random_vced, rows, unpack
from ddx7.voice.symmetry import OPERATOR_COLUMNS, sorted_operators

SHARED_OPERATORS = 4
TREES = 150
BETWEEN = ("effect", "other")
"""Kinds of sound that are no kind to the ear: left out of what is judged."""


class Human(NamedTuple):
    """Voices uint8 [voice, 155] and their sound [voice, 576], to learn from and two parts of the others."""

    train: np.ndarray
    train_sound: np.ndarray
    test: np.ndarray
    test_sound: np.ndarray
    other: np.ndarray


def load(run: Path, n: int) -> Human:
    """What `split.py` wrote; at most n voices of either part of the others."""
    found = {name: np.load(run / f"{name}.npy") for name in ("train", "train_sound", "test", "test_sound", "human")}
    order = np.random.default_rng(0).permutation(len(found["test"]))
    half = order[: min(n, len(order) // 2)]
    rest = order[len(order) // 2 :][:n]
    return Human(
        found["train"], found["train_sound"], found["test"][half], found["test_sound"][half], found["test"][rest]
    )


def marginals(rng: np.random.Generator, human: np.ndarray, n: int) -> np.ndarray:
    """Voices of which every byte is that of some human voice, each of another; operators sorted before."""
    ordered = sorted_operators(canonical(human))
    picked = rng.integers(len(human), size=(n, ordered.shape[1]))
    return ordered[picked, np.arange(ordered.shape[1])]


def crossed(rng: np.random.Generator, human: np.ndarray, n: int) -> np.ndarray:
    """Voices that begin as one human voice and end, from a byte on, as another."""
    first, second = human[rng.integers(len(human), size=(2, n))]
    cut = rng.integers(1, human.shape[1] - 10, (n, 1))
    return np.where(np.arange(human.shape[1]) < cut, first, second)


def owners_of(human: np.ndarray) -> dict[bytes, set[int]]:
    """In which human voices each operator that sounds is found."""
    owners: dict[bytes, set[int]] = defaultdict(set)
    for k, voice in enumerate(canonical(human)[:, OPERATOR_COLUMNS]):
        for operator in voice:
            if operator.any():
                owners[operator.tobytes()].add(k)
    return owners


def copies(vced: np.ndarray, owners: Mapping[bytes, set[int]]) -> np.ndarray:
    """Which voices share `SHARED_OPERATORS` or more operators that sound with one human voice, bool [voice]."""
    found = []
    for voice in canonical(vced)[:, OPERATOR_COLUMNS]:
        shared = Counter(k for operator in {o.tobytes() for o in voice if o.any()} for k in owners.get(operator, ()))
        found.append(bool(shared) and max(shared.values()) >= SHARED_OPERATORS)
    return np.array(found)


def told_apart(a: np.ndarray, b: np.ndarray) -> float:
    """Area under the curve of a fresh classifier between two sets of points."""
    points, labels = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    trees = RandomForestClassifier(TREES, random_state=0)
    return float(roc_auc_score(labels, cross_val_predict(trees, points, labels, cv=3, method="predict_proba")[:, 1]))


def score(
    vced: np.ndarray, human: Human, owners: Mapping[bytes, set[int]], meant: np.ndarray | None
) -> dict[str, float]:
    """One row of the table, of voices meant to be of some categories, or of those of their names."""
    n = min(len(vced), len(human.test))
    vced, heard = vced[:n], measure_voices(vced[:n])
    # In half precision, as the others are kept: trees would tell rounded numbers from others.
    sound = coarse_log_mels(heard).astype(human.test_sound.dtype).astype(np.float32)
    points, sounds = (numbers(human.test), numbers(vced)), (human.test_sound.astype(np.float32), sound)
    row = {
        "valid": float((in_range(vced).all(axis=1) & (unpack(pack(vced)) == vced).all(axis=1)).mean()),
        "unique": len(np.unique(sound_key(vced), axis=0)) / n,
        "copies": float(copies(vced, owners).mean()),
    }
    for label, (real, made) in (("parameters", points), ("sound", sounds)):
        row |= {f"{name} ({label})": value for name, value in prdc(real, made)._asdict().items()}
        row[f"AUC ({label})"] = told_apart(real, made)
    return row | {"duds": float(1 - is_clean(vced, heard, None if meant is None else meant[:n]).mean())}


def flipped(vced: np.ndarray, meant: np.ndarray) -> dict[str, float]:
    """How many duds are so because an operator has the wrong mode: flipping one between ratio and fixed mends them.

    Returns:
      share of the voices that are duds, and share of these duds that a flip mends.
    """
    broken = ~is_clean(vced, categories=meant)
    duds = vced[broken]
    tried, of = [], []
    for k, voice in enumerate(duds):
        for column in VCED_COLUMNS["fixed"][(canonical(voice[None])[0, VCED_COLUMNS["output_level"]] > 0)]:
            other = voice.copy()
            other[column] ^= 1
            tried.append(other)
            of.append(k)
    mended = set(np.array(of)[is_clean(np.array(tried), categories=meant[broken][of])]) if tried else set()
    return {"duds": len(duds) / len(vced), "mended by a flip": len(mended) / max(len(duds), 1)}


class Judge:
    """Says of sounds what kind they are; taught by human voices whose names say one kind."""

    def __init__(self, human: Human, most: int) -> None:
        kinds = named_categories(human.train)
        judged = np.array([kind not in BETWEEN for kind in CATEGORIES])
        sure = np.flatnonzero((kinds.sum(axis=1) == 1) & (kinds & judged).any(axis=1))
        sure = np.random.default_rng(1).permutation(sure)[:most]
        network = MLPClassifier((192,), alpha=1e-2, early_stopping=len(sure) > 1000, max_iter=40, random_state=0)
        self.model = make_pipeline(StandardScaler(), network)
        with warnings.catch_warnings():
            # That it ends after so many rounds, converged or not, is meant.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(human.train_sound[sure].astype(np.float32), kinds[sure].argmax(axis=1))
        self.kinds: Sequence[int] = list(network.classes_)

    def hits(self, sound: np.ndarray, kind: int) -> tuple[float, float]:
        """Share of sounds of which a kind is the likeliest guess, and one of the three likeliest."""
        if kind not in self.kinds:
            return np.nan, np.nan
        rank = np.argsort(-self.model.predict_proba(sound), axis=1)
        place = (rank == self.kinds.index(kind)).argmax(axis=1)
        return float((place == 0).mean()), float((place < 3).mean())


def obedience(maker: VoiceGenerator, human: Human, n: int, most: int) -> dict[str, dict[str, float]]:
    """How often what is asked comes: kinds of sound beside human voices so named, and the rest by its bytes."""
    judge, found = Judge(human, most), {}
    named = named_categories(human.test)
    for kind, name in enumerate(CATEGORIES):
        if name in BETWEEN:
            continue
        made = make_bank(n, category=name, seed=11, maker=maker)
        hits = judge.hits(coarse_log_mels(measure_voices(made.bank.to_vced())), kind)
        real = human.test_sound[named[:, kind]].astype(np.float32)
        true = judge.hits(real, kind) if len(real) else (np.nan, np.nan)
        found[name] = {"first": hits[0], "of three": hits[1], "human first": true[0], "human of three": true[1]}
    rng = np.random.default_rng(5)
    algorithms = []
    for algorithm in range(32):
        asked = maker.habits.draw(rng, 8, algorithm=algorithm)
        algorithms.append((rows(maker.make(asked, seed=algorithm)).algorithm == algorithm).mean())
    found["algorithm"] = {"first": float(np.mean(algorithms))}
    for name in ("sweeping", "fixed"):
        made = maker.make(maker.habits.draw(rng, 8 * n, **{name: YES}), seed=3)
        true = describe_conditions(made, np.zeros((len(made), len(CATEGORIES)), bool))
        found[f"{name}, before choosing"] = {"first": float((getattr(true, name) == YES).mean())}
    return found


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--voices", type=int, default=1024)
    parser.add_argument("--asked", type=int, default=32, help="voices asked for of each kind")
    parser.add_argument("--taught", type=int, default=12_000, help="voices that teach the judge of kinds")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--vae", type=Path)
    parser.add_argument("--json", type=Path)
    tabulate(parser.parse_args())


def tabulate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make, measure, print; what was measured."""
    n, maker = arguments.voices, load_weights(arguments.weights)
    human, rng = load(arguments.run, n), np.random.default_rng(0)
    undamaged = np.load(arguments.run / "human.npy")
    asked = maker.habits.draw(rng, n)
    made, kept = maker.make(asked, seed=1), make_bank(n, seed=2, maker=maker)
    of_kept = np.array([[kind in kinds for kind in CATEGORIES] for kinds in kept.kinds])
    sets = {
        "human, held out": (human.other, None),
        "GAN, as drawn": (made, asked.categories),
        "GAN, as `ddx7 generate` keeps it": (kept.bank.to_vced(), of_kept),
        "random fields": (random_vced(rng, n), None),
        "per-field marginals": (marginals(rng, human.train, n), None),
        "one-point crossover": (crossed(rng, human.train, n), None),
    }
    if arguments.vae:
        vae = load_weights(arguments.vae)
        wished = vae.habits.draw(rng, n)
        sets["VAE, likeliest values"] = (vae.make(wished, seed=1, temperature=1e-3), wished.categories)
        sets["VAE, drawn values"] = (vae.make(wished, seed=1), wished.categories)
    table, owners = {}, owners_of(human.train)
    for label, (vced, meant) in sets.items():
        row = table[label] = score(vced, human, owners, meant)
        if len(table) == 1:
            print(f"| {n} voices | {' | '.join(row)} |\n|{'---|' * (len(row) + 1)}")
        print(f"| {label} | {' | '.join(f'{value:.3f}' for value in row.values())} |", flush=True)
    undamaged = undamaged[rng.permutation(len(undamaged))[:n]]
    modes = {
        "GAN, as drawn": flipped(made, asked.categories),
        "human, undamaged": flipped(undamaged, named_categories(undamaged)),
    }
    for label, row in modes.items():
        print(f"\n{label}: {', '.join(f'{name} {value:.3f}' for name, value in row.items())}")
    obeyed = obedience(maker, human, arguments.asked, arguments.taught)
    print("\n| asked | likeliest guess | among three | human: likeliest | among three |\n|---|---|---|---|---|")
    for name, row in obeyed.items():
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in row.values())} |")
    found = {"table": table, "modes": modes, "obedience": obeyed}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))
    return found


if __name__ == "__main__":
    main()
