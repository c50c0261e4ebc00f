from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.audio import distance_terms, log_mel_distance, perceptual_distance, target_features
from ddx7.audio.noise import NOISE_HZ, noise_spectrum
from ddx7.audio.perceptual import SCALES

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


def a_weight(f_hz: np.ndarray) -> np.ndarray:
    """Power gain of the A curve, from its poles in the analogue domain."""
    poles = 2 * np.pi * np.array([20.6, 20.6, 107.7, 737.9, 12194.0, 12194.0])

    def curve(f):
        s = 2j * np.pi * np.asarray(f, np.float64)[..., None]
        return np.abs(s[..., 0] ** 4 / np.prod(s + poles, axis=-1)) ** 2

    return curve(f_hz) / curve(1000.0)


class PlainDistance:
    """The terms in NumPy, frame by frame and band by band, in float64."""

    def __init__(self, plain_stft, rate: int):
        self.stft, self.rate = plain_stft, rate

    def power(self, sound: np.ndarray, n_fft: int) -> np.ndarray:
        hop = n_fft // 2
        n_frames = (len(sound) + n_fft // 2 - n_fft) // hop + 1
        return (self.stft(sound, n_fft, hop)[:n_frames] * 4 / n_fft) ** 2

    def bands(self, power: np.ndarray, weight: bool) -> np.ndarray:
        n_fft = 2 * (power.shape[-1] - 1)
        f_hz = np.arange(power.shape[-1]) * self.rate / n_fft
        erb = np.linspace(*(21.4 * np.log10(1 + 0.00437 * f) for f in (30.0, 16_000.0)), 66)
        edges = (10 ** (erb / 21.4) - 1) / 0.00437
        gain = a_weight(f_hz) if weight else np.ones(len(f_hz))
        triangles = [np.interp(f_hz, edges[k : k + 3], [0.0, 1.0, 0.0], 0, 0) for k in range(64)]
        return np.stack([(power * gain * triangle).sum(-1) for triangle in triangles], axis=-1)

    def spectra(self, sound: np.ndarray) -> tuple[np.ndarray, ...]:
        unit = sound / np.sqrt(np.mean(sound.astype(np.float64) ** 2))
        short, long = self.power(unit, 2048), self.power(unit, 8192)
        f_short, f_long = (np.arange(p.shape[-1]) * self.rate / (2 * p.shape[-1] - 2) for p in (short, long))
        partials = (long * a_weight(f_long))[:, f_long <= 8000][:, : int(8000 * 8192 / self.rate)]
        return (
            self.bands(short, True),
            self.bands(short.mean(0), False),
            (partials + 1e-10) ** 0.15,
            ((short * a_weight(f_short)).sum(-1) + 1e-10) ** 0.3,
        )

    def terms(self, target: np.ndarray, other: np.ndarray) -> list[float]:
        a, b = self.spectra(target), self.spectra(other)
        found = []
        for k, exponent in ((0, 2), (1, 1)):
            floor = a[k].max() * 1e-8
            above_a, above_b = (10 * np.log10((x[k] + floor) / floor) for x in (a, b))
            weights = np.maximum(above_a, above_b) ** exponent
            if k == 0:
                found.append(np.abs(above_a - above_b).mean())
            found.append(np.average(np.abs(above_a - above_b), weights=weights))
        return found + [np.abs(a[k] - b[k]).mean() for k in (2, 3)]


def test_the_terms_are_those_of_a_plain_computation(short_tone, plain_stft):
    target, other = short_tone(220), short_tone(311, tilted(0.5), decay_per_s=6)
    terms = terms_of(features_of(jnp.asarray(target), RATE), jnp.asarray(other))
    expected = PlainDistance(plain_stft, RATE).terms(target, other)
    np.testing.assert_allclose(terms, expected, rtol=1e-3)


def test_the_total_is_the_mean_of_the_scaled_terms(short_tone):
    features = features_of(jnp.asarray(short_tone(220)), RATE)
    other = jnp.asarray(short_tone(311, decay_per_s=6))
    terms = terms_of(features, other)
    assert distance(features, other) == pytest.approx(10 * float(np.mean(np.array(terms) / np.array(SCALES))), rel=1e-5)
    assert all(float(term) / scale > 0.05 for term, scale in zip(terms, SCALES, strict=True))


def test_noise_under_a_recording_does_not_count_where_it_is_known(short_tone):
    clean = short_tone(220)
    hiss = np.random.default_rng(1).normal(0, 3e-3, 2 * len(clean)).astype(np.float32)
    noise = noise_spectrum(hiss[: len(clean)], RATE)
    recording = jnp.asarray(clean + hiss[len(clean) :])
    unaware = distance(features_of(recording, RATE), jnp.asarray(clean))
    aware = distance(features_of(recording, RATE, noise), jnp.asarray(clean))
    assert aware < 0.2 * unaware
    darker = jnp.asarray(short_tone(220, tilted(-1.0)))
    assert distance(features_of(recording, RATE, noise), darker) > 4 * aware


def test_a_noise_spectrum_integrates_to_the_mean_square_of_the_noise():
    for rate in (22_050, 44_100):
        hiss = np.random.default_rng(0).normal(0, 0.01, rate)
        density = noise_spectrum(hiss, rate)
        assert np.trapezoid(density, NOISE_HZ) == pytest.approx(1e-4, rel=0.05)
    assert not noise_spectrum(hiss[:1000], rate).any()


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
