from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.audio import distance_terms, log_mel_distance, perceptual_distance, target_features
from ddx7.audio.perceptual import WEIGHTS

RATE = 44_100
SAW = {float(k): 1 / k for k in range(1, 13)}

features_of = jax.jit(target_features, static_argnums=1)
distance = jax.jit(perceptual_distance)
terms_of = jax.jit(distance_terms)
gradient_of = jax.jit(jax.value_and_grad(perceptual_distance, argnums=1))


def tilted(exponent: float) -> dict[float, float]:
    return {k: a * k**exponent for k, a in SAW.items()}


def moved(cents: float) -> dict[float, float]:
    """The tone with every second partial out of tune: a modulator of the wrong ratio."""
    return {k * 2 ** (cents / 1200) if k % 2 == 0 else k: a for k, a in SAW.items()}


def degraded(tone) -> dict[str, list[np.ndarray]]:
    """Known damage to one tone (220 Hz, 12 partials, attack 5 ms, decay 3 nepers a second), in growing steps."""
    make = partial(tone, 220.0, SAW)
    right = make()
    noise = np.random.default_rng(0).normal(0, np.sqrt(np.mean(right**2)), len(right)).astype(np.float32)
    time_s = np.arange(len(right)) / RATE
    return {
        "detuned by 10, 50, 100 cents": [tone(220 * 2 ** (c / 1200), SAW) for c in (10, 50, 100)],
        "even partials off by 10, 50, 200 cents": [tone(220, moved(c)) for c in (10, 50, 200)],
        "darker by 1, 3, 9 dB per octave": [tone(220, tilted(-db / 6.02)) for db in (1, 3, 9)],
        "brighter by 1, 3, 6 dB per octave": [tone(220, tilted(db / 6.02)) for db in (1, 3, 6)],
        "attack of 20, 80, 320 ms": [make(attack_s=s) for s in (0.02, 0.08, 0.32)],
        "decay of 4, 6, 12 nepers a second": [make(decay_per_s=d) for d in (4, 6, 12)],
        "decay of 2.5, 1.5, 0 nepers a second": [make(decay_per_s=d) for d in (2.5, 1.5, 0)],
        "cut off at 1.2, 0.8, 0.4 s": [right * np.clip((end - time_s) / 0.01, 0, 1) for end in (1.2, 0.8, 0.4)],
        "late by 2, 10, 50 ms": [np.pad(right, (n, 0))[: len(right)] for n in (88, 441, 2205)],
        "noise at -50, -30, -10 dB": [right + np.float32(10 ** (db / 20)) * noise for db in (-50, -30, -10)],
    }


@pytest.fixture(scope="module")
def measured(tone) -> dict[str, list[tuple[float, float]]]:
    """Log-mel and perceptual distance of every degraded tone."""
    right = tone(220.0, SAW)
    features = features_of(jnp.asarray(right), RATE)
    return {
        name: [
            (log_mel_distance(right, sound), float(p))
            for sound, p in zip(sounds, distance(features, jnp.asarray(np.stack(sounds), jnp.float32)), strict=True)
        ]
        for name, sounds in degraded(tone).items()
    }


def test_more_damage_is_further_away(measured):
    for name, steps in measured.items():
        for which, one in enumerate(("log-mel", "perceptual")):
            values = [0.0, *(step[which] for step in steps)]
            assert values == sorted(values), (name, one, values)
            assert values[-1] > 2 * values[1], (name, one, values)


def test_every_kind_of_damage_counts_and_none_dominates(measured):
    largest = {name: steps[-1][1] for name, steps in measured.items()}
    assert min(largest.values()) > 1.5
    assert max(largest.values()) < 20 * min(largest.values())


def test_the_documented_table_is_reproduced(measured):
    page = (Path(__file__).parents[2] / "docs/distance.md").read_text()
    result = {
        cells[1].strip(): cells[2:4] for cells in (line.split("|") for line in page.splitlines()) if len(cells) == 5
    }
    rows = [[name, *(", ".join(f"{d:.1f}" for d in row) for row in np.array(s).T)] for name, s in measured.items()]
    expected = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    for name, steps in measured.items():
        assert name in result, expected
        numbers = [[float(figure) for figure in cell.split(",")] for cell in result[name]]
        np.testing.assert_allclose(numbers, np.array(steps).T, atol=0.11, err_msg=expected)


@pytest.fixture(scope="module")
def short_tone(tone):
    return partial(tone, seconds=0.5)


def test_loudness_does_not_matter(short_tone):
    features = features_of(jnp.asarray(short_tone(220)), RATE)
    for gain in (1e-2, 1.0, 8.0):
        assert distance(features, jnp.asarray(gain * short_tone(220))) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("rate", [16_000, pytest.param(22_050, marks=pytest.mark.slow)])
def test_any_rate_measures_about_the_same(short_tone, rate):
    def apart(rate: int, *others: dict[float, float]) -> np.ndarray:
        features = features_of(jnp.asarray(short_tone(220, SAW, sample_rate=rate)), rate)
        return np.array([distance(features, jnp.asarray(short_tone(220, other, sample_rate=rate))) for other in others])

    others = (tilted(-0.5), moved(100), {1.0: 1.0, 2.5: 1.0})
    np.testing.assert_allclose(apart(rate, *others), apart(44_100, *others), rtol=0.4)


def test_batches_of_any_shape_are_rows(short_tone):
    features = features_of(jnp.asarray(short_tone(220)), RATE)
    sounds = np.stack([short_tone(f) for f in np.linspace(150, 400, 6)])
    whole = distance(features, jnp.asarray(sounds).reshape(2, 3, -1))
    assert whole.shape == (2, 3)
    np.testing.assert_allclose(whole.ravel(), [distance(features, jnp.asarray(s)) for s in sounds], rtol=1e-4)


def test_several_targets_by_vmap(short_tone):
    sounds = jnp.asarray(np.stack([short_tone(f) for f in (200, 300, 450)]))
    features = jax.jit(jax.vmap(partial(target_features, sample_rate=RATE)))(sounds)
    result = jax.jit(jax.vmap(perceptual_distance, in_axes=(0, None)))(features, sounds)
    expected = [distance(features_of(target, RATE), sounds) for target in sounds]
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-3)


def test_the_total_is_the_weighted_sum_of_the_terms(short_tone):
    features = features_of(jnp.asarray(short_tone(220)), RATE)
    other = jnp.asarray(short_tone(311, decay_per_s=6))
    terms = terms_of(features, other)
    assert distance(features, other) == pytest.approx(float(np.dot(WEIGHTS, terms)), rel=1e-5)
    assert all(float(term) > 0.05 for term in terms)


@pytest.mark.parametrize("kind", ["silence", "silent half", "target itself", "click", "tiny", "silent target"])
def test_gradients_are_finite_everywhere(short_tone, kind):
    right = short_tone(220)
    audio = {
        "silence": np.zeros_like(right),
        "silent half": right * (np.arange(len(right)) < len(right) // 2),
        "target itself": right,
        "click": np.eye(1, len(right), 5000)[0],
        "tiny": 1e-7 * right,
        "silent target": right,
    }[kind].astype(np.float32)
    features = features_of(jnp.asarray(np.zeros_like(right) if kind == "silent target" else right), RATE)
    value, gradient = gradient_of(features, jnp.asarray(audio))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    if kind == "silence":
        np.testing.assert_array_equal(gradient, 0)


def test_the_gradient_is_the_slope(short_tone):
    with jax.enable_x64(True):
        features = features_of(jnp.asarray(short_tone(220), jnp.float64), RATE)
        audio = jnp.asarray(short_tone(230), jnp.float64)
        direction = jnp.asarray(np.random.default_rng(0).normal(0, 0.05, len(audio)))

        def along(step):
            return gradient_of(features, audio + step * direction)[0]

        slope = (along(1e-8) - along(-1e-8)) / 2e-8
        assert direction @ gradient_of(features, audio)[1] == pytest.approx(float(slope), rel=0.02)


def test_the_transport_is_in_octaves_and_its_gradient_points_to_the_target():
    t = jnp.arange(RATE // 2) / RATE

    def sine(f_hz):
        return 0.3 * jnp.sin(2 * jnp.pi * f_hz * t) * jnp.exp(-3 * t)

    features = features_of(sine(1000.0), RATE)

    @jax.jit
    @jax.value_and_grad
    def transport(octaves):
        return distance_terms(features, sine(1000.0 * 2.0**octaves)).transport

    for octaves in (-3.0, -1.0, -0.4, 0.1, 1.6, 3.0):
        value, slope = transport(octaves)
        assert value == pytest.approx(abs(octaves), rel=0.05)
        assert slope == pytest.approx(np.sign(octaves), abs=0.4)


def test_a_quiet_tail_counts_down_to_sixty_decibels(short_tone):
    def without_tail(decay_per_s: float) -> float:
        whole = short_tone(220, decay_per_s=decay_per_s)
        cut = whole * (np.arange(len(whole)) < len(whole) // 2)
        return float(distance(features_of(jnp.asarray(whole), RATE), jnp.asarray(cut)))

    assert without_tail(12.0) > 1.0  # the tail lies 26 to 52 dB under the attack
    assert without_tail(36.0) < 0.05  # 78 dB and more


def test_a_new_target_of_the_same_length_does_not_compile_again(short_tone):
    traces = []

    @jax.jit
    def counted(features, audio):
        traces.append(1)
        return perceptual_distance(features, audio)

    for f_hz in (220, 330, 440):
        counted(features_of(jnp.asarray(short_tone(f_hz)), RATE), jnp.asarray(short_tone(f_hz)))
    assert len(traces) == 1


def test_audio_of_another_length_is_refused(short_tone):
    features = features_of(jnp.asarray(short_tone(220)), RATE)
    with pytest.raises(ValueError, match="22051 samples, the target 22050"):
        perceptual_distance(features, jnp.zeros(22_051))
