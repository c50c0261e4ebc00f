"""Words that messages about voice files share: lists of voices, of messages and of files."""

import textwrap
from collections.abc import Iterable

import numpy as np

_LONGEST_REASON = 140


def numbered_voices(numbers: np.ndarray) -> str:
    """Numbers of voices in words, as "voices 1-5, 9".

    >>> numbered_voices(np.array([1, 2, 3, 7]))
    'voices 1-3, 7'
    """
    runs = np.split(numbers, 1 + np.flatnonzero(np.diff(numbers) > 1))
    words = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"{'voice' if len(numbers) == 1 else 'voices'} {', '.join(words)}"


def counted_messages(count: int, kind: str) -> str:
    """A number of messages in words, as "2 messages of Korg's data"."""
    return f"{count:,} {'message' if count == 1 else 'messages'} of {kind}"


def shortened(parts: Iterable[str], separator: str = ", ", n: int = 3) -> str:
    """The first n parts joined, and the number of the others."""
    parts = list(parts)
    return separator.join(parts[:n] + ([f"and {len(parts) - n} more"] if len(parts) > n else []))


def grouped_by_reason(notes: Iterable[str]) -> list[str]:
    """Sentences on files, those of equal content as one, none long."""
    files: dict[str, list[str]] = {}
    for note in notes:
        label, _, sentence = note.partition(": ")
        files.setdefault(sentence, []).append(label)
    parts = (
        f"{labels[0]}{f' and {len(labels) - 1} more' if len(labels) > 1 else ''}: {sentence}"
        for sentence, labels in files.items()
    )
    return [textwrap.shorten(part, _LONGEST_REASON, placeholder=" ...") for part in parts]
