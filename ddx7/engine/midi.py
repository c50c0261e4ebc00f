"""Renders Standard MIDI Files.

    file --read_midi--> MidiPerformance --render_midi--> audio

Each channel is a DX7 of its own with as many voices as it needs: one LFO that its notes share, one set of controllers.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ddx7.engine.checks import check_range
from ddx7.engine.clock import blocks_covering, blocks_until, first_block_at
from ddx7.engine.control import Plan, plan
from ddx7.engine.controllers import Controllers
from ddx7.engine.midi_file import MAX_DURATION_S
from ddx7.engine.midi_file import read_midi as read_midi
from ddx7.engine.midi_performance import AT_REST, ChannelControllers, MidiNote
from ddx7.engine.midi_performance import MidiPerformance as MidiPerformance
from ddx7.engine.patch import Patch
from ddx7.engine.profile import Profile, as_profile
from ddx7.engine.rendering import play
from ddx7.engine.tables import AUDIBLE_GAIN, BLOCK, ONE
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice
from ddx7.voice.algorithms import CARRIERS

if TYPE_CHECKING:
    from mido import MidiFile

FADE_S = 0.02
"""Length of the fade-out of a note that ends before it is silent."""

_BATCH_SAMPLES = 1 << 24
_BATCH_NOTES = 256


def render_midi(
    source: "str | os.PathLike[str] | MidiFile | MidiPerformance",
    voices: Voice | Sequence[Voice],
    *,
    sample_rate: int = 44100,
    tail: float | int = 10.0,
    controllers: Controllers | None = None,
    profile: str | Profile = "dexed",
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
    operators: bool = False,
) -> Float[np.ndarray, "*operator time"]:
    """Render a MIDI file, every note with a voice of its own.

    Args:
      source: path, mido file, or the result of `read_midi`.
      voices: one voice for all, or a sequence (a `Bank` is one) from which programme changes choose, counting from 0
        modulo its length.
      sample_rate: in Hz, 8000-192000.
      tail: seconds, 0-3600, that a note may sound on after note-off; a longer one fades out then.
      controllers: their assignments, master tune and bend step; the file sets positions and bend range.
      profile: as for `render`.
      progress: iterates over the batches of notes, such as a progress bar.
      operators: returns each operator's own output instead of their sum.

    Returns:
      float32 [time], mono, as long as the file and until its last note is silent; not limited, so many loud notes
      exceed 1. A carrier at full level peaks at 0.125. With `operators` [6, time], OP1 first: the
      carriers of one voice's algorithm sum to its sound.

    Raises:
      Ddx7Error: the file cannot be used, or a value is out of range.
    """
    check_range("sample_rate", sample_rate, 8000, 192000)
    check_range("tail", tail, 0, 3600)
    bank = [voices] if isinstance(voices, Voice) else list(voices)
    if not bank:
        raise Ddx7Error("render_midi: found no voices, wanted at least one")
    performance = source if isinstance(source, MidiPerformance) else read_midi(source)
    for name, low, high in (("note", 0, 127), ("velocity", 1, 127), ("onset_s", 0, MAX_DURATION_S)):
        check_range(name, np.array([getattr(note, name) for note in performance.notes]), low, high)
    check_range("gate", np.array([note.release_s - note.onset_s for note in performance.notes]), 0, MAX_DURATION_S)
    player = _Player(
        Patch.stack(bank), len(bank), performance, sample_rate, controllers or Controllers(), as_profile(profile)
    )

    notes = np.array(performance.notes, object)
    lengths = np.concatenate([player.lengths(some, tail) for some in _chunks(notes)] or [np.zeros(0, np.int64)])
    onsets = np.round([note.onset_s * sample_rate for note in notes]).astype(np.int64)
    end = max(round(performance.duration_s * sample_rate), int((onsets + lengths).max(initial=0)))
    audio = np.zeros((6, end) if operators else end, np.float32)
    for batch in progress(list(_batches(lengths))):
        sounds = player.play(notes[batch], lengths[batch], operators=operators)
        for onset, length, sound in zip(onsets[batch], lengths[batch], sounds, strict=True):
            audio[..., onset : onset + length] += sound[..., :length]
    return audio


@dataclass(frozen=True)
class _Player:
    patches: Patch
    n_voices: int
    performance: MidiPerformance
    sample_rate: int
    controllers: Controllers
    profile: Profile

    def lengths(self, notes: np.ndarray, tail: float | int) -> np.ndarray:
        """Samples that notes sound, int64 [voice]."""
        allowed = _gates(notes, self.sample_rate) + round(tail * self.sample_rate)
        return np.minimum(_silent_from(self._plan(notes)) * BLOCK, allowed)

    def play(self, notes: np.ndarray, lengths: np.ndarray, *, operators: bool = False) -> np.ndarray:
        """Sound of notes, float32 [voice, longest length], or of their operators, [voice, 6, longest length]."""
        plans = self._plan(notes)
        onsets, legato = np.array([(note.onset_s, note.legato_s) for note in notes]).T
        since_note_on, since_start = self._blocks(legato), self._blocks(onsets)
        times = onsets[:, None] + np.arange(blocks_covering(int(lengths.max()))) * (BLOCK / self.sample_rate)
        positions = {
            name: np.stack([getattr(self._controllers_of(n), name).at(t) for n, t in zip(notes, times, strict=True)])
            for name in ("pitch_bend", "bend_range", "wheel", "breath", "foot", "aftertouch")
        }
        controller_input = replace(self.controllers, **positions).to_input(
            lfo_age=np.where(plans.patch.lfo_sync == 1, since_note_on, since_start), delay_age=since_note_on
        )
        sounds = play(plans, lengths, controller_input, operators=operators)
        cut = lengths < _silent_from(plans) * BLOCK
        fade = np.linspace(1, 0, round(FADE_S * self.sample_rate), dtype=np.float32)
        for note, length, sound, is_cut in zip(notes, lengths.tolist(), sounds, cut, strict=True):
            sound[..., :length] *= self._gain(note, length)
            if is_cut:
                sound[..., max(length - len(fade), 0) : length] *= fade[-length:]
        return sounds

    def _controllers_of(self, note: MidiNote) -> ChannelControllers:
        return self.performance.controllers.get(note.channel, AT_REST)

    def _plan(self, notes: np.ndarray) -> Plan:
        patch = self.patches[np.array([note.program for note in notes]) % self.n_voices]
        note_numbers, velocities = np.array([(note.note, note.velocity) for note in notes], np.int32).T
        gates = first_block_at(np.array([note.release_s - note.onset_s for note in notes]), self.sample_rate)
        return plan(patch, note_numbers, velocities, gates, self.sample_rate, profile=self.profile)

    def _blocks(self, seconds: np.ndarray) -> np.ndarray:
        return np.round(seconds * (self.sample_rate / BLOCK)).astype(np.int32)

    def _gain(self, note: MidiNote, n_samples: int) -> np.ndarray | float:
        """Volume and expression, linear from block to block, so that their steps do not crackle."""
        controllers = self._controllers_of(note)
        if not (controllers.volume.moves or controllers.expression.moves):
            return float(controllers.gain(np.array([note.onset_s]))[0])
        blocks = np.arange(n_samples // BLOCK + 2)
        gains = controllers.gain(note.onset_s + blocks * (BLOCK / self.sample_rate))
        return np.interp(np.arange(n_samples) / BLOCK, blocks, gains).astype(np.float32)


def _gates(notes: np.ndarray, sample_rate: int) -> np.ndarray:
    return np.round([(note.release_s - note.onset_s) * sample_rate for note in notes]).astype(np.int64)


def _silent_from(plans: Plan) -> np.ndarray:
    """First block after which no carrier is audible, int64 [voice]; very large for a stuck note.

    It depends on the envelopes alone, because the LFO and controllers only lower them.
    """
    floor = plans.tables.gain_offset + np.log2(AUDIBLE_GAIN) * ONE
    start = np.asarray(plans.amp.start, np.int64)
    level, slope, reach, end = np.moveaxis(np.asarray(plans.amp.line, np.int64), -1, 0)
    following = np.concatenate([start[..., 1:], np.full_like(start[..., :1], np.iinfo(np.int64).max // BLOCK // 2)], -1)
    length = following - start
    last = np.where(length >= reach, end, level + slope * length)
    # A level that falls through the floor does so on a straight line; `reach` bounds it.
    crossing = np.minimum(np.maximum(level - floor, 0) // np.maximum(-slope, 1) + 1, np.minimum(reach, length))
    audible_until = np.where(last >= floor, following, np.where(level >= floor, start + crossing, 0))
    by_operator = np.where(length > 0, audible_until, 0).max(axis=-1)
    in_ticks = (by_operator * (CARRIERS[np.asarray(plans.patch.algorithm) - 1] > 0)).max(axis=-1)
    return blocks_until(plans.tables.envelope, in_ticks)


def _chunks(notes: np.ndarray) -> list[np.ndarray]:
    return [notes[k : k + 1024] for k in range(0, len(notes), 1024)]


def _batches(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of sounding notes, longest first, few enough at a time to fit into memory."""
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    while len(order):
        n = int(np.clip(_BATCH_SAMPLES // lengths[order[0]], 1, _BATCH_NOTES))
        yield order[:n]
        order = order[n:]
