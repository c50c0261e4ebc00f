"""SysEx bytes built by hand, without the code under test, and strategies that draw voices."""

import numpy as np
from hypothesis import strategies as st

# Bytes 0-154 of the edit form: the largest legal value of each, typed from the DX7 manual.
OPERATOR_MAX = [99] * 11 + [3, 3, 7, 3, 7, 99, 1, 31, 99, 14]
VCED_MAX = OPERATOR_MAX * 6 + [99] * 8 + [31, 7, 1, 99, 99, 99, 99, 1, 5, 7, 48] + [127] * 10
VCED_MIN = [0] * 145 + [32] * 10


def legal_vced(raw: bytes) -> bytes:
    """Any 155 bytes folded into the legal ranges."""
    return bytes(low + byte % (high - low + 1) for byte, low, high in zip(raw, VCED_MIN, VCED_MAX, strict=True))


def vceds() -> st.SearchStrategy[bytes]:
    return st.binary(min_size=155, max_size=155).map(legal_vced)


def random_voices(n: int, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [legal_vced(rng.bytes(155)) for _ in range(n)]


def pack_by_hand(vced: bytes) -> bytes:
    """The packed form, written out from the DX7 manual."""
    out = bytearray()
    for op in range(6):
        p = vced[21 * op : 21 * op + 21]
        out += p[:11]
        out += bytes([p[11] | p[12] << 2, p[13] | p[20] << 3, p[14] | p[15] << 2, p[16], p[17] | p[18] << 1, p[19]])
    out += vced[126:135]
    out += bytes([vced[135] | vced[136] << 3])
    out += vced[137:141]
    out += bytes([vced[141] | vced[142] << 1 | vced[143] << 4])
    return bytes(out + vced[144:155])


def sum_byte(data: bytes) -> int:
    return (128 - sum(data) % 128) % 128


def bank(vceds: list[bytes], *, device: int = 0, count: bytes = b"\x20\x00", last: int | None = None) -> bytes:
    data = b"".join(map(pack_by_hand, vceds))
    return bytes([0xF0, 0x43, device, 9]) + count + data + bytes([sum_byte(data) if last is None else last, 0xF7])


def single(vced: bytes, *, device: int = 0, tail: bytes | None = None) -> bytes:
    tail = bytes([sum_byte(vced)]) if tail is None else tail
    return bytes([0xF0, 0x43, device, 0, 1, 0x1B]) + vced + tail + b"\xf7"


def yamaha(kind: int, data: bytes, device: int = 0) -> bytes:
    """A bulk message of another format, such as 6 for AMEM."""
    return bytes([0xF0, 0x43, device, kind, len(data) >> 7, len(data) & 0x7F]) + data + bytes([sum_byte(data), 0xF7])
