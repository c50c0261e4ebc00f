import json
import os
import subprocess
import sys
from dataclasses import replace

import jax
import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.resynthesis.configs import config
from ddx7.resynthesis.training import ResynthesisTraining, train
from ddx7.runs import METRICS

SETTINGS = ResynthesisTraining(
    steps=12, batch=2, frames=24, lead=4, learning_rate=3e-2, windows=(256, 64), average=0.5, held_out_every=6
)

_TWO_DEVICES = """
import pickle, sys
import jax, numpy as np
from ddx7.resynthesis.training import train
assert jax.device_count() == int(sys.argv[3])
model, pieces, settings = pickle.load(open(sys.argv[1], "rb"))
from pathlib import Path
weights, _ = train(model, pieces[:2], pieces[2:], Path(sys.argv[2]), settings)
np.save(sys.argv[2] + ".npy", np.concatenate([np.ravel(x) for x in jax.tree.leaves(weights)]))
"""


def test_stopped_and_resumed_is_the_run_that_was_not_and_it_learns(tmp_path, pieces, small):
    learn, test = pieces[:2], pieces[2:]
    whole, last = train(small, learn, test, tmp_path / "whole", SETTINGS)
    train(small, learn, test, tmp_path / "parts", SETTINGS, until=6)
    parts, again = train(small, learn, test, tmp_path / "parts", SETTINGS)
    jax.tree.map(np.testing.assert_array_equal, whole, parts)
    assert last["held_out"] == again["held_out"]
    lines = [json.loads(line) for line in (tmp_path / "whole" / METRICS).read_text().splitlines()]
    assert [line["step"] for line in lines] == [6, 12]
    assert lines[1]["held_out"] < 0.8 * lines[0]["held_out"]
    # A finished run goes on when more steps are asked for, and other settings are refused.
    _, longer = train(small, learn, test, tmp_path / "whole", replace(SETTINGS, steps=13))
    assert longer["step"] == 13
    with pytest.raises(Ddx7Error, match="holds a run with other settings"):
        train(small, learn, test, tmp_path / "whole", replace(SETTINGS, seed=1))


def test_a_loss_that_is_no_number_stops_and_keeps_what_was(tmp_path, pieces, small):
    settings = replace(SETTINGS, learning_rate=float("inf"))
    with pytest.raises(Ddx7Error, match=r"the loss is nan at step [1-6];"):
        train(small, pieces[:2], pieces[2:], tmp_path, settings)
    assert not (tmp_path / METRICS).exists()


def test_two_devices_learn_what_one_learns(tmp_path, pieces, small):
    import pickle

    # With shallow modulators the chaos of noise moves one weight in 714 by more than this is held to.
    deep = replace(small, synth=config("ours-tone", "flute").model.synth)
    (tmp_path / "task").write_bytes(pickle.dumps((deep, pieces, replace(SETTINGS, steps=3))))
    found = []
    for n in (1, 2):
        environment = {
            **os.environ,
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={n}",
            "JAX_PLATFORMS": "cpu",
        }
        run = [sys.executable, "-c", _TWO_DEVICES, str(tmp_path / "task"), str(tmp_path / f"run{n}"), str(n)]
        subprocess.run(run, env=environment, check=True, timeout=300)
        found.append(np.load(tmp_path / f"run{n}.npy"))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
