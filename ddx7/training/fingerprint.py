"""Fingerprints of training data, so that a run resumes only on the data that it began with."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_DIGITS = 16


def fingerprint(data: Any) -> str:
    """A short hash of arrays, texts, numbers, and sequences and mappings of them.

    Equal content gives equal hashes on every machine; the order of a mapping does not matter, that of a sequence does.

    Args:
      data: a NumPy array, a string, bytes, a number, None, or a mapping or a sequence of such.

    Returns:
      16 hexadecimal digits.

    Raises:
      TypeError: the data hold something else.

    >>> fingerprint({"a": 1, "b": [2.0, "c"]}) == fingerprint({"b": [2.0, "c"], "a": 1})
    True
    """
    digest = hashlib.sha256()
    _add(digest, data)
    return digest.hexdigest()[:_DIGITS]


def is_fingerprint(value: Any) -> bool:
    """Whether a value has the form of a fingerprint.

    >>> is_fingerprint(fingerprint("flute")), is_fingerprint("flute")
    (True, False)
    """
    return isinstance(value, str) and len(value) == _DIGITS and set(value) <= set("0123456789abcdef")


def _add(digest: Any, data: Any) -> None:
    # The kind and the size go in front of the content, so that no two contents run into the same bytes.
    if isinstance(data, np.ndarray):
        digest.update(f"array {data.dtype.str} {data.shape}".encode())
        digest.update(np.ascontiguousarray(data).tobytes())
    elif isinstance(data, str | bytes):
        raw = data.encode() if isinstance(data, str) else data
        digest.update(f"{type(data).__name__} {len(raw)} ".encode() + raw)
    elif isinstance(data, Mapping):
        digest.update(f"mapping {len(data)}".encode())
        for name in sorted(data):
            _add(digest, name)
            _add(digest, data[name])
    elif isinstance(data, Sequence):
        digest.update(f"sequence {len(data)}".encode())
        for item in data:
            _add(digest, item)
    elif data is None or isinstance(data, bool | int | float | np.number | np.bool_):
        digest.update(f"value {data!r}".encode())
    else:
        raise TypeError(f"fingerprint: found {type(data).__name__}, wanted arrays, texts and numbers")
