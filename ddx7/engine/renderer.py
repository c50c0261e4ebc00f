"""Chooses between the two renderers: machine code by numba, or JAX.

Both make the same sound. numba's is several times as fast on a CPU but takes seconds to compile the first time on a
machine, so a process begins with it only where an earlier one has left it in the cache, and otherwise turns to it when
it has rendered enough by JAX. The choice depends on the cache and on the amount of sound, never on the clock.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from ddx7.errors import Ddx7Error
from ddx7.runtime import cache_folder, can_write

VARIABLE = "DDX7_RENDERER"
"""Environment variable that decides: `numba`, `jax`, or `auto`, the default."""

_WORTH_S = 2000.0
"""Seconds of sound that a process renders by JAX before it compiles. That takes about a second, compiling five."""

_SOURCES = ("kernel_data.py", "kernel_controls.py", "kernel_envelopes.py", "kernels.py", "tables.py", "operators.py")

RendererState = Literal["ready", "cold", "off", "broken"]


@dataclass(frozen=True)
class RendererReport:
    """Which renderer this process uses.

    Attributes:
      state: "ready" where numba's code is loaded or in the cache, "cold" where it is not compiled yet, "off" where the
        environment or a GPU chooses JAX, "broken" where numba does not work here.
      reason: one sentence.
    """

    state: RendererState
    reason: str


@dataclass
class _Choice:
    """What this process has found so far."""

    module: ModuleType | None = None
    failure: str | None = None
    rendered_s: float = 0.0


_choice = _Choice()
_lock = threading.RLock()


def fast_renderer(seconds: float) -> ModuleType | None:
    """`ddx7.engine.numba_rendering` if it should render now; None where JAX should.

    Args:
      seconds: sum of the lengths of all sounds to render.
    """
    wish = _wish()
    if wish == "jax" or _choice.failure is not None:
        return None
    if _choice.module is not None:
        return _choice.module
    with _lock:
        if wish == "auto":
            if _gpu():
                return None
            _choice.rendered_s += seconds
            if _choice.rendered_s < _WORTH_S and not _in_cache():
                return None
        return _load()


def loaded_renderer() -> ModuleType | None:
    """`ddx7.engine.numba_rendering` if this process has loaded it and may use it."""
    return _choice.module if _wish() != "jax" else None


def warm() -> RendererReport:
    """Compile numba's renderer, or load it from the cache, and report."""
    if _wish() != "jax" and not _gpu():
        with _lock:
            _load()
    return report()


def report() -> RendererReport:
    """The renderer of this process, without compiling."""
    if _wish() == "jax":
        return RendererReport("off", f"JAX, because {VARIABLE}=jax")
    if _choice.failure is not None:
        return RendererReport("broken", f"JAX, because numba fails here: {_choice.failure}")
    if _choice.module is None and _gpu():
        return RendererReport("off", "JAX on its GPU")
    if importlib.util.find_spec("numba") is None:
        return RendererReport("broken", "JAX, because numba is not installed")
    if _choice.module is not None or _in_cache():
        return RendererReport("ready", f"numba {importlib.metadata.version('numba')}, compiled")
    return RendererReport("cold", "JAX until numba's code is compiled; `ddx7 doctor --warm` compiles it")


def _wish() -> str:
    wish = os.environ.get(VARIABLE) or "auto"
    if wish not in ("auto", "numba", "jax"):
        raise Ddx7Error(f"{VARIABLE}: found {wish!r}, wanted numba, jax or auto")
    return wish


def _load() -> ModuleType | None:
    """Import and compile; whatever goes wrong, JAX renders."""
    if _choice.module is None and _choice.failure is None:
        try:
            _choice.module = _compile()
        except Exception as error:  # numba raises many kinds, and none may stop a render
            _choice.failure = f"{type(error).__name__}: {error}".splitlines()[0]
    return _choice.module


def _compile() -> ModuleType:
    config: Any = importlib.import_module("numba.core.config")
    folder = _folder()
    if folder is not None and not can_write(folder):
        folder = None
    before = config.CACHE_DIR
    if folder is not None and not before:
        config.CACHE_DIR = str(folder)
    try:
        # numba takes the folder when it meets a function.
        from ddx7.engine import numba_rendering
    finally:
        config.CACHE_DIR = before
    numba_rendering.compile_kernels()
    if folder is not None:
        (folder / _marker()).touch()
    return numba_rendering


def _in_cache() -> bool:
    """Whether a process like this one has compiled into the cache."""
    folder = _folder()
    # An import of llvmlite takes a while, so it comes last.
    return folder is not None and any(folder.glob("ready-*")) and (folder / _marker()).exists()


@cache
def _folder() -> Path | None:
    """Folder for the machine code of this source; None where there is no home folder."""
    above = cache_folder()
    if above is None:
        return None
    source = b"".join((Path(__file__).parent / name).read_bytes() for name in _SOURCES)
    return above / "numba" / hashlib.sha256(source).hexdigest()[:16]


@cache
def _marker() -> str:
    import llvmlite.binding

    versions = (platform.python_version(), *map(importlib.metadata.version, ("numba", "llvmlite", "numpy")))
    processor = llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()
    text = " ".join((*versions, *processor, str(Path(__file__).parent)))
    return "ready-" + hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _gpu() -> bool:
    """Whether JAX computes on something faster than the CPU; it starts only where a plugin for that is installed."""
    plugins = importlib.util.find_spec("jax_plugins") is not None
    if not (plugins or importlib.metadata.entry_points(group="jax_plugins")):
        return False
    import jax

    return jax.default_backend() != "cpu"
