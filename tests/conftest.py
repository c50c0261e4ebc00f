"""What tests of several layers share."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import cache, partial, wraps
from inspect import isfunction
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from hypothesis import settings

PACKAGE = Path(__file__).parents[1] / "ddx7"
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"


def checked_modules() -> list[str]:
    """The modules whose annotations are checked.

    Not kernels, since numba compiles no checked function. Not `ddx7.voice` either: it has no arrays with shapes, and a
    check costs it many times what it does (pyright sees its types).
    """
    files = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    return [".".join(parts) for parts in files if parts[1] != "voice" and "kernel" not in parts[-1] != "__init__"]


CHECKED_CALLS = 2
"""Calls of each function that are checked in a test. A check costs many times what a small function does, and a search
calls some of them a million times: checks of every call took nearly half of the suite's time."""

n_checked: Counter[int] = Counter()
"""Calls that were checked in this test, by the identity of the function's code."""

_check_every_call = jaxtyping.jaxtyped


def check_first_calls(checked: Any = None, *, typechecker: Any) -> Any:
    """Stands in for the decorator that the import hook writes before each function and class of a checked module.

    The checked form of a function is made at its first call: to make those of all functions takes longer than the tests
    of many a file.
    """
    if checked is None:
        return partial(check_first_calls, typechecker=typechecker)
    if not isfunction(checked):  # a class: of a dataclass, what makes it is checked
        made = vars(checked).get("__init__")
        if is_dataclass(checked) and made is not None and not hasattr(made, "__wrapped__"):
            checked.__init__ = check_first_calls(made, typechecker=typechecker)
        return checked
    code = id(checked.__code__)  # one for a function that another one defines each time it is called
    checking = cache(lambda: _check_every_call(checked, typechecker=typechecker))

    @wraps(checked)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if n_checked[code] >= CHECKED_CALLS:
            return checked(*args, **kwargs)
        n_checked[code] += 1
        return checking()(*args, **kwargs)

    return call


jaxtyping.jaxtyped = check_first_calls
jaxtyping.install_import_hook(checked_modules(), CHECKER)

# With a cold cache each worker finds what the other has compiled, small programs included. JAX's own limit is 1 s.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

# A busy machine must not fail a test for taking its time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


# The suite plays by numba, as a user's process does once its code is compiled.
os.environ.setdefault("DDX7_RENDERER", "numba")


def pytest_collection_finish() -> None:
    """Leave what the imports made out of the collection of garbage: to go through it took a tenth of the CPU time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="module")
def quickly_compiled() -> Iterator[None]:
    """The module's programs are compiled without most of XLA's optimisations."""
    from playing import quick_compilation

    with quick_compilation():
        yield


@pytest.fixture(autouse=True)
def unchecked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check the first calls of each test, and none where a test passes wrong types on purpose."""
    n_checked.clear()
    jaxtyping.config.update("jaxtyping_disable", bool(request.node.get_closest_marker("unchecked")))
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def programs_made() -> Callable[[], int]:
    """A function that counts the programs that JAX has compiled, or loaded from its cache, in this process so far."""
    import jax

    made: list[str] = []

    def note_event(event: str, *_: float, **__: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            made.append(event)

    jax.monitoring.register_event_duration_secs_listener(note_event)
    return lambda: len(made)


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
