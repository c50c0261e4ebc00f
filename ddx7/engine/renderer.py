"""Chooses between the two renderers: machine code by numba, or JAX.

Both make the same sound. numba's is several times as fast on a CPU but takes seconds to compile the first time on a
machine, so a process begins with it only where an earlier one has left it in the cache, and otherwise turns to it when
it has rendered enough by JAX. The choice depends on the cache and on the amount of sound, never on the clock.
"""

import importlib.metadata
import importlib.util
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal

from ddx7.machine_code import VARIABLE, code_folder, compile_kept, has_gpu, is_kept, wish

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
    wished = wish()
    if wished == "jax" or _choice.failure is not None:
        return None
    if _choice.module is not None:
        return _choice.module
    with _lock:
        if wished == "auto":
            if has_gpu():
                return None
            _choice.rendered_s += seconds
            if _choice.rendered_s < _WORTH_S and not _in_cache():
                return None
        return _load()


def loaded_renderer() -> ModuleType | None:
    """`ddx7.engine.numba_rendering` if this process has loaded it and may use it."""
    return _choice.module if wish() != "jax" else None


def warm() -> RendererReport:
    """Compile numba's renderer, or load it from the cache, and report."""
    if wish() != "jax" and not has_gpu():
        with _lock:
            _load()
    return report()


def report() -> RendererReport:
    """The renderer of this process, without compiling."""
    if wish() == "jax":
        return RendererReport("off", f"JAX, because {VARIABLE}=jax")
    if _choice.failure is not None:
        return RendererReport("broken", f"JAX, because numba fails here: {_choice.failure}")
    if _choice.module is None and has_gpu():
        return RendererReport("off", "JAX on its GPU")
    if importlib.util.find_spec("numba") is None:
        return RendererReport("broken", "JAX, because numba is not installed")
    if _choice.module is not None or _in_cache():
        return RendererReport("ready", f"numba {importlib.metadata.version('numba')}, compiled")
    return RendererReport("cold", "JAX until numba's code is compiled; `ddx7 doctor --warm` compiles it")


def _load() -> ModuleType | None:
    """Import and compile; whatever goes wrong, JAX renders."""
    if _choice.module is None and _choice.failure is None:
        try:
            _choice.module = _compile()
        except Exception as error:  # numba raises many kinds, and none may stop a render
            _choice.failure = f"{type(error).__name__}: {error}".splitlines()[0]
    return _choice.module


def _compile() -> ModuleType:
    def compile_all() -> ModuleType:
        from ddx7.engine import numba_rendering

        numba_rendering.compile_kernels()
        return numba_rendering

    return compile_kept(_folder(), compile_all)


def _in_cache() -> bool:
    """Whether a process like this one has compiled into the cache."""
    return is_kept(_folder())


@cache
def _folder() -> Path | None:
    """Folder for the machine code of this source; None where there is no home folder."""
    return code_folder([Path(__file__).parent / name for name in _SOURCES])
