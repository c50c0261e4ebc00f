"""What tests of several layers share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine must not fail a test for taking its time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# The suite plays by numba, as a user's process does once its code is compiled.
os.environ.setdefault("DDX7_RENDERER", "numba")


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
