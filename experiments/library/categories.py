"""Train the classifier of categories on voices whose names tell them.

    python experiments/library/categories.py CORPUS.npz RUN

CORPUS.npz holds `voices`, uint8 [voice, 128], and `family`, int32 [voice], the near-duplicate cluster, as `ddx7 corpus
scan` writes them. RUN keeps the measures of all voices, so that a second run starts at once, and gets
categories.safetensors with its card and the table of scores. A tenth of the clusters is held out: half of it selects
the limits, the other half gives the scores.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ddx7.library import CATEGORIES, categories_of_name, measure_voices
from ddx7.library.classify import features, save_classifier
from ddx7.library.corpus import names_of
from ddx7.voice.health import clamp
from ddx7.voice.packing import unpack

HIDDEN, BATCH, EPOCHS, RATE, DECAY, DROPOUT, SMOOTHING = 96, 256, 24, 2e-3, 0.03, 0.3, 0.05
SEED = 0


def main() -> None:
    """Measure, train, evaluate and write."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("run", type=Path)
    given = arguments.parse_args()
    with np.load(given.corpus) as file:
        vced, cluster = clamp(unpack(file["voices"])), file["family"]
    measures = measure_voices(
        vced, folder=given.run / "measures", progress=lambda done, n: print(f"measured {done:,} of {n:,}")
    )
    labels = np.array([[c in categories_of_name(name) for c in CATEGORIES] for name in names_of(vced)])
    usable = labels.any(1) & (measures.long_peak > 1e-3)
    x, y, cluster = features(vced, measures)[usable], labels[usable].astype(np.float32), cluster[usable]

    rng = np.random.default_rng(SEED)
    ids = rng.permutation(np.unique(cluster))
    tenth = len(ids) // 20
    tune, test = np.isin(cluster, ids[:tenth]), np.isin(cluster, ids[tenth : 2 * tenth])
    training = ~(tune | test)
    mean, scale = x[training].mean(0), x[training].std(0) + 1e-3
    z = np.clip((x - mean) / scale, -6, 6)
    params = train(z[training], y[training], z[tune], y[tune])
    limit = best_limits(predict(params, z[tune]), y[tune])
    params |= {"mean": mean, "scale": scale, "limit": limit}
    table, summary = scores(predict(params, z[test]), y[test] > 0, limit)
    print(table)
    card = {
        "what": "categories of DX7 voices from their parameters and two notes",
        "data": "names of voices from public collections; near-duplicates of held-out ones left out",
        "command": "python experiments/library/categories.py CORPUS.npz RUN",
        "licence": "Apache-2.0",
        "voices": int(training.sum()),
        "held_out": int(test.sum()),
        "epochs": EPOCHS,
        **summary,
    }
    save_classifier(given.run / "categories.safetensors", params, card)
    (given.run / "scores.md").write_text(table)
    print(json.dumps({k: v for k, v in card.items() if k != "scores"}, indent=2))


def train(x: np.ndarray, y: np.ndarray, x_tune: np.ndarray, y_tune: np.ndarray) -> dict[str, np.ndarray]:
    """Minimise the cross entropy of all categories with Adam."""
    key = jax.random.key(SEED)
    n_in, n_out = x.shape[1], y.shape[1]
    params = {
        "hidden": jax.random.normal(key, (n_in, HIDDEN)) * np.sqrt(2 / n_in),
        "hidden_bias": jnp.zeros(HIDDEN),
        "out": jax.random.normal(jax.random.fold_in(key, 1), (HIDDEN, n_out)) * np.sqrt(1 / HIDDEN),
        "out_bias": jnp.log(y.mean(0) / (1 - y.mean(0))),
    }
    n_steps = EPOCHS * (len(x) // BATCH)
    schedule = optax.cosine_decay_schedule(RATE, n_steps)
    optimiser = optax.adamw(schedule, weight_decay=DECAY)

    @jax.jit
    def step(params, opt_state, x, y, key):
        def loss(w):
            keep = jax.random.bernoulli(key, 1 - DROPOUT, (len(x), HIDDEN)) / (1 - DROPOUT)
            logits = jnp.maximum(x @ w["hidden"] + w["hidden_bias"], 0) * keep @ w["out"] + w["out_bias"]
            return optax.sigmoid_binary_cross_entropy(logits, y * (1 - SMOOTHING) + SMOOTHING * y.mean()).sum(-1).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimiser.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    opt_state = optimiser.init(params)
    rng = np.random.default_rng(SEED)
    n = 0
    for epoch in range(EPOCHS):
        losses = []
        for rows in np.array_split(rng.permutation(len(x))[: len(x) // BATCH * BATCH], len(x) // BATCH):
            params, opt_state, value = step(params, opt_state, x[rows], y[rows], jax.random.fold_in(key, 2 + n))
            losses.append(value)
            n += 1
        probabilities = predict({k: np.asarray(v) for k, v in params.items()}, x_tune)
        entropy = (
            -(y_tune * np.log(probabilities + 1e-9) + (1 - y_tune) * np.log(1 - probabilities + 1e-9)).sum(1).mean()
        )
        print(f"epoch {epoch + 1}: {float(np.mean(losses)):.3f}, held out {entropy:.3f}", flush=True)
    return {name: np.asarray(value) for name, value in params.items()}


def predict(params: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Probabilities [voice, category]."""
    hidden = np.maximum(x @ params["hidden"] + params["hidden_bias"], 0)
    return 1 / (1 + np.exp(-(hidden @ params["out"] + params["out_bias"])))


def best_limits(probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The limit of each category's probability that gives the best F1."""
    candidates = np.linspace(0.1, 0.7, 61)
    hits = probabilities[None] >= candidates[:, None, None]
    truth = y[None] > 0
    f1 = 2 * (hits & truth).sum(1) / np.maximum(hits.sum(1) + truth.sum(1), 1)
    return candidates[f1.argmax(0)].astype(np.float32)


def scores(probabilities: np.ndarray, y: np.ndarray, limit: np.ndarray) -> tuple[str, dict]:
    """A table of precision and recall, and scores for the card."""
    chosen = probabilities >= limit
    chosen[np.arange(len(chosen)), (probabilities / limit).argmax(1)] = True
    top = (probabilities / limit).argmax(1)
    agreed = y[np.arange(len(y)), top].mean()
    lines = ["| category | named | chosen | precision | recall |", "|---|---|---|---|---|"]
    each = {}
    for k, name in enumerate(CATEGORIES):
        both = (chosen[:, k] & y[:, k]).sum()
        precision, recall = both / max(chosen[:, k].sum(), 1), both / max(y[:, k].sum(), 1)
        lines.append(f"| {name} | {y[:, k].sum()} | {chosen[:, k].sum()} | {precision:.2f} | {recall:.2f} |")
        each[name] = {"precision": round(float(precision), 3), "recall": round(float(recall), 3)}
    precision, recall = (chosen & y).sum() / chosen.sum(), (chosen & y).sum() / y.sum()
    lines.append(f"| all | {y.sum()} | {chosen.sum()} | {precision:.2f} | {recall:.2f} |")
    summary = {
        "likeliest_is_named": round(float(agreed), 3),
        "precision": round(float(precision), 3),
        "recall": round(float(recall), 3),
        "scores": each,
    }
    return "\n".join(lines) + "\n", summary


if __name__ == "__main__":
    main()
