"""Names: of files from voices, and of notes."""

import re

from ddx7.cli.terminal import UsageError
from ddx7.files import safe_name as safe_name
from ddx7.voice import Voice

_NOTE_NAME = re.compile(r"([A-G])([#b]?)(-?\d)", re.IGNORECASE)
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_LOWEST_OCTAVE = -2


def file_name(voice: Voice) -> str:
    """The voice's name without characters that a file system refuses, and without suffix; never empty.

    >>> file_name(Voice(name="A/B:C*"))
    'A_B_C_'
    """
    return safe_name(voice.name)


def midi_note(word: str) -> int:
    """The MIDI note of a number or a name; C3 is 60.

    Raises:
      UsageError: it is neither.

    >>> midi_note("60"), midi_note("C3"), midi_note("f#4"), midi_note("Bb-2")
    (60, 60, 78, 10)
    """
    match = _NOTE_NAME.fullmatch(word.strip())
    if match is not None:
        letter, accidental, octave = match.groups()
        midi_note = 12 * (int(octave) - _LOWEST_OCTAVE) + _SEMITONES[letter.upper()] + _ACCIDENTALS[accidental.lower()]
    else:
        midi_note = int(word) if word.strip().isdecimal() else -1
    if not 0 <= midi_note <= 127:
        raise UsageError(f"note: found {word.strip()!r}, wanted 0 to 127 or C-2 to G8")
    return midi_note
