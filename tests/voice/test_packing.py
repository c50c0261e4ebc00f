import numpy as np
import pytest
from hypothesis import given
from lookalikes import pack_by_hand, random_voices, vceds

from ddx7.voice.packing import in_range, pack, rows, unpack, unused_bits


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


def test_rows_are_the_bytes_by_name_with_operator_1_first():
    vced = np.arange(2 * 155, dtype=np.uint16).reshape(2, 155) % 128
    found = rows(vced)
    assert found.levels.shape == (2, 6, 4)
    assert found.levels[1, 0].tolist() == vced[1, 109:113].tolist()
    assert found.output_level[0].tolist() == vced[0, [121, 100, 79, 58, 37, 16]].tolist()
    assert found.pitch_rates[1].tolist() == vced[1, 126:130].tolist()
    assert found.algorithm.tolist() == vced[:, 134].tolist()
    assert found.name[0].tolist() == vced[0, 145:].tolist()


def test_in_range_points_at_the_illegal_byte():
    vced = np.frombuffer(random_voices(1)[0], np.uint8).copy()
    vced[[20, 142, 145]] = [15, 6, 31]  # detune, LFO wave, name
    assert np.flatnonzero(~in_range(vced)).tolist() == [20, 142, 145]


@pytest.mark.parametrize(("function", "size"), [(pack, 128), (unpack, 155)])
def test_wrong_sizes_are_refused(function, size):
    with pytest.raises(ValueError, match=str(size)):
        function(np.zeros(size, np.uint8))
