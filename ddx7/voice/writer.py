"""Voices as SysEx bytes; strict and byte-perfect."""

from collections.abc import Iterable

from ddx7.errors import Ddx7Error
from ddx7.voice.messages import BANK_FORMAT, END, SINGLE_FORMAT, START, YAMAHA, checksum
from ddx7.voice.spec import VOICES_PER_BANK
from ddx7.voice.voice import Voice, init_voice


def to_bytes(voices: Voice | Iterable[Voice], *, channel: int = 1) -> bytes:
    """One SysEx message.

    Args:
      voices: a `Voice` for the dump of one voice, or at most 32 of them for a bank; the rest of a bank is filled with
        INIT VOICE.
      channel: MIDI channel, 1-16. The DX7 and most programs use 1.

    Returns:
      163 bytes for a `Voice`, 4104 for a bank, even of one voice.

    Raises:
      Ddx7Error: no voice, more than 32, or no such channel.
    """
    if isinstance(voices, Voice):
        vced = voices.to_vced()
        return _message(SINGLE_FORMAT, b"\x01\x1b", vced, checksum(vced), channel)
    voices = list(voices)
    if not 1 <= len(voices) <= VOICES_PER_BANK:
        raise Ddx7Error(f"bank: found {len(voices)} voices, wanted 1 to {VOICES_PER_BANK}")
    voices += [init_voice()] * (VOICES_PER_BANK - len(voices))
    vmem = b"".join(voice.to_vmem() for voice in voices)
    return _message(BANK_FORMAT, b"\x20\x00", vmem, checksum(vmem), channel)


def to_volca_bytes(voice: Voice) -> bytes:
    """The dump of one voice for the Korg Volca FM, 163 bytes.

    The Volca FM reads the byte of the DX7's checksum as a mask of the operators that are on, so a DX7 file can mute
    some of them. 7F switches all on. (Source: Edisyn's Yamaha DX7 editor, which writes the same.)
    """
    return _message(SINGLE_FORMAT, b"\x01\x1b", voice.to_vced(), 0x7F, channel=1)


def _message(kind: int, count: bytes, data: bytes, last: int, channel: int) -> bytes:
    if not 1 <= channel <= 16:
        raise Ddx7Error(f"MIDI channel: found {channel}, wanted 1 to 16")
    return bytes([START, YAMAHA, channel - 1, kind]) + count + data + bytes([last, END])
