import pytest
import scipy.fft

from ddx7.audio.fft_sizes import next_fast_len


@pytest.mark.parametrize("real", [False, True])
def test_sizes_are_those_of_scipy(real: bool):
    for length in [*range(1, 500), 1025, 44_101, 1_000_003]:
        assert next_fast_len(length, real=real) == scipy.fft.next_fast_len(length, real=real)
