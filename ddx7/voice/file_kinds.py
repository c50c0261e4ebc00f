"""Names kinds of files by their first bytes: what holds no voices, and archives that are not opened."""

import re

_KINDS = {
    b"\x00\x05\x16\x07": "a macOS resource file (the voices are in its namesake without ._)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "a Microsoft Office document",
    b"RIFF": "a RIFF file (such as WAV)",
    b"FORM": "an IFF file (such as AIFF)",
    b"fLaC": "a FLAC recording",
    b"OggS": "an Ogg recording",
    b"ID3": "an MP3 recording",
    b"\x7fELF": "a program",
    b"SQLite format 3": "an SQLite database",
}

_ARCHIVES = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"SIT!": "a StuffIt archive",
    b"StuffIt": "a StuffIt archive",
    b"MSCF": "a cabinet archive",
    b"\x60\xea": "an ARJ archive",
    b"ZOO ": "a ZOO archive",
    b"**ACE**": "an ACE archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x1f\x9d": "a compress (.Z) archive",
}
_LHA = re.compile(rb"..-l[hz][0-9a-z]-", re.DOTALL)
_ARC = re.compile(rb"\x1a[\x01-\x0b][!-~]{1,12}\x00")
_MPEG_4 = re.compile(rb"....ftyp", re.DOTALL)
_BINHEX, _BINHEX_WITHIN = b"(This file must be converted with BinHex", 300


def archive_kind(data: bytes) -> str:
    """The kind of an archive that is not opened, such as "an LHA archive"; empty for other bytes."""
    for magic, words in _ARCHIVES.items():
        if data.startswith(magic):
            return words
    if _BINHEX in data[:_BINHEX_WITHIN]:
        return "a BinHex file"
    if _LHA.match(data):
        return "an LHA archive"
    return "an ARC archive" if _ARC.match(data) else ""


def foreign_kind(data: bytes) -> str:
    """The kind of a file that holds no voices, such as "a PNG picture"; empty for bytes of no such kind.

    Args:
      data: the first bytes of the file are enough.
    """
    if data.startswith(b"RIFF") and data[8:12] == b"RMID":
        return ""  # a MIDI file, which may hold voices
    for magic, words in _KINDS.items():
        if data.startswith(magic):
            return words
    return "an MPEG-4 file" if _MPEG_4.match(data) else ""
