"""A stored program gives what the function gives, and a file that is missing or torn costs a trace alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7 import programs
from ddx7.programs import StoredProgram


class Sums(NamedTuple):
    rows: jax.Array
    parts: dict[str, jax.Array]


def function(x: dict[str, jax.Array], factor: jax.Array) -> Sums:
    return Sums(x["a"].sum(axis=1) * factor, {"b": x["b"] @ x["a"]})


class Built:
    """Counts the calls of `build`."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> Callable[..., Sums]:
        self.n += 1
        return function


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    programs._folder.cache_clear()
    yield tmp_path / "ddx7" / "programs"
    programs._folder.cache_clear()


def arguments(n: int = 3) -> tuple[dict[str, np.ndarray], np.float32]:
    rng = np.random.default_rng(n)
    return {"a": rng.normal(size=(n, 2)).astype(np.float32), "b": np.ones((2, n), np.float32)}, np.float32(2)


def check(program: StoredProgram, n: int = 3) -> None:
    found, expected = program(*arguments(n)), function(*jax.tree.map(jnp.asarray, arguments(n)))
    assert isinstance(found, Sums)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_a_second_process_neither_builds_nor_traces() -> None:
    first, second = Built(), Built()
    check(StoredProgram("sums", first))
    check(StoredProgram("sums", second))
    assert (first.n, second.n) == (1, 0)


def test_shapes_and_settings_have_programs_of_their_own(own_cache: Path) -> None:
    built = Built()
    program = StoredProgram("sums", built)
    for n in (3, 4, 3):
        check(program, n)
    check(StoredProgram("sums", built, "another size"))
    assert built.n == 3
    assert len(list(own_cache.glob("*/sums-*"))) == 3


@pytest.mark.parametrize("content", [b"", b"torn", None])
def test_a_broken_file_is_traced_and_written_again(own_cache: Path, content: bytes | None) -> None:
    built = Built()
    check(StoredProgram("sums", built))
    [path] = own_cache.glob("*/sums-*")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    check(StoredProgram("sums", built))
    assert built.n == 2
    check(StoredProgram("sums", built))
    assert built.n == 2


def test_without_a_home_programs_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "cache_folder", lambda: None)
    check(StoredProgram("sums", Built()))


def test_a_cache_that_cannot_be_written_costs_the_cache_alone(own_cache: Path) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text("in the way")
    check(StoredProgram("sums", Built()))


def test_a_stored_program_can_be_traced_within_another() -> None:
    gradient = jax.grad(lambda factor: StoredProgram("sums", Built())(arguments()[0], factor).rows.sum())(2.0)
    np.testing.assert_allclose(gradient, arguments()[0]["a"].sum(), rtol=1e-6)


def test_programs_of_old_sources_are_deleted(own_cache: Path) -> None:
    for k in range(6):
        (own_cache / f"old{k}").mkdir(parents=True)
    check(StoredProgram("sums", Built()))
    assert len(list(own_cache.iterdir())) == programs._KEPT_VERSIONS


def test_sampling_from_the_preset_model_needs_no_flax_once_it_is_stored(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
from ddx7.encoder.sampler import load_default
voices = load_default().decode(np.zeros((3, 320), np.float32), seed=5)
print("flax" in sys.modules, voices.sum())
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    runs = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    (with_flax, expected), (without, found) = (run.split() for run in runs)
    assert (with_flax, without, found) == ("True", "False", expected)
