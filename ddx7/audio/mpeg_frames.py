"""The frames of an MP3 file, without decoding: how many there are, how many the file announces, and what lies between.

Source of the tables: ISO/IEC 11172-3 and 13818-3, frame header; the Xing and Info headers as LAME writes them.
"""

import struct
from typing import NamedTuple

_KBPS = {
    # (MPEG 1, layer): by the index of the header
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_TAGS = (b"TAG", b"APETAGEX", b"LYRICS", b"3DI")  # after the last frame: ID3v1, APE, Lyrics3, an ID3v2 footer


class MpegFrame(NamedTuple):
    """The header of one frame.

    Attributes:
      length: of the frame in bytes.
      samples: per channel.
      layer: 1 to 3.
      sample_rate: in Hz.
      side_bytes: of the side information that follows the header, in layer 3.
    """

    length: int
    samples: int
    layer: int
    sample_rate: int
    side_bytes: int


class MpegStream(NamedTuple):
    """The frames of a file.

    Attributes:
      n_frames: whole frames that are there, without the one that holds the announcement.
      frame_samples: samples of a frame, per channel; 0 if there is none.
      layer: 1 to 3; 0 if there is no frame.
      announced_frames: of the Xing or Info header; None without one.
      count_at: offset of that number.
      foreign_bytes: bytes between frames that belong to none.
    """

    n_frames: int
    frame_samples: int
    layer: int
    announced_frames: int | None
    count_at: int
    foreign_bytes: int


def header_at(data: bytes, offset: int) -> MpegFrame | None:
    """The frame header at an offset; None where there is none."""
    if offset + 4 > len(data) or data[offset] != 0xFF or data[offset + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[offset + 1] >> 3 & 3, 4 - (data[offset + 1] >> 1 & 3)
    rate_index, kbps_index = data[offset + 2] >> 2 & 3, data[offset + 2] >> 4
    if version == 1 or layer == 4 or rate_index == 3 or kbps_index in (0, 15):  # 0: free format, which is rare
        return None
    first = version == 3
    rate = _RATES[rate_index] >> (0 if first else 1 if version == 2 else 2)
    bits = 1000 * _KBPS[first, layer][kbps_index]
    padding = data[offset + 2] >> 1 & 1
    if layer == 1:
        length, samples = (12 * bits // rate + padding) * 4, 384
    else:
        samples = 1152 if first or layer == 2 else 576
        length = samples // 8 * bits // rate + padding
    mono = data[offset + 3] >> 6 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return MpegFrame(length, samples, layer, rate, side)


def walk(data: bytes) -> MpegStream:
    """Walk over the frames of a file.

    Args:
      data: the file without an ID3v2 tag.
    """
    at, n, foreign, first = 0, 0, 0, None
    announced, count_at = None, 0
    while at < len(data):
        frame = header_at(data, at)
        if frame is None or (first and (frame.layer, frame.sample_rate) != (first.layer, first.sample_rate)):
            if first and data.startswith(_TAGS, at):
                break
            following = _next_frame(data, at + 1, first)
            if following is None:
                # Zeros pad some files, and a tag may follow them.
                foreign += len(data[at:].strip(b"\0")) if first and len(data) - at > 128 else 0
                break
            foreign += following - at if first else 0
            at = following
            continue
        if first is None:
            first = frame
            tag = at + 4 + frame.side_bytes
            if data[tag : tag + 4] in (b"Xing", b"Info") and len(data) >= tag + 12 and data[tag + 7] & 1:
                count_at = tag + 8
                [announced] = struct.unpack_from(">I", data, count_at)
                at += frame.length
                continue
        n += at + frame.length <= len(data)
        at += frame.length
    return MpegStream(n, first.samples if first else 0, first.layer if first else 0, announced, count_at, foreign)


def _next_frame(data: bytes, start: int, like: MpegFrame | None) -> int | None:
    """Offset of the next header that another header follows."""
    while (at := data.find(b"\xff", start)) >= 0:
        frame = header_at(data, at)
        if frame and (like is None or (frame.layer, frame.sample_rate) == (like.layer, like.sample_rate)):
            after = header_at(data, at + frame.length)
            if after or at + frame.length >= len(data):
                return at
        start = at + 1
    return None
