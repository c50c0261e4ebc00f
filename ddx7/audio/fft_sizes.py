"""Lengths that a Fourier transform computes quickly. SciPy's own function would load SciPy for a third of a second."""

_REAL, _COMPLEX = (2, 3, 5), (2, 3, 5, 7, 11)


def next_fast_len(length: int, *, real: bool = False) -> int:
    """The least length from this up without a prime factor above 11, or 5 for real sounds; `scipy.fft.next_fast_len`.

    Args:
      length: at least 1.
      real: the transform is that of a real sound.

    >>> next_fast_len(1025), next_fast_len(1025, real=True)
    (1029, 1080)
    """
    primes = _REAL if real else _COMPLEX
    while not _has_only(primes, length):
        length += 1
    return length


def _has_only(primes: tuple[int, ...], length: int) -> bool:
    for prime in primes:
        while length % prime == 0:
            length //= prime
    return length == 1
