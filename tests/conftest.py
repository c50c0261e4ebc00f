"""What tests of several layers share."""

import os
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import settings

PACKAGE = Path(__file__).parents[1] / "ddx7"
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"


def checked_modules() -> list[str]:
    """The modules whose annotations are checked at every call.

    Not kernels, since numba compiles no checked function. Not `ddx7.voice` either: it has no arrays with shapes, and a
    check costs it many times what it does (pyright sees its types).
    """
    files = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    return [".".join(parts) for parts in files if parts[1] != "voice" and "kernel" not in parts[-1] != "__init__"]


jaxtyping.install_import_hook(checked_modules(), CHECKER)

# A busy machine must not fail a test for taking its time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# The suite plays by numba, as a user's process does once its code is compiled.
os.environ.setdefault("DDX7_RENDERER", "numba")


@pytest.fixture(autouse=True)
def unchecked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check no annotations where a test passes wrong types on purpose."""
    jaxtyping.config.update("jaxtyping_disable", bool(request.node.get_closest_marker("unchecked")))
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def by_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render by JAX."""
    monkeypatch.setenv("DDX7_RENDERER", "jax")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material next to the checkout; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("DDX7_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs reference material that is not at {folder} (set DDX7_SHARED)")
    return folder
