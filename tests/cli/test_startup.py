"""Commands start without what they do not need: counts of modules, which no clock disturbs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ddx7
from ddx7.voice.packing import random_vced
from ddx7.voice.voice import Voice

_REPORT = """
import json, sys
from ddx7.cli import main
code = main(sys.argv[1:])
sys.stderr.write("\\n" + json.dumps(sorted({".".join(name.split(".")[:2]) for name in sys.modules})))
raise SystemExit(code)
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("startup") / "bank.syx"
    ddx7.save([Voice.from_vced(vced) for vced in random_vced(np.random.default_rng(0), 32)], path)
    return path


def packages(*words: str) -> set[str]:
    """Packages that a command has loaded when it ends, and their modules of the next level."""
    done = subprocess.run([sys.executable, "-c", _REPORT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_the_package_itself_loads_the_standard_library_alone():
    code = "import sys, ddx7; print({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "jax", "numba", "rich", "tyro"} & set(done.stdout.replace("'", " ").split())


def test_showing_voices_loads_no_numerics_beyond_numpy(bank: Path):
    loaded = packages("show", str(bank))
    assert "numpy" in loaded
    assert not loaded & {"jax", "numba", "scipy", "matplotlib", "flax", "optax", "librosa", "soundfile"}


def test_rendering_loads_neither_networks_nor_figures(bank: Path, tmp_path: Path):
    loaded = packages("render", str(bank), "--index", "1", "-o", str(tmp_path / "sound.wav"))
    assert not loaded & {"matplotlib", "flax", "optax", "librosa", "safetensors", "scipy.linalg"}


def test_the_modules_of_a_match_need_neither_optimiser_nor_networks_nor_scipy():
    code = "import sys, ddx7.matching; print(sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"flax", "optax", "scipy", "librosa", "matplotlib"} & set(json.loads(done.stdout.replace("'", '"')))


def run_main(setting: str, after: str) -> list[str]:
    code = f"""
import gc, time
from ddx7 import __main__
began = []
gc.collect()  # none is due soon
gc.callbacks.append(lambda phase, info: began.append(phase))
__main__._COLLECTED_AFTER_S = {setting}
assert __main__.main() == 0
{after}
"""
    command = [sys.executable, "-c", code, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()[1:]


def test_no_garbage_is_collected_while_a_command_starts():
    assert run_main("3600", "print(gc.isenabled(), len(began))") == ["False 0"]


def test_a_command_that_lasts_collects_garbage_and_leaves_out_what_the_start_made():
    wait = "while not gc.isenabled():\n    time.sleep(0.01)\nprint(gc.get_freeze_count() > 1000)"
    assert run_main("0.01", wait) == ["True"]
