"""Notes as a player's curves of pitch and loudness, 250 a second, by rules: attack, release, vibrato, slurs.

`split_lines` shares the notes of a channel among players. `note_curves` makes the curves of each, which the
controllers for pitch bend, vibrato and expression move; an instrument plays from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ddx7.audio.loudness import FLOOR_DB
from ddx7.audio.pitch import midi_to_hz
from ddx7.engine.controllers import CENTRE
from ddx7.engine.midi_performance import AT_REST, ChannelControllers, MidiNote
from ddx7.errors import ArgumentError

MAX_LINES = 8
SLUR_GAP_S = 0.03
"""Notes of a line with a shorter rest between them are slurred."""
SLUR_OVERLAP_S = 0.1
"""Notes that overlap for longer, or by more than half of the first one's length, are a chord."""

_ATTACK_DB, _SILENT_DB = 60.0, 60.0  # below a note's level: where it begins, and where its end becomes silence
_ACCENT_DB, _ACCENT_S = 2.0, 0.12
_GLIDE_S, _SLUR_DIP_DB = 0.04, 2.0
_VIBRATO_HZ, _VIBRATO_AFTER_S, _VIBRATO_FADE_S = 5.6, 0.25, 0.4
_WHEEL_CENTS = 60.0
_BEND_FULL = 8192.0
_LEAST_GAIN = 1e-4


@dataclass(frozen=True)
class PlayingStyle:
    """How notes are played.

    Attributes:
      attack_s: time for a note to rise by 60 dB, 0.004 to 10.
      release_s: time to fall by 60 dB after its end, 0.004 to 10.
      vibrato_cents: largest deviation, 0 to 100; it sets in after a quarter of a second and grows for 0.4 s.
      loud_db: loudness at velocity 127.
      soft_db: loudness at velocity 0.

    Raises:
      ArgumentError: a value is out of range.
    """

    attack_s: float = 0.06
    release_s: float = 0.2
    vibrato_cents: float = 15.0
    loud_db: float = -15.0
    soft_db: float = -35.0

    def __post_init__(self) -> None:
        for name in ("attack_s", "release_s"):
            if not 0.004 <= (value := getattr(self, name)) <= 10:
                raise ArgumentError(f"{name}: found {value:g}, wanted 0.004 to 10")
        if not 0 <= self.vibrato_cents <= 100:
            raise ArgumentError(f"vibrato_cents: found {self.vibrato_cents:g}, wanted 0 to 100")


def split_lines(notes: Sequence[MidiNote]) -> list[list[MidiNote]]:
    """Lines of single notes, as so many players would share them.

    A note joins the line whose last note has ended, or is slurred into it; of several, the one nearest in pitch. Beyond
    `MAX_LINES` it cuts the note that ends first.

    Args:
      notes: of one channel, in order of onset.
    """
    lines: list[list[MidiNote]] = []
    for note in notes:
        free = [line for line in lines if _follows(line[-1], note)]
        if free:
            min(free, key=lambda line: abs(line[-1].note - note.note)).append(note)
        elif len(lines) < MAX_LINES:
            lines.append([note])
        else:
            min(lines, key=lambda line: line[-1].release_s).append(note)
    return lines


def _follows(last: MidiNote, note: MidiNote) -> bool:
    overlap_s = last.release_s - note.onset_s
    return overlap_s <= min(SLUR_OVERLAP_S, 0.5 * (last.release_s - last.onset_s)) and note.onset_s > last.onset_s


def note_curves(
    line: Sequence[MidiNote],
    n_frames: int,
    frames_per_s: float,
    style: PlayingStyle,
    controllers: ChannelControllers = AT_REST,
) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, " frame"]]:
    """Pitch and loudness of a line of notes.

    A note that begins after a rest has an attack with a small accent; one that is slurred glides from the note before
    with a dip in loudness. Pitch bend moves the pitch; the wheel and aftertouch add vibrato of up to 60 cents;
    expression moves the loudness, hence the timbre, by 40 log10(value / 127) dB.

    Args:
      line: in order of onset, each cut by the next.
      n_frames: of the result.
      frames_per_s: of the instrument.
      style: of the player.
      controllers: of the channel; volume is left to the mixer.

    Returns:
      (f0 in Hz, loudness in dB), each float32 [frame]; at least `FLOOR_DB`, which is silence.
    """
    times_s = np.arange(n_frames) / frames_per_s
    pitch, level_db = np.full(n_frames, float(line[0].note)), np.full(n_frames, FLOOR_DB)
    depth, since_s = np.zeros(n_frames), np.zeros(n_frames)
    for index, note in enumerate(line):
        before = line[index - 1] if index else None
        after = line[index + 1] if index + 1 < len(line) else None
        slurred = before is not None and note.onset_s - before.release_s < SLUR_GAP_S
        stop_s = note.release_s
        if after is not None and after.onset_s - stop_s < SLUR_GAP_S:
            stop_s = after.onset_s
        begin, silent, following = (
            int(np.ceil(at_s * frames_per_s))
            for at_s in (note.onset_s, stop_s + style.release_s, times_s[-1] + 1 if after is None else after.onset_s)
        )
        frame = slice(begin, max(silent, following))  # its pitch lasts through a rest
        if begin >= n_frames:
            break
        time_s = times_s[frame] - note.onset_s
        pitch[frame] = note.note
        target_db = style.soft_db + (style.loud_db - style.soft_db) * note.velocity / 127
        if slurred and before is not None:
            glide = _smooth(time_s / _GLIDE_S)
            pitch[frame] -= (note.note - before.note) * (1 - glide)
            from_db = style.soft_db + (style.loud_db - style.soft_db) * before.velocity / 127
            shape_db = (from_db - target_db) * (1 - glide) - 4 * _SLUR_DIP_DB * glide * (1 - glide)
        else:
            accent_db = _ACCENT_DB * np.exp(-time_s / _ACCENT_S)
            shape_db = accent_db - np.maximum(_ATTACK_DB * (1 - time_s / style.attack_s), 0.0)
        fall_db = np.maximum(times_s[frame] - stop_s, 0.0) * 60 / style.release_s
        note_db = np.where(fall_db > _SILENT_DB, FLOOR_DB, target_db + shape_db - fall_db)
        # A note that is struck while the one before still fades does not cut it off.
        level_db[frame] = note_db if slurred else np.maximum(note_db, level_db[frame])
        depth[frame] = style.vibrato_cents * _smooth((time_s - _VIBRATO_AFTER_S) / _VIBRATO_FADE_S)
        since_s[frame] = time_s
    depth += _WHEEL_CENTS * np.minimum(controllers.wheel.at(times_s) + controllers.aftertouch.at(times_s), 127) / 127
    bend = (controllers.pitch_bend.at(times_s) - CENTRE) / _BEND_FULL * controllers.bend_range.at(times_s)
    pitch += bend + depth / 100 * np.sin(2 * np.pi * _VIBRATO_HZ * since_s)
    gain = (controllers.expression.at(times_s) / 127) ** 2
    level_db += 20 * np.log10(np.maximum(gain, _LEAST_GAIN))
    level_db = np.where(gain > 0, np.maximum(level_db, FLOOR_DB), FLOOR_DB)
    return midi_to_hz(pitch).astype(np.float32), level_db.astype(np.float32)


def _smooth(x: np.ndarray) -> np.ndarray:
    """A step from 0 to 1 with flat ends, for x from 0 to 1."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
