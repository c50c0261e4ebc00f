"""File names from voice names and other text."""

import re

from ddx7.voice import Voice

# Characters that Windows forbids in file names, and the DX7's own three, which some file systems cannot encode.
_UNSAFE = re.compile(r'[<>:"/\\|?*¥→←]')


def file_name(voice: Voice) -> str:
    """The voice's name without characters that a file system refuses, and without suffix; never empty.

    >>> file_name(Voice(name="A/B:C*"))
    'A_B_C_'
    """
    return safe_name(voice.name)


def safe_name(text: str) -> str:
    """A text without characters that a file system refuses; never empty.

    >>> safe_name("horn: loud.")
    'horn_ loud'
    """
    return _UNSAFE.sub("_", text).strip(" .") or "voice"
