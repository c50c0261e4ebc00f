"""``ddx7 doctor``: a check of the installation."""

import importlib.metadata
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.text import Text

from ddx7 import __version__
from ddx7.cli.terminal import note, result, result_json
from ddx7.errors import Ddx7Error
from ddx7.runtime import cache_folder, can_write, program_folder
from ddx7.voice import Voice, init_voice

CheckState = Literal["ok", "missing", "broken", "optional"]

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*extra == ['\"](\w+)['\"])?")
_SOUND_S = 1.0
_FULL_LEVEL = 0.125  # peak of one carrier at full level
_FOR_DEVELOPERS = frozenset({"test"})
_STYLES: dict[CheckState, str] = {"ok": "green", "missing": "bold red", "broken": "bold red", "optional": "dim"}


@dataclass(frozen=True)
class Command:
    """Check the installation: packages, devices, audio files, rendering and weights.

    The exit code is 1 if anything that ddx7 needs is missing or broken.
    """

    json: bool = False
    """Print JSON instead of a table."""

    clear_cache: bool = False
    """Delete what is kept to start faster: compiled programs, and features of recordings. Nothing else is lost."""

    warm: bool = False
    """Compile what rendering, matching and generating need, so that no later command waits for it."""

    def run(self) -> int:
        """Check, print and return the exit code."""
        if self.clear_cache:
            _clear_cache()
            if not self.warm:  # the checks would fill it again
                return 0
        if self.warm:
            _warm()
        note("checking; compiling the engine takes some seconds")
        checks = list(_checks())
        if self.json:
            result_json({"checks": [{"what": c.what, "state": c.state, "says": c.detail} for c in checks]})
        else:
            result(_table(checks))
        bad = [check.what for check in checks if check.state in ("missing", "broken")]
        if bad:
            raise Ddx7Error(f"missing or broken: {', '.join(bad)}")
        return 0


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
      what: the part of the installation.
      state: an "optional" part is missing, which is no fault.
      detail: version, device or time; for a fault its description and its remedy.
    """

    what: str
    state: CheckState
    detail: str


def _checks() -> Iterator[Check]:
    yield Check("ddx7", "ok", __version__)
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from _packages()
    yield _attempt("jax device", _devices)
    yield _attempt("audio files", _audio_files)
    yield _cache()
    yield _renderer()
    yield _attempt("sound", _sound)
    yield _attempt("preset model", _preset_model)
    yield _attempt("instruments", _instruments)


def _packages() -> Iterator[Check]:
    """The packages that the metadata of ddx7 require."""
    try:
        requirements = importlib.metadata.requires("ddx7") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check("packages", "missing", "ddx7 has no metadata, because it runs from a folder; pip install -e .")
        return
    seen: set[str] = set()
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None or match[2] in _FOR_DEVELOPERS or match[1] in seen:  # several extras may name one package
            continue
        package, extra = match[1], match[2]
        seen.add(package)
        try:
            yield Check(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            if extra:
                yield Check(package, "optional", f"not installed; pip install 'ddx7[{extra}]'")
            else:
                yield Check(package, "missing", f"not installed; pip install '{requirement}'")


def _attempt(what: str, inspect: Callable[[], str]) -> Check:
    # An exception of a broken installation is a result here, not an error of this program.
    try:
        return Check(what, "ok", inspect())
    except Exception as error:
        return Check(what, "broken", f"{type(error).__name__}: {error}".splitlines()[0])


def _devices() -> str:
    import jax

    names = ", ".join(str(device.device_kind) for device in jax.devices())
    idle = jax.default_backend() == "cpu" and shutil.which("nvidia-smi") is not None
    hint = "; jax does not use the NVIDIA GPU of this machine: pip install 'ddx7[cuda]'" if idle else ""
    return f"{jax.default_backend()}: {names}{hint}"


def _audio_files() -> str:
    import soundfile

    formats = soundfile.available_formats()
    readable = [name for name in ("WAV", "FLAC", "OGG", "MP3") if name in formats]
    return f"libsndfile {soundfile.__libsndfile_version__} reads {', '.join(readable)}"


def _sound() -> str:
    from ddx7.engine import render

    voice = init_voice()
    seconds: list[float] = []
    peak = 0.0
    for _ in range(2):
        start = time.perf_counter()
        peak = float(np.abs(render(voice, duration=_SOUND_S)).max())
        seconds.append(time.perf_counter() - start)
    if not _FULL_LEVEL / 1.01 < peak < _FULL_LEVEL * 1.01:
        raise Ddx7Error(f"INIT VOICE peaks at {peak:.4f}, wanted {_FULL_LEVEL}")
    first, again = seconds
    return f"{_SOUND_S:g} s of INIT VOICE in {again:.2f} s; the first time, with compiling, in {first:.1f} s"


def _cache() -> Check:
    """Where compiled programs are kept, and how large the folder is."""
    folder, programs = cache_folder(), program_folder()
    if folder is None or programs is None or not can_write(folder):
        place = "there is no home folder" if folder is None else f"{folder} cannot be written"
        return Check("cache", "optional", f"{place}, so every run compiles again; XDG_CACHE_HOME names another folder")
    places = [folder] if programs.is_relative_to(folder) else [folder, programs]
    if not can_write(programs):
        return Check("cache", "optional", f"{programs} cannot be written, so every run compiles again")
    sizes = " and ".join(f"{place} ({_megabytes(place):.1f} MB)" for place in places)
    return Check("cache", "ok", f"{sizes}; ddx7 doctor --clear-cache deletes {folder}")


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _clear_cache() -> None:
    folder = cache_folder()
    if folder is None or not folder.exists():
        note("the cache is empty")
        return
    size = _megabytes(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise Ddx7Error(f"{folder}: cannot be deleted ({error.strerror or error})") from None
    note(f"deleted {folder}, {size:.1f} MB; the next use of each command compiles again")


def _renderer() -> Check:
    from ddx7.engine.renderer import report

    found = report()
    return Check("renderer", "optional" if found.state == "broken" else "ok", found.reason)


def _warm() -> None:
    """Run once what compiles, at the sizes that the commands use."""
    import ddx7
    from ddx7.audio import fast_distance
    from ddx7.engine import renderer

    voice = init_voice()
    steps: list[tuple[str, Callable[[], object]]] = [
        ("numba's renderer", renderer.warm),
        ("numba's distance", fast_distance.warm),
        ("the engine", lambda: ddx7.render(voice, duration=_SOUND_S)),
        ("the generator", lambda: ddx7.generate(1, seed=0)),
        ("the learned instruments", _play_instruments),
        ("match", lambda: _match_for(voice, fast=True)),
        ("match's search", lambda: _match_for(voice, fast=False)),
    ]
    for number, (what, step) in enumerate(steps, start=1):
        note(f"compiling {number} of {len(steps)}: {what}")
        start = time.perf_counter()
        step()
        note(f"  {time.perf_counter() - start:.1f} s")


def _play_instruments() -> None:
    """A second of each learned instrument: those of one structure share a program."""
    from ddx7.resynthesis import load, shipped

    for name in shipped():
        load(name)(np.full(250, 440.0, np.float32), np.full(250, -30.0, np.float32))


def _match_for(voice: Voice, *, fast: bool) -> None:
    """A short match of a voice's own sound."""
    import ddx7

    ddx7.match((ddx7.render(voice, duration=_SOUND_S), 44100), seconds=5, fast=fast, seed=0)


def _preset_model() -> str:
    from ddx7.encoder.sampler import WEIGHTS, load_weights

    card = load_weights(WEIGHTS).card
    size_mb = card["bytes"] / 1e6
    return (
        f"{size_mb:.1f} MB of weights match their card; trained for {card['step']:,} steps on {card['voices']:,} voices"
    )


def _instruments() -> str:
    from ddx7.resynthesis import load, shipped

    steps = [f"{name} ({load(name).card['steps']:,} steps)" for name in shipped()]
    if not steps:
        raise Ddx7Error("found none in the package, wanted flute, trumpet and violin")
    return f"{', '.join(steps)}; weights match their cards"


def _table(checks: list[Check]) -> Iterator[Text]:
    width = max(len(check.what) for check in checks)
    for check in checks:
        yield Text.assemble((f"{check.state:8}", _STYLES[check.state]), f"  {check.what:{width}}  {check.detail}")
