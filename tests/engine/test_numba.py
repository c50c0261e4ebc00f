"""numba's renderer makes the sound of JAX's, the same bits in any company, and gives way where it does not work."""

import importlib

import numpy as np
import pytest

import ddx7
from ddx7.engine import PROFILES, ControllerInput, Patch, Plan, plan, play, renderer
from ddx7.engine.renderer import VARIABLE, fast_renderer, report
from ddx7.engine.tables import BLOCK
from ddx7.errors import Ddx7Error
from ddx7.voice import init_voice
from ddx7.voice.packing import VCED_MAX, random_vced

N, RATE, N_SAMPLES = 32, 44100, 12_000
EQUAL_DB = -115.0
"""Of difference to sound: single precision, after up to five operators that modulate each other."""


def lively(seed: int, feedback: np.ndarray) -> Patch:
    """One voice of each algorithm in which every operator sounds and LFO, pitch envelope and envelopes move."""
    rng = np.random.default_rng(seed)
    patch = Patch.from_vced(random_vced(rng, N))
    patch.algorithm[:] = 1 + np.arange(N)
    patch.feedback[:] = feedback
    patch.output_level[:] = rng.integers(60, 95, (N, 6))
    patch.levels[..., :3] = rng.integers(70, 100, (N, 6, 3))
    patch.lfo_delay[:] = rng.integers(0, 60, N)
    return patch


def planned(patch: Patch, profile: str = "dexed", sample_rate: int = RATE) -> Plan:
    rng = np.random.default_rng(7)
    n = len(patch.algorithm)
    notes, velocities, gates = rng.integers(24, 100, n), rng.integers(1, 128, n), rng.integers(0, 160, n)
    return plan(patch, notes, velocities, gates, sample_rate, profile=PROFILES[profile])


@pytest.fixture
def play_both(monkeypatch):
    """Plays by numba and by JAX."""

    def run(*arguments, **options):
        monkeypatch.setenv(VARIABLE, "numba")
        by_numba = play(*arguments, **options)
        assert renderer.report().state == "ready", renderer.report().reason
        monkeypatch.setenv(VARIABLE, "jax")
        return by_numba, play(*arguments, **options)

    return run


def error_db(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Energy of the difference of each sound over its energy; sounds below -100 dB are left out."""
    a, b = (x.reshape(-1, x.shape[-1]).astype(np.float64) for x in (a, b))
    power = np.square(b).mean(axis=1)
    sounds = power > 1e-10
    assert sounds.sum() > 0.7 * len(b)
    return 10 * np.log10((np.square(a - b).mean(axis=1)[sounds] + 1e-30) / power[sounds])


@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
@pytest.mark.parametrize("profile", ["dexed", "hardware"])
def test_plans_are_equal_to_the_last_unit(monkeypatch, profile, sample_rate):
    rng = np.random.default_rng(11)
    vced = random_vced(rng, 400)
    vced[:200, :126] = np.where(rng.random((200, 126)) < 0.2, rng.choice([0, 1, 99]), vced[:200, :126])
    patch = Patch.from_vced(np.minimum(vced, VCED_MAX).astype(np.uint8))
    notes, velocities = rng.integers(0, 128, 400), rng.integers(0, 128, 400)
    gates = np.concatenate([rng.integers(0, 3, 100), rng.integers(0, 2000, 200), rng.integers(0, 100_000, 100)])

    def planned_by(name: str) -> Plan:
        monkeypatch.setenv(VARIABLE, name)
        renderer.warm()
        return plan(patch, notes, velocities, gates, sample_rate, profile=PROFILES[profile])

    by_numba, by_numpy = planned_by("numba"), planned_by("jax")
    assert by_numba.amp.start.dtype == by_numpy.amp.start.dtype == np.int32
    np.testing.assert_array_equal(by_numba.amp.start, by_numpy.amp.start)
    np.testing.assert_array_equal(by_numba.amp.line, by_numpy.amp.line)


@pytest.mark.parametrize("profile", ["dexed", "hardware"])
def test_all_algorithms_and_moderate_feedback_sound_the_same(play_both, profile):
    plans = planned(lively(1, np.arange(N) // 4 % 5), profile)
    by_numba, by_jax = play_both(plans, N_SAMPLES)
    assert error_db(by_numba, by_jax).max() < EQUAL_DB


def test_each_operator_sounds_the_same(play_both):
    plans = planned(lively(2, np.arange(N) % 5))
    by_numba, by_jax = play_both(plans, N_SAMPLES, operators=True)
    assert by_numba.shape == (N, 6, N_SAMPLES)
    assert error_db(by_numba, by_jax).max() < EQUAL_DB


@pytest.mark.parametrize("sample_rate", [8000, 22050, 96000])
def test_other_sample_rates_sound_the_same(play_both, sample_rate):
    by_numba, by_jax = play_both(planned(lively(3, np.arange(N) % 5), "hardware", sample_rate), N_SAMPLES)
    assert error_db(by_numba, by_jax).max() < EQUAL_DB


@pytest.mark.parametrize("profile", ["dexed", "hardware"])
def test_moving_controllers_and_lengths_of_their_own_sound_the_same(play_both, profile):
    rng = np.random.default_rng(4)
    moving = ControllerInput(
        bend=rng.integers(-(1 << 22), 1 << 22, (N, 90)),
        pitch_mod=rng.integers(0, 128, (N, 1)),
        amp_mod=rng.integers(0, 128, 100),
        eg_bias=rng.integers(0, 128, (N, 50)),
        lfo_age=rng.integers(0, 9000, N),
        delay_age=rng.integers(0, 3000, N),
    )
    lengths = 300 * np.arange(N) + 1
    plans = planned(lively(5, np.arange(N) % 5), profile)
    by_numba, by_jax = play_both(plans, lengths, moving)
    for voice, length in enumerate(lengths):
        assert not by_numba[voice, length:].any()
    np.testing.assert_allclose(by_numba, by_jax, atol=2e-6)


def test_a_chaotic_loop_has_the_same_spectrum_and_begins_with_the_same_waveform(play_both):
    patch = lively(6, np.arange(N) % 2 + 6)
    by_numba, by_jax = play_both(planned(patch), N_SAMPLES)
    np.testing.assert_allclose(by_numba[:, :256], by_jax[:, :256], atol=1e-5)

    def bands_db(audio):
        power = np.abs(np.fft.rfft(audio * np.hanning(N_SAMPLES))) ** 2
        edges = np.geomspace(8, N_SAMPLES // 2, 20).astype(int)
        return 10 * np.log10(np.add.reduceat(power, edges, axis=1)[:, :-1] + 1e-9)

    assert np.abs(bands_db(by_numba) - bands_db(by_jax)).mean() < 1.0


def test_a_voice_gives_the_same_bits_in_any_company_on_any_number_of_threads(monkeypatch):
    monkeypatch.setenv(VARIABLE, "numba")
    numba_rendering = importlib.import_module("ddx7.engine.numba_rendering")
    patch = lively(8, np.arange(N) % 8)
    together = play(planned(patch, "hardware"), N_SAMPLES)
    plans = planned(patch, "hardware")
    monkeypatch.setattr(numba_rendering, "n_cores", lambda: 5)
    np.testing.assert_array_equal(play(plans, N_SAMPLES), together)
    monkeypatch.setattr(numba_rendering, "_BLOCKS_A_CALL", 37)
    np.testing.assert_array_equal(play(plans, N_SAMPLES), together)
    for voice in (0, 3, 5, 31):
        rows = np.array([voice])
        alone = plans._replace(
            patch=plans.patch[rows],
            amp=type(plans.amp)(*(x[rows] for x in plans.amp)),
            pitch=plans.pitch._replace(
                base=type(plans.pitch.base)(*(x[rows] for x in plans.pitch.base)),
                envelope=type(plans.amp)(*(x[rows] for x in plans.pitch.envelope)),
            ),
        )
        np.testing.assert_array_equal(play(alone, N_SAMPLES)[0], together[voice])


def test_one_compilation_serves_all_profiles_voices_and_lengths(monkeypatch):
    monkeypatch.setenv(VARIABLE, "numba")
    for profile, n, length in (("dexed", 1, 1), ("hardware", 3, 5000), ("dexed", 32, 64)):
        play(planned(lively(n, np.arange(N) % 8)[:n], profile), length)
    kernels = importlib.import_module("ddx7.engine.kernels")
    controls = importlib.import_module("ddx7.engine.kernel_controls")
    assert len(kernels.play.signatures) == 1
    assert len(controls.compute_controls.signatures) <= 1  # none where the cache had all of `play`


@pytest.fixture
def fresh(monkeypatch):
    """A process that has rendered nothing, without a decision by the environment or a GPU."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(renderer, "_choice", renderer._Choice())
    monkeypatch.setattr(renderer, "has_gpu", lambda: False)
    return monkeypatch


def test_without_compiled_code_jax_renders_until_compiling_is_worth_it(fresh):
    compiled = []
    fresh.setattr(renderer, "_in_cache", lambda: False)
    fresh.setattr(renderer, "_compile", lambda: compiled.append(1) or renderer)
    assert fast_renderer(10.0) is None
    assert report().state == "cold"
    assert fast_renderer(renderer._WORTH_S - 11) is None
    assert not compiled
    assert fast_renderer(2.0) is renderer
    assert fast_renderer(0.0) is renderer
    assert compiled == [1]


def test_compiled_code_in_the_cache_renders_from_the_first_note(fresh):
    fresh.setattr(renderer, "_in_cache", lambda: True)
    fresh.setattr(renderer, "_compile", lambda: renderer)
    assert report().state == "ready"
    assert fast_renderer(0.1) is renderer


def test_where_numba_fails_jax_renders_and_the_report_says_why(fresh):
    def fail():
        raise ImportError("libllvm.so: cannot open shared object file\nmore lines")

    fresh.setenv(VARIABLE, "numba")
    fresh.setattr(renderer, "_compile", fail)
    audio = ddx7.render(init_voice(), duration=BLOCK / RATE)
    assert audio.shape == (BLOCK,)
    assert report().state == "broken"
    assert report().reason.endswith("ImportError: libllvm.so: cannot open shared object file")


def test_a_gpu_keeps_jax(fresh):
    fresh.setattr(renderer, "has_gpu", lambda: True)
    fresh.setattr(renderer, "_in_cache", lambda: True)
    assert fast_renderer(1e9) is None
    assert report().state == "off"


def test_an_unknown_renderer_is_refused(fresh):
    fresh.setenv(VARIABLE, "fast")
    with pytest.raises(Ddx7Error, match="DDX7_RENDERER: found 'fast', wanted numba, jax or auto"):
        ddx7.render(init_voice())
