"""Importing changes nothing; settings come with the first compilation, and only where the user has none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ddx7 import runtime

REPORT = """
import os, sys
before = dict(os.environ)
import ddx7
assert dict(os.environ) == before
import jax  # sets variables of its own
before, configured = dict(os.environ), dict(jax.config.values)
import ddx7.engine, ddx7.audio
assert dict(os.environ) == before
assert jax.config.values == configured
assert abs(ddx7.render(ddx7.Voice(), duration=0.1)).max() > 0.1
print(os.environ["XLA_FLAGS"])
print(jax.config.jax_compilation_cache_dir)
"""


def run(code: str, **variables: str) -> list[str]:
    """Lines that a fresh Python prints, with warnings as errors, without what this process has set for JAX."""
    own = ("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in own} | variables
    environment["DDX7_RENDERER"] = "jax"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_first_render_sets_what_the_user_has_not(tmp_path: Path) -> None:
    flags, cache = run(REPORT, HOME=str(tmp_path))
    assert "xla_cpu_small_while_loop_byte_threshold" in flags
    assert cache == str(tmp_path / ".cache" / "ddx7" / "xla")
    assert list((tmp_path / ".cache" / "ddx7" / "xla").iterdir())


def test_the_users_own_settings_stay(tmp_path: Path) -> None:
    own = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"
    flags, cache = run(REPORT, HOME=str(tmp_path), XLA_FLAGS=own, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own"))
    assert flags == own
    assert cache == str(tmp_path / "own")
    assert not (tmp_path / ".cache").exists()


def test_a_home_that_cannot_be_written_costs_the_cache_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert run(REPORT, HOME=str(tmp_path / "file"))[1] == "None"


def test_without_a_home_there_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert runtime.cache_folder() is None


def test_loops_are_whole_kernels_after_the_first_render(tmp_path: Path) -> None:
    code = """
import ddx7, jax, jax.numpy as jnp
ddx7.render(ddx7.Voice(), duration=0.01)
loop = lambda x: jax.lax.scan(lambda c, y: (jnp.sin(c + y), c), x[0], x)
print("xla_cpu_small_call" in jax.jit(loop).lower(jnp.ones((64, 32))).compile().as_text())
"""
    assert run(code, HOME=str(tmp_path)) == ["True"]


def cgroup(root: Path, line: str, **files: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line + "\n")
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_quotas_of_containers_count(tmp_path: Path) -> None:
    assert runtime._quotas(tmp_path) == []
    two = cgroup(tmp_path / "v2", "0::/a/b", **{"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000"})
    assert runtime._quotas(two) == [1.5]
    inside = cgroup(tmp_path / "inside", "0::/../host/path", **{"cpu.max": "400000 100000"})
    assert runtime._quotas(inside) == [4.0]
    one = cgroup(
        tmp_path / "v1",
        "4:cpu,cpuacct:/docker/1",
        **{"cpu/docker/1/cpu.cfs_quota_us": "50000", "cpu/docker/1/cpu.cfs_period_us": "100000"},
    )
    assert runtime._quotas(one) == [0.5]
    free = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    assert runtime._quotas(cgroup(tmp_path / "free", "4:cpu:/", **free)) == []


@pytest.mark.parametrize(("quotas", "n"), [([], 8), ([1.5], 2), ([0.2], 1), ([100.0], 8), ([4.0, 2.0], 2)])
def test_cores_are_bounded_by_affinity_and_quota(monkeypatch: pytest.MonkeyPatch, quotas: list[float], n: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(runtime, "_quotas", lambda _: quotas)
    assert runtime.n_cores.__wrapped__() == n
