import numpy as np
import pytest
from hypothesis import given
from lookalikes import pack_by_hand, random_voices, vceds

from ddx7.voice.packing import in_range, pack, unpack, unused_bits


@given(vceds())
def test_pack_agrees_with_the_manual_and_unpack_undoes_it(vced: bytes):
    packed = pack(np.frombuffer(vced, np.uint8))
    assert packed.tobytes() == pack_by_hand(vced)
    assert unpack(packed).tobytes() == vced


def test_batches_of_any_shape_pack_as_their_parts_do():
    vced = np.frombuffer(b"".join(random_voices(12)), np.uint8).reshape(3, 4, 155)
    packed = pack(vced)
    assert packed.shape == (3, 4, 128)
    assert packed[2, 1].tobytes() == pack_by_hand(vced[2, 1].tobytes())
    assert np.array_equal(unpack(packed), vced)


def test_unused_bits_are_found_and_dropped():
    clean = pack(np.frombuffer(random_voices(1)[0], np.uint8))
    stray = clean.copy()
    stray[11] |= 0x70  # above the two curves
    assert not unused_bits(clean)
    assert unused_bits(stray)
    assert np.array_equal(unpack(stray), unpack(clean))


def test_in_range_points_at_the_illegal_byte():
    vced = np.frombuffer(random_voices(1)[0], np.uint8).copy()
    vced[[20, 142, 145]] = [15, 6, 31]  # detune, LFO wave, name
    assert np.flatnonzero(~in_range(vced)).tolist() == [20, 142, 145]


@pytest.mark.parametrize(("function", "size"), [(pack, 128), (unpack, 155)])
def test_wrong_sizes_are_refused(function, size):
    with pytest.raises(ValueError, match=str(size)):
        function(np.zeros(size, np.uint8))
