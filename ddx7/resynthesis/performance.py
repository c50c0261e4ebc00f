"""A MIDI file, played by a learned instrument."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ddx7.audio.features import HOP
from ddx7.engine.midi_performance import AT_REST, MidiNote, MidiPerformance
from ddx7.errors import ArgumentError
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.note_curves import PlayingStyle, note_curves, split_lines
from ddx7.resynthesis.playback import PlaybackControls
from ddx7.resynthesis.transfer import outside_remark, play_at_level

MAX_S = 600.0
_DRUMS = 10
_LEAST_SOFT_DB = 12.0  # between the softest and the loudest note, of an instrument whose recordings were alike
_LONGEST_TAIL_S = 2.0


@dataclass(frozen=True, eq=False)
class PlayedNotes:
    """A MIDI file as an instrument plays it.

    Attributes:
      audio: float32 [time] at the instrument's sample rate.
      sample_rate: in Hz.
      controls: of the synthesizer, of the line with the most notes; for FM log2 gains of OP1 to OP6, [frame, 6].
      style: of the player.
      n_notes: that were played.
      n_lines: that sounded together.
      remarks: advice to the player, a sentence each.
    """

    audio: Float[np.ndarray, " time"]
    sample_rate: int
    controls: Any
    style: PlayingStyle
    n_notes: int
    n_lines: int
    remarks: tuple[str, ...]


def style_of(instrument: Instrument, style: PlayingStyle | None = None) -> PlayingStyle:
    """A style with the loudness that an instrument learned."""
    style, learned = style or PlayingStyle(), instrument.card.get("range", {})
    if "loud_db" not in learned:
        return style
    soft_db = min(learned.get("soft_db", -np.inf), learned["loud_db"] - _LEAST_SOFT_DB)
    return replace(style, loud_db=learned["loud_db"], soft_db=max(soft_db, learned["loud_db"] - 2 * _LEAST_SOFT_DB))


def perform(
    performance: MidiPerformance,
    instrument: Instrument,
    playback: PlaybackControls | None = None,
    *,
    style: PlayingStyle | None = None,
    channel: int | None = None,
    seed: int = 0,
) -> PlayedNotes:
    """Play the notes of a MIDI file.

    Chords are shared among several players of the instrument. Controllers act as on a synthesizer: pitch bend, volume,
    expression (with the timbre of softer playing), and vibrato by the wheel or aftertouch; the sustain pedal holds
    notes. A slow gain brings every note to the loudness that the curves ask for.

    Args:
      performance: from `ddx7.engine.read_midi`.
      instrument: to play with.
      playback: settings of the player.
      style: attack, release, vibrato and loudness; by default, the loudness is that of the learned recordings.
      channel: to play, 1-16 on the first port; by default all but the drums on channel 10.
      seed: of noise.

    Raises:
      ArgumentError: there are no notes on the channel.
    """
    playback = playback or PlaybackControls()
    style = style or style_of(instrument)
    notes = _chosen(performance.notes, channel)
    remarks = []
    if any(note.release_s > MAX_S for note in notes):
        remarks.append(f"only the first {MAX_S:.0f} s are played")
        notes = [replace(note, release_s=min(note.release_s, MAX_S)) for note in notes if note.onset_s < MAX_S]
    model = instrument.model
    frames_per_s = model.sample_rate / HOP
    tail_s = style.release_s + min(model.reverb_s, _LONGEST_TAIL_S)
    n_frames = int(np.ceil((max(note.release_s for note in notes) + tail_s) * frames_per_s))
    times_s = np.arange(n_frames) / frames_per_s
    audio = np.zeros(n_frames * HOP, np.float32)
    longest, shown, n_lines = 0, None, 0
    for number in sorted({note.channel for note in notes}):
        controllers = performance.controllers.get(number, AT_REST)
        volume = (controllers.volume.at(times_s) / 127) ** 2
        gain = np.interp(np.arange(len(audio)) / HOP, np.arange(n_frames), volume).astype(np.float32)
        for line in split_lines([note for note in notes if note.channel == number]):
            f0_hz, loudness_db = note_curves(line, n_frames, frames_per_s, style, controllers)
            sound, controls = play_at_level(instrument, f0_hz, loudness_db, playback, seed=seed + n_lines, hold=True)
            audio += sound * gain
            n_lines += 1
            if len(line) > longest:
                longest, shown = len(line), controls
    played = np.repeat([note.note for note in notes], [max(round(10 * (n.release_s - n.onset_s)), 1) for n in notes])
    remark = outside_remark(played + playback.transpose, playback, instrument.card.get("range", {}))
    return PlayedNotes(
        audio, model.sample_rate, shown, style, len(notes), n_lines, (*remarks, *([remark] if remark else []))
    )


def _chosen(notes: tuple[MidiNote, ...], channel: int | None) -> list[MidiNote]:
    channels = sorted({note.channel for note in notes})
    if channel is None:
        melodic = [note for note in notes if (note.channel - 1) % 16 + 1 != _DRUMS]
        return melodic or list(notes)
    if channel not in channels:
        raise ArgumentError(f"channel: found {channel}, wanted one with notes: {', '.join(map(str, channels))}")
    return [note for note in notes if note.channel == channel]
