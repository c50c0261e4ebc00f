import json
import os
import pickle
import socket
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import PAPER, from_voice
from ddx7.resynthesis.tcn import TcnSize
from ddx7.resynthesis.training import ResynthesisTraining, learning_rate, steps_in, train
from ddx7.training.checkpoint import CHECKPOINT, METRICS, read_metrics

pytestmark = pytest.mark.usefixtures("quickly_compiled")

TRAINING = ResynthesisTraining(
    steps=12,
    batch=2,
    frames=24,
    context_frames=4,
    learning_rate=3e-2,
    windows=(256, 64),
    ema_decay=0.5,
    evaluate_every=6,
)
FLUTE = {"instrument": "flute", "extractor": "yin"}

# Two operators, no feedback and no dropout: no chaos amplifies the rounding of sums over devices.
CALM = ResynthesisModel(FmSynth(from_voice(PAPER["2"], 2.0)), TcnSize(8, 3, (1, 2), "all", 0.0))

_WORKER = """
import pickle, sys
from pathlib import Path
task, folder, address, process, processes, devices = sys.argv[1:]
import jax, numpy as np, optax
if int(processes) > 1:
    jax.distributed.initialize(address, int(processes), int(process))
assert jax.device_count() == int(devices), jax.devices()
from ddx7.resynthesis.training import train
model, segments, training = pickle.load(open(task, "rb"))
fitted = train(model, segments[:2], segments[2:], Path(folder), training)
if int(process) == 0:
    leaves = lambda tree: np.concatenate([np.ravel(x) for x in jax.tree.leaves(jax.device_get(tree))])
    mu = optax.tree.get(fitted.state.opt_state, "mu")
    np.savez(folder + ".npz", gradient=leaves(mu), params=leaves(fitted.state.params))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, segments, small):
    """The folder and the result of a run without a break."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, train(small, segments[:2], segments[2:], folder, TRAINING, data=FLUTE)


def test_a_resumed_run_equals_the_whole_run_and_it_learns(tmp_path, segments, small, whole):
    folder, fitted = whole
    learn, held_out = segments[:2], segments[2:]
    train(small, learn, held_out, tmp_path, TRAINING, data=FLUTE, stop_after=6)
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"step": 9, "lo')  # torn by a kill
    resumed = train(small, learn, held_out, tmp_path, TRAINING, data=FLUTE)
    jax.tree.map(np.testing.assert_array_equal, fitted.best_params, resumed.best_params)
    lines = read_metrics(folder)
    assert [line["step"] for line in lines] == [line["step"] for line in read_metrics(tmp_path)] == [6, 12]
    assert lines[1]["held_out"] == resumed.metrics["held_out"]
    assert lines[1]["held_out"] < 0.8 * lines[0]["held_out"]
    assert lines[1]["best"] == min(line["held_out"] for line in lines)


def test_a_finished_run_takes_more_steps(segments, small, whole):
    folder, _ = whole
    longer = train(small, segments[:2], segments[2:], folder, replace(TRAINING, steps=13), data=FLUTE)
    assert longer.metrics["step"] == 13


def test_a_cosine_ends_with_the_last_step_and_the_published_rate_falls_in_stairs():
    cosine = replace(TRAINING, steps=1000, learning_rate=1.0, schedule="cosine")
    rates = [learning_rate(cosine, step) for step in (0, 99, 500, 999)]
    assert rates == pytest.approx([0.01, 0.99 * (1 + np.cos(0.099 * np.pi)) / 2 + 0.01, 0.505, 0.01], abs=1e-3)
    # A run of 50 steps has its highest rate after 10, not after its end.
    assert int(np.argmax([learning_rate(replace(cosine, steps=50), step) for step in range(50)])) == 9
    assert [learning_rate(ResynthesisTraining(), step) for step in (0, 9_999, 10_000)] == [3e-4, 3e-4, 0.98 * 3e-4]
    with pytest.raises(Ddx7Error, match="schedule: found 'steps', wanted staircase or cosine"):
        learning_rate(replace(TRAINING, schedule="steps"), 0)


def test_a_run_begins_with_given_weights_and_ends_when_it_is_told_to(tmp_path, segments, small, whole):
    learn, held_out = segments[:2], segments[2:]
    start = whole[1].best_params
    answers = iter([False, False, True])
    short = train(small, learn, held_out, tmp_path, TRAINING, stop=lambda: next(answers), start=start)
    assert short.metrics["step"] == 3
    assert [line["step"] for line in read_metrics(tmp_path)] == [3]
    # Three steps from learned weights are nearer than six from random ones.
    assert short.metrics["loss"] < read_metrics(whole[0])[0]["loss"]
    # The same run goes on.
    assert train(small, learn, held_out, tmp_path, replace(TRAINING, steps=4), start=start).metrics["step"] == 4


def test_the_number_of_steps_fits_into_the_time(segments, small):
    some, more = (steps_in(seconds, small, TRAINING, segments[:2]) for seconds in (60.0, 6000.0))
    assert 1 < some < more
    assert steps_in(0.0, small, TRAINING, segments[:2]) == 1


def test_a_folder_is_bound_to_its_instrument_its_recordings_and_its_settings(segments, small, whole):
    folder, _ = whole
    learn, held_out = segments[:2], segments[2:]
    with pytest.raises(Ddx7Error, match=r"data\.instrument: found 'flute', wanted 'violin'"):
        train(small, learn, held_out, folder, TRAINING, data={**FLUTE, "instrument": "violin"})
    with pytest.raises(Ddx7Error, match=r"data\.fingerprint: found other data"):
        train(small, learn[:1], held_out, folder, TRAINING, data=FLUTE)
    with pytest.raises(Ddx7Error, match=r"config\.seed: found 1234, wanted 1"):
        train(small, learn, held_out, folder, replace(TRAINING, seed=1), data=FLUTE)
    with pytest.raises(Ddx7Error, match=r"model\.decoder\.channels: found 8, wanted 9"):
        train(replace(small, decoder=TcnSize(9, 3, (1, 2), "all", 0.0)), learn, held_out, folder, TRAINING, data=FLUTE)


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path, segments, small):
    training = replace(TRAINING, learning_rate=float("inf"))
    with pytest.raises(Ddx7Error, match=r"loss is nan at step [1-6];"):
        train(small, segments[:2], segments[2:], tmp_path, training)
    assert not (tmp_path / METRICS).exists()


def _run_workers(task, folder, *, processes: int, devices: int) -> np.lib.npyio.NpzFile:
    """Train in processes of their own; (first moment of Adam, parameters)."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    flag = f"--xla_force_host_platform_device_count={devices // processes}"
    environment = {
        **os.environ,
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip(),
        "JAX_PLATFORMS": "cpu",
    }
    words = [sys.executable, "-c", _WORKER, str(task), str(folder), address]
    workers = [
        subprocess.Popen([*words, str(k), str(processes), str(devices)], env=environment, stderr=subprocess.PIPE)
        for k in range(processes)
    ]
    errors = [worker.communicate(timeout=300)[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * processes, errors
    return np.load(f"{folder}.npz")


@pytest.mark.slow
def test_devices_and_processes_share_a_batch_and_learn_the_same(tmp_path, segments):
    task = tmp_path / "task"
    task.write_bytes(pickle.dumps((CALM, segments, replace(TRAINING, steps=1))))
    one = _run_workers(task, tmp_path / "one", processes=1, devices=1)
    gradient = one["gradient"]
    assert np.abs(gradient).max() > 0
    for name, processes in (("devices", 1), ("processes", 2)):
        two = _run_workers(task, tmp_path / name, processes=processes, devices=2)
        # The gradient is a sum over the batch. Adam divides it by its own size, so parameters may differ by more.
        np.testing.assert_allclose(two["gradient"], gradient, atol=1e-4 * np.abs(gradient).max())
        lines = [json.loads((tmp_path / run / METRICS).read_text()) for run in ("one", name)]
        assert lines[1]["loss"] == pytest.approx(lines[0]["loss"], rel=1e-5)
        # After a step the parameters agree statistically: all but a few are the same.
        assert np.mean(np.abs(two["params"] - one["params"]) > 1e-4) < 0.02
        assert lines[1]["held_out"] == pytest.approx(lines[0]["held_out"], rel=0.02)
        assert (tmp_path / name / CHECKPOINT).exists()


def test_a_batch_that_the_devices_cannot_share_is_refused(tmp_path, segments, monkeypatch):
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    with pytest.raises(Ddx7Error, match="batch: found 2, wanted a multiple of the 3 devices"):
        train(CALM, segments[:2], segments[2:], tmp_path, TRAINING)
