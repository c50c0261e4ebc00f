"""Banks that a transfer damaged: line ends changed, returns or eighth bits lost; headers that contradict the data."""

import re

import numpy as np
import pytest
from lookalikes import bank, pack_by_hand, random_voices, single, sum_byte

from ddx7.errors import SysexError
from ddx7.voice import read_bytes
from ddx7.voice.reader import _read_parts

VCEDS = random_voices(96, seed=51)
FIRST, SECOND = VCEDS[:32], VCEDS[32:64]


def check(data: bytes, vceds: list[bytes]) -> str:
    (part,), _ = _read_parts(data, "x")
    assert part.vced.tobytes() == b"".join(vceds)
    assert not part.doubtful.any()
    return "\n".join(part.repairs)


def test_newlines_that_became_pairs():
    data = bank(FIRST) + single(VCEDS[64]) + bank(SECOND)
    assert data.count(b"\n") > 20
    repairs = check(data.replace(b"\n", b"\r\n"), [*FIRST, VCEDS[64], *SECOND])
    assert repairs == f"every 0A had become 0D 0A, undone in {data.count(10)} places"
    twice = data.replace(b"\n", b"\r\n").replace(b"\n", b"\r\n")
    assert "0D 0D 0A" in check(twice, [*FIRST, VCEDS[64], *SECOND])


def test_newlines_that_became_pairs_where_none_were():
    data = bank(FIRST)
    assert b"\r\n" in data
    check(re.sub(rb"(?<!\r)\n", b"\r\n", data), FIRST)


@pytest.mark.parametrize("is_whole", [True, False])
def test_newlines_that_became_pairs_in_a_midi_file(is_whole):
    message = bank(FIRST)[1:]
    message = message.replace(b"\n", b"\r\n") if is_whole else message
    length = bytes([len(message) >> 7 | 0x80, len(message) & 0x7F])
    track = b"\x00\xf0" + length + message + b"\x00\xff\x2f\x00"
    data = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + len(track).to_bytes(4, "big") + track
    assert "0D 0A" in check(data if is_whole else data.replace(b"\n", b"\r\n"), FIRST)


def test_pairs_in_a_whole_bank_are_left_alone():
    vced = bytearray(FIRST[0])
    vced[:2] = b"\r\n"
    assert check(bank([bytes(vced)] * 32), [bytes(vced)] * 32) == ""


def test_bare_voices_with_newlines_that_became_pairs():
    data = b"".join(map(pack_by_hand, FIRST))
    assert "0D 0A" in check(data.replace(b"\n", b"\r\n"), FIRST)


@pytest.mark.parametrize("pattern", [b"\r\n", b"\r", b"\n"])
@pytest.mark.parametrize("seed", range(6))
def test_carriage_returns_that_were_removed(seed, pattern):
    plain = [vced.replace(b"\r", b"\x0e").replace(b"\n", b"\x0b") for vced in random_voices(32, seed=60 + seed)]
    vceds = list(map(bytearray, plain))
    vceds[7][:2] = vceds[20][:2] = b"\r\n"
    for n in (3, 11, 30):
        vceds[n][21 * (n % 6) + 16] = 0x0D
        vceds[n][21 * (n % 5) + 4] = 0x0A
    data = bank(list(map(bytes, vceds)))
    damaged = data[:-2].replace(pattern, pattern[1:]) + data[-2:]
    (part,), _ = _read_parts(damaged, "x")
    right = [row.tobytes() == vced for row, vced in zip(part.vced, vceds, strict=True)]
    assert "had been lost" in part.repairs[0]
    # A voice is either right, or said to be doubtful.
    assert all(a or b for a, b in zip(right, part.doubtful, strict=True))
    assert sum(right) >= (32 if pattern == b"\r\n" else 16)


def test_bytes_lost_for_another_reason_are_not_made_up():
    data = bank(FIRST)
    (part,), _ = _read_parts(data[:2000] + data[2003:], "x")
    assert "cut short" in part.repairs[0]


def test_eight_bits_cut_to_seven():
    data = bank(FIRST) + single(VCEDS[64]) + bank(SECOND)
    repairs = check(bytes(byte & 0x7F for byte in data), [*FIRST, VCEDS[64], *SECOND])
    assert repairs == "F0 and F7 had lost their eighth bit, restored around 3 messages"


@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_bytes_encoded_as_text(errors):
    data = bank(FIRST) + single(VCEDS[64]) + bank(SECOND)
    text = data.decode("latin-1") if errors == "strict" else data.decode("ascii", "replace")
    assert check(text.encode(), [*FIRST, VCEDS[64], *SECOND]).endswith("encoded as characters of UTF-8, undone")


def test_parity_in_the_eighth_bit():
    data = bank(FIRST)
    even = bytes(byte | 0x80 if bin(byte & 0x7F).count("1") % 2 else byte for byte in data[1:-1])
    assert "eighth is cleared" in check(b"\xf0" + even + b"\xf7", FIRST)


def test_the_format_byte_of_a_single_voice_on_a_bank_and_the_reverse():
    data = bytearray(bank(FIRST))
    data[3] = 0
    assert check(bytes(data), FIRST) == "voices 1-32: the format byte is 00, wanted 09"
    cut = read_bytes(bytes(data[:3000]))
    assert cut.to_vced().tobytes() == b"".join(FIRST[:23])
    one = bytearray(single(VCEDS[64]))
    one[3] = 9
    assert check(bytes(one), [VCEDS[64]]) == "voice 1: the format byte is 09, wanted 00"
    check(bytes(data) + bytes(one) + bank(SECOND), [*FIRST, VCEDS[64], *SECOND])


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_damaged_header_before_data_with_a_right_checksum(place):
    data = bytearray(bank(FIRST))
    data[place] = 0x6B
    assert "the header is F0" in check(bytes(data), FIRST)
    data[2000] ^= 1
    with pytest.raises(SysexError):
        read_bytes(bytes(data))


@pytest.mark.parametrize("padding", [b"\x00", b"\x00\x00\x00\x00\x00", b"\x00" * 10])
def test_names_padded_with_zeros(padding):
    vceds = [vced[: 155 - len(padding)] + padding for vced in FIRST]
    spaces = [vced[: 155 - len(padding)] + b" " * len(padding) for vced in FIRST]
    for data in (bank(vceds), b"".join(single(vced) for vced in vceds)):
        (part,), _ = _read_parts(data, "x")
        assert part.vced.tobytes() == b"".join(spaces)
        assert not part.doubtful.any()
        assert not part.changed.any()
        assert part.repairs == ("voices 1-32: names are padded with 00 instead of spaces",)


def test_bare_voices_with_names_padded_with_zeros():
    vceds = [vced[:150] + bytes(5) for vced in FIRST]
    for data in (b"".join(map(pack_by_hand, vceds)), b"".join(vceds)):
        assert "padded with 00" in check(data, [vced[:150] + b" " * 5 for vced in FIRST])


def test_names_of_other_alphabets_are_sound_where_the_checksum_is_right():
    vceds = [vced[:145] + bytes([1, 2, 127, 5, 6, 7, 3, 4, 30, 31]) for vced in FIRST]
    packed = b"".join(map(pack_by_hand, vceds))
    for last, doubtful in ((sum_byte(packed), 0), (sum_byte(packed) ^ 1, 32)):
        (part,), _ = _read_parts(bank(vceds, last=last), "x")
        assert np.count_nonzero(part.doubtful) == doubtful


def test_what_is_wrong_beyond_a_transfer_stays_as_it_is():
    data = bytearray(bank(FIRST))
    data[-2] ^= 5
    assert "checksum" in read_bytes(bytes(data)).repairs[0]


def test_real_banks_without_their_returns(shared):
    voices = np.load(shared / "corpus" / "voices.npz")["voices"]
    dice = np.random.default_rng(0)
    counts = np.zeros(3, int)
    for _ in range(8):
        rows = voices[dice.integers(0, len(voices) - 32) + np.arange(32)].tobytes()
        lost = rows.replace(b"\r", b"")
        (part,), _ = _read_parts(bytes.fromhex("F04300092000") + lost + bytes([sum_byte(rows), 0xF7]), "x")
        (whole,), _ = _read_parts(bytes.fromhex("F04300092000") + rows + bytes([sum_byte(rows), 0xF7]), "x")
        right = np.all(part.vced == whole.vced, axis=-1)
        counts += [right.sum(), part.doubtful.sum(), np.count_nonzero(~right & ~part.doubtful)]
    assert counts.tolist() == [198, 73, 0]  # as docs/decisions.md says
