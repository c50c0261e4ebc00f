"""SysEx messages: the DX7's own two dumps, and the other messages in files of voices.

Sources: Yamaha DX7 owner's manual, "SYSEX MIDI data format"; the DX7II, TX802, TX7 and TX81Z manuals for the other
Yamaha formats; Korg Volca FM files found in the wild for the operator mask.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from ddx7.voice.health import plausible
from ddx7.voice.packing import unpack, unused_bits
from ddx7.voice.spec import (
    N_OPERATORS,
    OPERATOR_PARAMETERS,
    VCED_SIZE,
    VMEM_SIZE,
    VOICES_PER_BANK,
    vced_offset,
)

START, END, YAMAHA = 0xF0, 0xF7, 0x43
HEADER_SIZE = 6
SINGLE_FORMAT, BANK_FORMAT = 0x00, 0x09
BANK_DATA_SIZE = VOICES_PER_BANK * VMEM_SIZE
SINGLE_SIZE = HEADER_SIZE + VCED_SIZE + 2
BANK_SIZE = HEADER_SIZE + BANK_DATA_SIZE + 2

ALL_OPERATORS_ON = 0x3F
"""Byte 155 of the edit form: bit 5 is OP1, bit 0 is OP6. Dumps omit this byte."""

# 200,000 single voices are 32 MB; no voice library holds more messages.
_MAX_MESSAGES = 200_000

_MAKERS = {
    0x18: "E-mu",
    0x3E: "Waldorf",
    0x40: "Kawai",
    0x41: "Roland",
    0x42: "Korg",
    0x44: "Casio",
    0x47: "Akai",
}

_YAMAHA_FORMATS = {
    0x01: "DX7/TX7 function data (bend, portamento, controllers)",
    0x02: "TX7 performance memory",
    0x03: "4-operator voice data (DX21, DX27, DX100, TX81Z)",
    0x04: "4-operator bank data (DX21, DX27, DX100, TX81Z)",
    0x05: "ACED, the DX7II's additional voice parameters (unison, portamento, pitch EG range)",
    0x06: "AMEM, the DX7II's additional parameters of 32 voices (unison, portamento, pitch EG range)",
    0x5E: "FS1R data",
    0x7A: "SY77/TG77 data",
}

# Format 7E names its content in ASCII, such as "LM  8973PM".
_YAMAHA_NAMED = {
    b"8973P": "DX7II performances",
    b"8973S": "DX7II system setup",
    b"8952P": "TX802 performances",
    b"8952S": "TX802 system setup",
    b"8976": "4-operator additional parameters (TX81Z)",
    b"8023": "4-operator additional parameters (DX11)",
    b"MCRY": "micro tuning",
    b"FKSY": "fractional level scaling",
}

_CHANGES = "parameter changes"

_OUTPUT_LEVEL = next(row for row in OPERATOR_PARAMETERS if row.name == "output_level")
_START_OR_END = re.compile(rb"[\xf0\xf7]")
_REALTIME = re.compile(rb"[\xf8-\xff]")


@dataclass(frozen=True)
class SysexDump:
    """Voices read from one run of bytes.

    Attributes:
      vced: uint8 [voice, 155], high bits cleared, values not yet checked.
      faults: one clause for each fault of the message around them.
      damage: [voice], penalty points for bits that the edit form lacks; see `ddx7.voice.health.plausible`.
      is_intact: the checksum is right, so the bytes are those that were sent.
      placed: bool [voice], whether each byte's place in the voice is known; else a repair guessed it.
    """

    vced: np.ndarray
    faults: tuple[str, ...] = ()
    damage: np.ndarray | int = 0
    is_intact: bool = False
    placed: np.ndarray | bool = True

    def doubtful(self) -> np.ndarray:
        """Which voices may be damaged beyond repair, bool [voice]."""
        # Names of any alphabet, and bits that nothing reads, are no damage where the checksum is right.
        damage = 0 if self.is_intact else self.damage
        return ~(plausible(self.vced, damage, with_names=not self.is_intact) & self.placed)


@dataclass(frozen=True)
class SysexContents:
    """The messages in some bytes.

    Attributes:
      dumps: the voices, in order.
      others: number of messages of each other kind.
      n_outside: number of bytes outside of messages.
      faults: one clause for each fault of the file as a whole.
    """

    dumps: tuple[SysexDump, ...]
    others: Counter[str] = field(default_factory=Counter)
    n_outside: int = 0
    faults: tuple[str, ...] = ()


def checksum(data: bytes) -> int:
    """Yamaha's checksum: added to the data, it makes the low seven bits of the sum zero."""
    return -sum(data) & 0x7F


def scan_sysex(data: bytes) -> SysexContents:
    """Find the DX7 dumps among all SysEx messages in some bytes, at most the first 200,000.

    Parameter changes that set all 155 parameters are a dump, too: that of a programmer that sends its whole panel.
    """
    dumps: list[SysexDump] = []
    others: Counter[str] = Counter()
    n_outside = len(data)
    changes: dict[int, int] = {}
    for message in islice(_messages(data), _MAX_MESSAGES):
        n_outside -= len(message)
        change = _parameter_change(message)
        dump = _read_dump(message) if change is None else None
        if change is not None:
            changes |= change
            others[_CHANGES] += 1
            if len(changes) == VCED_SIZE:
                dumps.append(SysexDump(np.array([[changes[k] for k in range(VCED_SIZE)]], np.uint8)))
                changes = {}
                del others[_CHANGES]
        elif dump is None:
            others[_describe(message)] += 1
        else:
            dumps.append(dump)
    return SysexContents(tuple(dumps), others, n_outside)


def clear_high_bits(data: bytes) -> bytes:
    """Clear the eighth bit of SysEx data bytes, which is damage."""
    return (np.frombuffer(data, np.uint8) & 0x7F).tobytes()


def stray_bits(packed: np.ndarray) -> np.ndarray:
    """Penalty points of packed voices, uint8 [voice, 128], for bits that no parameter owns; [voice]."""
    return 2 * unused_bits(packed).astype(int)


def _messages(data: bytes) -> Iterator[bytes]:
    start = data.find(START)
    while start >= 0:
        end = _fixed_end(data, start) or _next_end(data, start)
        yield data[start:end]
        start = data.find(START, end)


def _fixed_end(data: bytes, start: int) -> int | None:
    # A dump of the right length ends there, even if damaged data contain an F0 or F7.
    sizes = {SINGLE_FORMAT: (SINGLE_SIZE, SINGLE_SIZE + 1, BANK_SIZE), BANK_FORMAT: (BANK_SIZE,)}
    for size in sizes.get(_dx7_format(data, start), ()):
        if data[start + size - 1 : start + size] == bytes([END]):
            return start + size
    return None


def _next_end(data: bytes, start: int) -> int:
    mark = _START_OR_END.search(data, start + 1)
    if mark is None:
        return len(data)
    return mark.end() if data[mark.start()] == END else mark.start()


def _dx7_format(data: bytes, start: int = 0) -> int:
    """The format byte if this is a bulk dump of the DX7's, else -1. Any device number matches, and so do eight bits."""
    header = clear_high_bits(data[start + 1 : start + 4])
    if len(data) - start >= HEADER_SIZE and header[0] == YAMAHA and header[1] < 0x10 and header[2] in (0x00, 0x09):
        return header[2]
    return -1


def _read_dump(message: bytes) -> SysexDump | None:
    faults: list[str] = []
    kind = _dx7_format(message)
    size_says = _kind_by_checksum(message)
    if kind < 0:
        if size_says < 0 or _is_other_format(message):
            return None
        faults.append(f"the header is {message[:4].hex(' ').upper()}, wanted F0 43 00 {size_says:02X}")
    else:
        # A format byte may contradict the data: some editors write 00 for banks.
        count_says = {b"\x20\x00": BANK_FORMAT, b"\x01\x1b": SINGLE_FORMAT}.get(clear_high_bits(message[4:6]), kind)
        by_length = BANK_FORMAT if len(message) > SINGLE_SIZE + 1 else SINGLE_FORMAT
        meant = size_says if size_says >= 0 else count_says if count_says == by_length else kind
        if meant != kind:
            faults.append(f"the format byte is {message[3]:02X}, wanted {meant:02X}")
        size_says = meant
    payload = message[HEADER_SIZE:].removesuffix(bytes([END]))
    if len(payload) + HEADER_SIZE == len(message):
        faults.append("the F7 that ends the message is missing")
    dump = (_read_bank if size_says == BANK_FORMAT else _read_single)(message, payload, faults)
    if dump is None or (kind < 0 and np.mean(dump.doubtful()) > 0.5):
        return None
    return dump


def _parameter_change(message: bytes) -> dict[int, int] | None:
    """Byte of the edit form and its value, if the message changes one parameter of a voice: F0 43 1n 0p pp vv F7."""
    if len(message) != 7 or message[1] != YAMAHA or message[2] & 0xF0 != 0x10 or message[6] != END:
        return None
    number = message[3] << 7 | message[4]  # parameters of other groups, such as function data, are far above
    return {number: message[5]} if number < VCED_SIZE and max(message[3:6]) < 0x80 else None


def _kind_by_checksum(message: bytes) -> int:
    """The format of a dump whose length and checksum are right, whatever its header; -1 for other messages."""
    for kind, size in ((SINGLE_FORMAT, SINGLE_SIZE), (BANK_FORMAT, BANK_SIZE)):
        if len(message) == size and message[-1] == END and checksum(message[HEADER_SIZE:-2]) == message[-2]:
            return kind
    return -1


def _is_other_format(message: bytes) -> bool:
    """Whether this is Yamaha data of a known other kind, whose length may be the same."""
    return message[1] == YAMAHA and message[2] < 0x10 and message[3] in (*_YAMAHA_FORMATS, 0x7E)


def _read_bank(message: bytes, payload: bytes, faults: list[str]) -> SysexDump | None:
    count = clear_high_bits(message[4:6])
    if count != b"\x20\x00":
        faults.append(f"the byte count is {message[4:6].hex(' ').upper()}, wanted 20 00")
    payload = _without_clocks(payload, (BANK_DATA_SIZE + 1,), faults)
    n_voices, rest = divmod(len(payload), VMEM_SIZE)
    if n_voices >= VOICES_PER_BANK and rest > 1:
        faults.append(f"{len(payload) - BANK_DATA_SIZE - 1} bytes too many are ignored")
        n_voices = VOICES_PER_BANK
    if n_voices == 0:
        return None
    packed = payload[: n_voices * VMEM_SIZE]
    is_intact = False
    if n_voices < VOICES_PER_BANK:
        faults.append(f"the bank is cut short, {len(payload)} of {BANK_DATA_SIZE} bytes are there")
        is_intact = rest == 1 and payload[-1] == checksum(packed)
    else:
        is_intact = _check_checksum(packed, payload[len(packed) :][:1], faults)
    _note_high_bits(packed, faults)
    voices = _as_voices(packed, VMEM_SIZE)
    return SysexDump(unpack(voices), tuple(faults), stray_bits(voices), is_intact)


def _read_single(message: bytes, payload: bytes, faults: list[str]) -> SysexDump | None:
    if clear_high_bits(message[4:6]) != b"\x01\x1b":
        faults.append(f"the byte count is {message[4:6].hex(' ').upper()}, wanted 01 1B")
    payload = _without_clocks(payload, (VCED_SIZE + 1, VCED_SIZE + 2), faults)
    vced, rest = payload[:VCED_SIZE], payload[VCED_SIZE:]
    if len(vced) < VCED_SIZE:
        return None
    voice = _as_voices(vced, VCED_SIZE).copy()
    is_intact = False
    if _has_operator_mask(payload):
        _switch_off(voice[0], rest[0], faults)
        is_intact = True
    elif rest[:1] == b"\x7f" and checksum(vced) != 0x7F:
        faults.append("the checksum is 7F, the Volca FM's sign that all operators are on")
    else:
        is_intact = _check_checksum(vced, rest[:1], faults)
        if len(rest) > 1:
            faults.append(f"{len(rest) - 1} bytes too many are ignored")
    _note_high_bits(vced, faults)
    return SysexDump(voice, tuple(faults), is_intact=is_intact)


def _has_operator_mask(payload: bytes) -> bool:
    """Whether this is the Volca FM's long form: byte 155, the operator mask, comes before the checksum.

    The checksum must agree, because a mask read from damaged bytes would mute operators. For the same reason a wrong
    checksum of the usual form does not count as a mask.
    """
    if len(payload) != VCED_SIZE + 2:
        return False
    return payload[-1] in (checksum(payload[:VCED_SIZE]), checksum(payload[: VCED_SIZE + 1]))


def _switch_off(voice: np.ndarray, mask: int, faults: list[str]) -> None:
    off = [op for op in range(1, N_OPERATORS + 1) if not mask >> (N_OPERATORS - op) & 1]
    if len(off) == N_OPERATORS:
        faults.append(f"the operator mask {mask:02X} switches everything off and is ignored")
    elif off:
        offsets = [vced_offset(_OUTPUT_LEVEL, op) for op in off]
        levels = ", ".join(f"OP{op} {voice[k]}" for op, k in zip(off, offsets, strict=True))
        faults.append(f"the operator mask {mask:02X} switches operators off, output level 0 instead of {levels}")
        voice[offsets] = 0


def _without_clocks(payload: bytes, sizes: tuple[int, ...], faults: list[str]) -> bytes:
    # MIDI allows clock bytes (F8-FF) inside a message; a recorder that kept them made it longer.
    data = _REALTIME.sub(b"", payload)
    if data == payload or len(data) not in sizes:
        return payload
    # The length may be right because of them, that of the Volca FM's long form.
    if len(payload) in sizes and checksum(data[:-1]) != data[-1]:
        return payload
    faults.append(f"{len(payload) - len(data)} MIDI real-time bytes inside the message are dropped")
    return data


def _check_checksum(data: bytes, found: bytes, faults: list[str]) -> bool:
    """Whether the checksum is right; its faults join the others."""
    expected = checksum(data)
    if not found:
        faults.append("the checksum is missing")
    elif found[0] & 0x7F != expected:
        faults.append(f"the checksum is {found[0]:02X}, wanted {expected:02X}")
    elif found[0] != expected:
        faults.append(f"the checksum {found[0]:02X} has eight bits, wanted seven")
    return found != b"" and found[0] & 0x7F == expected


def _note_high_bits(data: bytes, faults: list[str]) -> None:
    n_damaged = np.count_nonzero(np.frombuffer(data, np.uint8) > 0x7F)
    if n_damaged:
        faults.append(f"{n_damaged} data bytes had eight bits, the eighth is cleared")


def _as_voices(data: bytes, size: int) -> np.ndarray:
    return np.frombuffer(clear_high_bits(data), np.uint8).reshape(-1, size)


def _describe(message: bytes) -> str:
    if len(message) < 3:
        return "incomplete data"
    if message[1] != YAMAHA:
        return f"{_MAKERS.get(message[1], 'another maker')}'s data"
    if 0x10 <= message[2] < 0x20:
        return _CHANGES
    if 0x20 <= message[2] < 0x30:
        return "dump requests"
    if message[2] >= 0x30:
        return f"other Yamaha data (group {message[2]:02X})"
    if len(message) < HEADER_SIZE:
        return "incomplete data"
    if _dx7_format(message) >= 0:
        kind, size = ("bank", BANK_SIZE) if message[3] == BANK_FORMAT else ("voice", SINGLE_SIZE)
        return f"a DX7 {kind} cut short at {len(message)} of {size} bytes"
    if message[3] == 0x7E:
        return _describe_named(message[HEADER_SIZE : HEADER_SIZE + 10])
    return _YAMAHA_FORMATS.get(message[3], f"other Yamaha data (format {message[3]:02X})")


def _describe_named(title: bytes) -> str:
    code = title[4:]
    for start, words in _YAMAHA_NAMED.items():
        if code.startswith(start):
            return words
    text = "".join(chr(byte) for byte in code if 32 < byte < 127)
    return f"other Yamaha data ({text})" if text else "other Yamaha data"
