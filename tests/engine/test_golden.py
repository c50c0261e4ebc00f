"""The engine against Dexed's, with the measures that `benchmarks/golden.py` prints."""

from pathlib import Path

import golden
import numpy as np
import pytest

SMALL = Path(__file__).parent / "golden"


@pytest.fixture(params=["here", *golden.SETS])
def folder(request: pytest.FixtureRequest) -> Path:
    if request.param == "here":
        return SMALL
    return request.getfixturevalue("shared") / "golden" / request.param


def test_waveforms(folder: Path) -> None:
    results = golden.measure_audio(folder)
    found = golden.summarise(folder.name, results)
    assert found.jobs >= 85
    assert found.median_db <= -90
    assert found.p90_db <= -60
    assert found.worst_db <= -50, found.worst
    assert found.chaotic_spectral_db <= 1.5
    # Parting is for loud feedback alone, and even then the sound is the same.
    assert {r.name: r.spectral_db for r in results if r.spectral_db > 3} == {}


def test_control_signals_block_by_block(folder: Path) -> None:
    results = golden.measure_traces(folder)
    assert len(results) >= 85
    limits = {"level_octaves": 1e-4, "increment_units": 1, "lfo": 1e-6, "fade": 1e-6, "pitch_octaves": 0.0}
    worst = {key: max((getattr(r, key), r.name) for r in results) for key in limits}
    assert {key: w for key, w in worst.items() if w[0] > limits[key]} == {}


def test_the_small_set_covers_every_algorithm_wave_and_feedback() -> None:
    jobs, vced = golden.read_jobs(SMALL)
    assert {job.algorithm for job in jobs} == set(range(1, 33))
    assert {job.feedback for job in jobs} >= set(range(8))
    assert set(vced[:, 142]) == set(range(6))  # LFO waves
    assert sum(job.gate_samples < job.total_samples for job in jobs) >= 8
    assert {job.sample_rate for job in jobs} == {44100, 48000}


def test_spectral_difference_is_a_level_difference() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 200_000))
    assert golden.spectral_difference(first, 0.5 * first, 44100) == pytest.approx(6.02, abs=0.01)
    assert golden.spectral_difference(first, second, 44100) < 0.6
    assert golden.spectral_difference(first, np.diff(first, append=0), 44100) > 5
