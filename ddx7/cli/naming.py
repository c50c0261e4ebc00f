"""File names from voice names."""

from ddx7.files import safe_name as safe_name
from ddx7.voice import Voice


def file_name(voice: Voice) -> str:
    """The voice's name without characters that a file system refuses, and without suffix; never empty.

    >>> file_name(Voice(name="A/B:C*"))
    'A_B_C_'
    """
    return safe_name(voice.name)
