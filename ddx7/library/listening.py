"""Listening to many voices at once, and what is wrong with those that are duds."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ddx7.library.hearing import hear
from ddx7.library.measures import Measures, measure
from ddx7.library.shards import in_shards

if TYPE_CHECKING:
    from distributed import Client


class Probe(NamedTuple):
    """A note on which voices are judged; times in seconds."""

    note: int
    velocity: int
    gate_s: float
    duration_s: float


MIDDLE = Probe(60, 100, 1.0, 2.0)
LOW = Probe(40, 127, 0.5, 0.75)
LONG = Probe(60, 127, 10.0, 10.0)
"""Only for voices that are silent on the other two: pads may take seconds to be heard."""

SILENT_PEAK = 1e-3
_VERSION = "listening 1"


@dataclass(frozen=True, eq=False)
class Heard:
    """What was heard of some voices.

    Attributes:
      middle: the note `MIDDLE`.
      low: the note `LOW`.
      long_peak: float32 [voice], highest sample of the note `LONG`, of the others where that was not played.
    """

    middle: Measures
    low: Measures
    long_peak: np.ndarray

    def __len__(self) -> int:
        """How many voices were heard."""
        return len(self.long_peak)


def listen(
    vced: np.ndarray,
    *,
    folder: Path | None = None,
    progress: Callable[[int, int], object] | None = None,
    client: "Client | None" = None,
) -> Heard:
    """Play and measure voices; 2.75 s of sound for each.

    Args:
      vced: uint8 [voice, 155], legal.
      folder: where to keep what is done, for a run that may be stopped (see `ddx7.library.shards`).
      progress: called with the number of voices heard and of all.
      client: of a Dask cluster that shall do it.

    Raises:
      Ddx7Error: no voices, or the folder cannot be written.
    """
    found = in_shards(_heard, vced, version=_VERSION, folder=folder, progress=progress, client=client)
    names = [field.name for field in fields(Measures)]
    notes = (Measures(**{name: found[f"{note}_{name}"] for name in names}) for note in ("middle", "low"))
    return Heard(*notes, long_peak=found["long_peak"])


def _heard(vced: np.ndarray) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for prefix, probe in (("middle", MIDDLE), ("low", LOW)):
        measures = measure(hear(vced, *probe), probe.gate_s)
        found |= {f"{prefix}_{field.name}": getattr(measures, field.name) for field in fields(Measures)}
    peak = np.maximum(found["middle_peak"], found["low_peak"])
    unheard = np.flatnonzero(peak < SILENT_PEAK)
    if len(unheard):
        peak[unheard] = np.maximum(peak[unheard], np.abs(hear(vced[unheard], *LONG)).max(1))
    return {**found, "long_peak": peak}
