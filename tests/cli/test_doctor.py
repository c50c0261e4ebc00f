import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import Run

import ddx7
from ddx7.cli import app, doctor


@pytest.fixture
def other_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata by which ddx7 requires these packages."""
    folder = tmp_path / "ddx7-0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: ddx7\nVersion: 0\n"
        "Requires-Dist: numpy>=2\n"
        "Requires-Dist: no-such-package!=1.0,>=0.9\n"
        "Requires-Dist: nor-this; extra == 'midi'\n"
        "Requires-Dist: numpy[more]; extra == 'web'\n"
        "Requires-Dist: nor-that-one; extra == 'test'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def checks(out: str) -> dict[str, tuple[str, str]]:
    return {check["what"]: (check["state"], check["says"]) for check in json.loads(out)["checks"]}


def test_this_installation_is_complete(run: Run) -> None:
    outcome = run("doctor", "--json")
    found = checks(outcome.out)
    assert outcome.code == 0
    assert found["ddx7"] == ("ok", ddx7.__version__)
    assert found["numpy"] == ("ok", importlib.metadata.version("numpy"))
    assert found["renderer"][0] == "ok"
    assert found["renderer"][1].startswith(("numba ", "JAX"))
    assert found["jax device"][1].startswith(("cpu: ", "gpu: ", "tpu: "))
    assert "WAV" in found["audio files"][1]
    assert found["sound"][1].startswith("1 s of INIT VOICE in ")
    assert "MB of weights" in found["preset model"][1]
    assert {state for state, _ in found.values()} <= {"ok", "optional"}


def test_a_missing_package_is_reported_with_its_remedy(run: Run, other_requirements: None) -> None:
    outcome = run("doctor")
    lines = {tuple(line.split()[:2]): line for line in outcome.out.splitlines()}
    assert ("ok", "numpy") in lines
    assert lines["missing", "no-such-package"].endswith("not installed; pip install 'no-such-package!=1.0,>=0.9'")
    assert lines["optional", "nor-this"].endswith("not installed; pip install 'ddx7[midi]'")
    assert "nor-that-one" not in outcome.out
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1] == "ddx7: missing or broken: no-such-package"


def test_a_broken_installation_is_an_answer_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ddx7", "doctor"],
        capture_output=True,
        text=True,
        env={**os.environ, "JAX_PLATFORMS": "abacus"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    broken = next(line for line in done.stdout.splitlines() if line.startswith("broken"))
    assert "abacus" in broken


def test_the_cache_is_shown_and_can_be_deleted(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    kept = tmp_path / "ddx7" / "xla" / "program"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(2_500_000))
    (tmp_path / "other").write_text("not ours")
    check = doctor._cache()
    assert (check.state, f"{tmp_path / 'ddx7'} (2.5 MB)" in check.detail) == ("ok", True)
    outcome = run("doctor", "--clear-cache")
    assert (outcome.code, f"deleted {tmp_path / 'ddx7'}, 2.5 MB" in outcome.err) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert run("doctor", "--clear-cache").err == "the cache is empty\n"


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    check = doctor._cache()
    assert check.state == "optional"
    assert check.detail.startswith(f"{tmp_path / 'file' / 'ddx7'} cannot be written, so every run compiles again")


@pytest.mark.parametrize("asked", ["abacus", "gpu"])
def test_a_device_that_jax_lacks_gets_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    def fail(name: str, words: list[str]) -> None:
        raise RuntimeError(f"Unable to initialize backend '{asked}': not in the list")

    monkeypatch.setattr(app, "_parse", fail)
    monkeypatch.setenv("JAX_PLATFORMS", asked)
    outcome = run("doctor")
    assert (outcome.code, outcome.err) == (
        1,
        f"ddx7: JAX_PLATFORMS: found '{asked}', which jax cannot use here; unset it, or set it to cpu\n",
    )
