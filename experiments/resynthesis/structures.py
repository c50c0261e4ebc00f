"""Search for the DX7 structure that plays an instrument best, over algorithms, frequencies and feedback.

The score of a structure needs no network: on a few seconds of recordings its operators have free levels every 16 ms,
which gradient descent through the engine finds. No network reaches what free levels cannot. The search mutates the best
structures and scores them again. Every structure is legal on a DX7.

    python experiments/resynthesis/structures.py DATA --instrument flute -o structures_flute.json
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ddx7.audio.features import HOP
from ddx7.audio.spectral_loss import THREE, multi_scale_distance
from ddx7.engine.operators import OUTPUT_SCALE, initial_state, synthesise
from ddx7.engine.tables import FEEDBACK
from ddx7.files import atomic_write
from ddx7.resynthesis.dataset import Segment, crop, load_segments
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.recordings import find_recordings
from ddx7.resynthesis.structure import FULL_INDEX, PAPER, TURN, Structure, from_voice, with_feedback
from ddx7.voice import Operator, Voice
from ddx7.voice.algorithms import FEEDBACK_OPERATOR

CROPS, FRAMES, KNOT = 4, 256, 4
AT_ONCE = 8
STEPS, RATE = 80, 0.15
KEPT = 6
WHOLE = (*[1] * 6, *[2] * 4, 3, 3, 4, 5, 6, 7, 8, 10, 12, 14)
NOISE_HZ = (300, 9000)


def draw(rng: np.random.Generator) -> Structure:
    """A structure as a programmer might begin one: mostly whole ratios, often noise from feedback."""
    voice = Voice(operators=tuple(_tuned(rng) for _ in range(6)), algorithm=int(rng.integers(1, 33)))
    structure = from_voice(voice, TURN)
    if rng.random() < 0.8:
        structure = with_feedback(structure, int(rng.choice([6, 7, 7])))
        if rng.random() < 0.5:
            structure = _noisy(structure, rng)
    return structure


def mutate(structure: Structure, rng: np.random.Generator) -> Structure:
    """One thing changed."""
    voice = structure.voice
    kind = rng.random()
    if kind < 0.25:
        voice = replace(voice, algorithm=int(rng.integers(1, 33)))
    elif kind < 0.75:
        at = int(rng.integers(6))
        operators = list(voice.operators)
        operators[at] = _tuned(rng) if rng.random() < 0.8 else _fixed(rng)
        voice = replace(voice, operators=tuple(operators))
    else:
        voice = replace(voice, feedback=int(rng.choice([0, 5, 6, 7, 7])))
    fresh = from_voice(voice, TURN)
    return with_feedback(fresh, voice.feedback) if voice.feedback else fresh


def _tuned(rng: np.random.Generator) -> Operator:
    fine = int(rng.choice([0, 0, 0, 0, 0, 0, 0, 41, 50, rng.integers(100)]))
    coarse = int(rng.choice([0, *WHOLE] if not fine else [1, 2, 3, 5, 8]))
    return Operator(output_level=99, coarse=coarse, fine=fine)


def _fixed(rng: np.random.Generator) -> Operator:
    place = np.exp(rng.uniform(*np.log(NOISE_HZ)))
    decade = int(np.log10(place))
    return Operator(output_level=99, fixed=1, coarse=decade, fine=int((np.log10(place) - decade) * 100))


def _noisy(structure: Structure, rng: np.random.Generator) -> Structure:
    """The operator that feeds back, or one that it modulates, at a frequency of its own."""
    voice = structure.voice
    at = int(FEEDBACK_OPERATOR[voice.algorithm - 1])
    operators = list(voice.operators)
    operators[max(at - int(rng.integers(2)), 0)] = _fixed(rng)
    return Structure(replace(voice, operators=tuple(operators)), structure.index_limits)


@jax.jit
def fit(increment, algorithm, feedback, gains, audio):
    """Least distance that free levels reach [structure], of all structures at once.

    Args:
      increment: uint32 [structure, crop, frame, 6].
      algorithm: int [structure].
      feedback: turns, [structure].
      gains: highest, in turns [structure, 6].
      audio: [crop, sample].
    """
    n = len(algorithm)

    def spread(x):
        return jnp.repeat(x, CROPS, axis=0)

    flat = increment.reshape(-1, FRAMES, 6)

    def sound(raw):
        knots = jax.nn.log_sigmoid(raw) * (np.log(10) / np.log(2)) + jnp.log2(spread(gains))[:, None]
        octaves = jax.image.resize(knots, (len(knots), FRAMES, 6), "linear")
        made, _ = synthesise(
            jnp.moveaxis(octaves, 1, 2),
            jnp.moveaxis(flat, 1, 2),
            spread(algorithm),
            spread(feedback),
            initial_state(len(flat)),
            jnp.moveaxis(flat.astype(jnp.float32) * 2.0**-32, 1, 2),
        )
        return made / OUTPUT_SCALE

    def distances(raw):
        made = sound(raw).reshape(n, CROPS, -1)
        return jax.vmap(lambda m: multi_scale_distance(m, audio, THREE))(made)

    optimiser = optax.adam(optax.cosine_decay_schedule(RATE, STEPS, 0.1))

    def step(carry, _):
        raw, opt_state = carry
        grads = jax.grad(lambda r: distances(r).sum())(raw)
        updates, opt_state = optimiser.update(grads, opt_state)
        return (optax.apply_updates(raw, updates), opt_state), None

    raw = jnp.full((n * CROPS, FRAMES // KNOT, 6), -1.0)
    (raw, _), _ = jax.lax.scan(step, (raw, optimiser.init(raw)), None, STEPS)
    return distances(raw)


def score(structures: list[Structure], crops: list, sample_rate: int) -> list[float]:
    """Distance of each."""
    f0_hz = np.stack([c.f0_hz for c in crops])
    audio = np.stack([c.audio for c in crops])
    distances: list[float] = []
    for first in range(0, len(structures), AT_ONCE):
        some = structures[first : first + AT_ONCE]
        filled = some + some[:1] * (AT_ONCE - len(some))
        increment = np.stack([FmSynth(s).increments(f0_hz, sample_rate) for s in filled])
        algorithm = np.array([s.voice.algorithm for s in filled])
        feedback = np.array([FEEDBACK[s.voice.feedback] for s in filled], np.float32)
        gains = np.array([s.index_limits for s in filled], np.float32) / np.float32(TURN)
        gains = gains * np.array([s.active for s in filled]) + 1e-6
        distances += np.asarray(fit(increment, algorithm, feedback, gains.astype(np.float32), audio)).tolist()[
            : len(some)
        ]
    return distances


def choose_crops(segments: list[Segment], seed: int) -> list:
    """Crops of segments of different pitch."""
    rng = np.random.default_rng(seed)
    long = [p for p in segments if p.n_frames >= FRAMES + 32]
    by_pitch = sorted(long, key=lambda p: float(np.median(p.features.f0_hz)))
    parts = np.array_split(np.arange(len(by_pitch)), CROPS)
    chosen = [by_pitch[int(rng.choice(part))] for part in parts]
    return [crop(p, int(rng.integers(0, p.n_frames - FRAMES)), FRAMES, 0) for p in chosen]


def main() -> None:
    """Search and write the best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--instrument", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--generations", type=int, default=6)
    parser.add_argument("--children", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    segments, report = load_segments(find_recordings(options.data, options.instrument), "train")
    print(report, flush=True)
    crops, rng = choose_crops(segments, options.seed), np.random.default_rng(options.seed)
    assert all(len(c.audio) == FRAMES * HOP for c in crops)

    paper = [from_voice(v, TURN) for name, v in PAPER.items() if name in ("flute", "violin", "trumpet", "2")]
    noisy = [with_feedback(s, 7, FULL_INDEX) for s in paper]
    pool = [*paper, *noisy, *(draw(rng) for _ in range(options.children))]
    scores = score(pool, crops, 16_000)
    for s, distance in zip(pool[:8], scores[:8], strict=True):
        print(f"{s.voice.name:12} feedback {s.voice.feedback}: {distance:.2f}", flush=True)
    for generation in range(options.generations):
        order = np.argsort(scores)[:KEPT]
        pool, scores = [pool[i] for i in order], [scores[i] for i in order]
        children = [mutate(pool[int(rng.integers(KEPT))], rng) for _ in range(options.children)]
        pool, scores = pool + children, scores + score(children, crops, 16_000)
        best = pool[int(np.argmin(scores))].voice
        tuning = " ".join(f"{op.frequency:g}{'Hz' if op.fixed else ''}" for op in best.operators)
        print(
            f"generation {generation + 1}: {min(scores):.2f}, algorithm {best.algorithm} fb {best.feedback}: {tuning}",
            flush=True,
        )
        order = np.argsort(scores)[:KEPT]
        best_structures = [{"distance": scores[i], **pool[i].to_dict()} for i in order]
        atomic_write(options.output, json.dumps(best_structures, indent=1).encode(), force=True)


if __name__ == "__main__":
    main()
