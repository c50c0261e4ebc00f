"""Names of voices, and other text, as names of files."""

import re

from ddx7.voice import Voice

# What Windows forbids in file names, and the DX7's own three characters, which not every disk can hold.
_UNSAFE = re.compile(r'[<>:"/\\|?*¥→←]')


def file_name(voice: Voice) -> str:
    """The voice's name with nothing in it that a disk refuses, without suffix; never empty.

    >>> file_name(Voice(name="A/B:C*"))
    'A_B_C_'
    """
    return safe_name(voice.name)


def safe_name(text: str) -> str:
    """Any text with nothing in it that a disk refuses; never empty.

    >>> safe_name("horn: loud.")
    'horn_ loud'
    """
    return _UNSAFE.sub("_", text).strip(" .") or "voice"
