"""`propose`: voices that the preset model alone finds likely for a recording, in a second and without a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from ddx7.audio import Note
from ddx7.encoder import load_default, load_weights
from ddx7.errors import ArgumentError
from ddx7.matching.objective import NoteEvent
from ddx7.matching.prepare import Excerpt, prepare, read_excerpt
from ddx7.matching.segmentation import Reading, note_source
from ddx7.matching.vced import apply_detune, force_release
from ddx7.voice import Bank, Voice
from ddx7.voice.voice import numbered, panel_name

MOST = 512
"""Voices that `propose` returns at most."""
_NAMELESS = "PROPOSED"


@dataclass(frozen=True)
class ProposedVoices:
    """Voices that the preset model proposes for a recording.

    Attributes:
      voices: the likeliest first.
      log_likelihoods: of each under the preset model, given the notes, in nats.
      notes: notes of the recording.
      events: the events that play them; the model was given at most four of them.
    """

    voices: Bank
    log_likelihoods: tuple[float, ...]
    notes: tuple[Note, ...]
    events: tuple[NoteEvent, ...]


def propose(
    recording: str | Path | tuple[np.ndarray, int] | Excerpt,
    n: int = 16,
    *,
    seed: int = 0,
    temperature: float | int = 1.0,
    name: str | None = None,
    weights: str | Path | None = None,
    notes: Sequence[Note] | Reading | str | Path = "auto",
    note: int | None = None,
    velocity: int | None = None,
    start_s: float | int = 0.0,
    end_s: float | int = inf,
) -> ProposedVoices:
    """Propose voices for a recorded note or phrase by the preset model alone; nothing is rendered or compared.

    `ddx7.match` renders such proposals, ranks them and searches from the nearest; the likeliest voice is seldom the
    nearest.

    Args:
      recording: as for `ddx7.match`.
      n: number of voices, 1-512.
      seed: equal seeds give equal voices.
      temperature: 1 samples the learned distribution; lower values, above 0, favour likely voices.
      name: name of the voices; that of the recording by default.
      weights: of the preset model, as `ddx7 train encoder` writes them; None takes those of the package.
      notes: as for `ddx7.match`. Where a recording may be one note or several, "auto" takes one.
      note: MIDI note of the strongest note, if it is known.
      velocity: MIDI velocity of the loudest note; 100 by default.
      start_s: beginning of the part of the recording, in seconds.
      end_s: its end.

    Returns:
      voices in tune with the recording, whose notes end. The likelihoods are those of the voices as sampled.

    Raises:
      AudioError: the recording cannot be read, is silent, or has no pitch.
      Ddx7Error: an argument is out of range, or the weights are of something else.
    """
    if not 1 <= n <= MOST:
        raise ArgumentError(f"n: found {n}, wanted 1 to {MOST}")
    if not temperature > 0:
        raise ArgumentError(f"temperature: found {temperature:g}, wanted more than 0")
    model = load_default() if weights is None else load_weights(Path(weights))
    excerpt = recording if isinstance(recording, Excerpt) else read_excerpt(recording, start_s=start_s, end_s=end_s)
    given = note_source(notes, excerpt.samples, excerpt.sample_rate)
    target = prepare(excerpt, notes=given, note=note, velocity=velocity).plainest
    inputs = target.encoder_inputs()
    sampled = model.sample(inputs, n, seed, float(temperature))
    log_likelihoods = model.log_likelihoods(inputs, sampled)
    order = np.argsort(-log_likelihoods, kind="stable")
    stem = panel_name(name or excerpt.name) or _NAMELESS
    names = [stem, *(numbered(stem, k) for k in range(2, n + 1))]
    vced = force_release(apply_detune(sampled[order], target.cents))
    voices = Bank(Voice.from_vced(row).renamed(called) for row, called in zip(vced, names, strict=True))
    return ProposedVoices(voices, tuple(map(float, log_likelihoods[order])), target.notes, target.events)
