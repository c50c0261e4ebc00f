"""One look-alike for every odd kind of file met in the wild."""

import csv
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from lookalikes import bank, pack_by_hand, random_voices, single, sum_byte, yamaha

from ddx7.errors import SysexError
from ddx7.voice import Bank, Voice, load, read_bytes

VCEDS = random_voices(32, seed=1)
PACKED = [pack_by_hand(vced) for vced in VCEDS]


def read(data: bytes, vceds: list[bytes]) -> str:
    """Check that exactly these voices come out; return the repairs as one text."""
    found = read_bytes(data, "x.syx")
    assert found.to_vced().tobytes() == b"".join(vceds)
    return "\n".join(found.repairs)


def refuse(data: bytes) -> str:
    with pytest.raises(SysexError, match=r"^x\.syx: ") as caught:
        read_bytes(data, "x.syx")
    message = str(caught.value)
    assert "\n" not in message
    assert "wanted" in message
    return message


def test_good_files_need_no_repair():
    assert read(bank(VCEDS), VCEDS) == ""
    assert read(single(VCEDS[0]), VCEDS[:1]) == ""


@pytest.mark.parametrize("device", [0, 1, 15])
def test_any_device_number(device):
    assert read(bank(VCEDS, device=device), VCEDS) == ""
    assert read(single(VCEDS[0], device=device), VCEDS[:1]) == ""


def test_wrong_checksums():
    right = bank(VCEDS)[-2]
    assert f"wanted {right:02X}" in read(bank(VCEDS, last=right ^ 1), VCEDS)
    wrong = sum_byte(VCEDS[0]) ^ 1
    assert f"voice 1: the checksum is {wrong:02X}" in read(single(VCEDS[0], tail=bytes([wrong])), VCEDS[:1])


def test_byte_count_10_00_with_an_eight_bit_checksum():
    data = bank(VCEDS, count=b"\x10\x00", last=bank(VCEDS)[-2] | 0x80)
    repairs = read(data, VCEDS)
    assert "byte count is 10 00" in repairs
    assert "eight bits" in repairs


def test_eighth_bits_are_cleared_even_where_they_look_like_status_bytes():
    data = bytearray(bank(VCEDS))
    places = [6, 500, 4000, *(i for i in range(6, 4102) if data[i] in (0x70, 0x77))][:60]
    for i in places:
        data[i] |= 0x80
    assert f"{len(places)} data bytes had eight bits" in read(bytes(data), VCEDS)


@pytest.mark.parametrize("n_voices", [1, 32, 45, 71])
def test_bare_packed_voices(n_voices):
    vceds = random_voices(n_voices, seed=2)
    data = b"".join(map(pack_by_hand, vceds))
    assert "no SysEx header" in read(data, vceds)


@pytest.mark.parametrize("n_voices", [1, 32])
def test_bare_voices_in_edit_form(n_voices):
    vceds = random_voices(n_voices, seed=3)
    assert "edit form" in read(b"".join(vceds), vceds)


def test_a_few_bad_voices_do_not_spoil_a_bare_bank():
    data = bytearray(b"".join(PACKED))
    data[128:256] = np.random.default_rng(0).integers(0, 128, 128, np.uint8).tobytes()
    found = read_bytes(bytes(data))
    assert [v.to_vced() for v in found[2:]] == VCEDS[2:]
    assert "voice 2: so much is illegal" in "\n".join(found.repairs)


def test_several_messages_in_one_file_keep_their_order():
    more = random_voices(33, seed=4)
    data = bank(more[:32]) + single(more[32]) + bank(VCEDS, last=0x7F)
    repairs = read(data, more + VCEDS)
    assert "voices 34-65: the checksum is 7F" in repairs


def test_dx7ii_messages_around_the_voices_are_skipped_and_named():
    change = bytes.fromhex("F0 43 10 19 4D 00 F7")
    scaling = yamaha(0x7E, b"LM  FKSYC " + bytes(200))
    performances = yamaha(0x7E, b"LM  8973PM" + bytes(1640))
    tuning = yamaha(0x7E, b"LM  MCRYM\x01" + bytes(256))
    amem, aced, tx7 = yamaha(6, bytes(1120)), yamaha(5, bytes(49)), yamaha(2, bytes(4096))
    data = change + scaling + amem + bank(VCEDS) + performances + tuning + aced + single(VCEDS[3]) + tx7 + amem
    repairs = read(data, [*VCEDS, VCEDS[3]]).splitlines()
    assert len(repairs) == 7
    for words in ("1 message of parameter", "fractional", "2 messages of AMEM", "DX7II perf", "tuning", "ACED", "TX7"):
        assert sum(words in repair for repair in repairs) == 1, words


def test_volca_singles():
    assert "Volca" in read(single(VCEDS[0], tail=b"\x7f"), VCEDS[:1])
    on = bytes([0x7F, sum_byte(VCEDS[0] + b"\x7f")])
    assert len(single(VCEDS[0], tail=on)) == 164
    assert read(single(VCEDS[0], tail=on), VCEDS[:1]) == ""


def test_an_operator_that_the_volca_switches_off_falls_silent():
    mask = 0b101110  # bit 5 is OP1: OP2 and OP6 are off
    tail = bytes([mask, sum_byte(VCEDS[0] + bytes([mask]))])
    expected = bytearray(VCEDS[0])
    expected[84 + 16] = expected[0 + 16] = 0
    repairs = read(single(VCEDS[0], tail=tail), [bytes(expected)])
    assert f"OP2 {VCEDS[0][100]}, OP6 {VCEDS[0][16]}" in repairs


def test_a_volca_mask_of_zero_or_without_its_checksum_mutes_nothing():
    assert "ignored" in read(single(VCEDS[0], tail=bytes([0, sum_byte(VCEDS[0])])), VCEDS[:1])
    wrong = sum_byte(VCEDS[0]) ^ 0x55
    assert "too many" in read(single(VCEDS[0], tail=bytes([1, wrong])), VCEDS[:1])


@pytest.mark.parametrize(("size", "n_voices"), [(4103, 32), (4102, 32), (4101, 31), (2000, 15), (134, 1)])
def test_cut_banks_give_their_whole_voices(size, n_voices):
    repairs = read(bank(VCEDS)[:size], VCEDS[:n_voices])
    assert "F7 that ends the message is missing" in repairs
    assert ("cut short" in repairs) == (n_voices < 32)
    assert ("checksum is missing" in repairs) == (size == 4102)


def test_a_cut_bank_does_not_swallow_the_next_one():
    more = random_voices(32, seed=5)
    read(bank(VCEDS)[:3000] + bank(more), VCEDS[:23] + more)


def test_a_short_bank_with_a_good_checksum_is_whole():
    assert "cut short" in read(bank(VCEDS[:10]), VCEDS[:10])


def test_a_bank_message_of_64_voices():
    vceds = random_voices(64, seed=6)
    read(bank(vceds, count=b"\x40\x00"), vceds)


def test_midi_clock_recorded_into_a_dump_is_dropped():
    data = bank(VCEDS)
    assert "2 MIDI real-time bytes" in read(data[:100] + b"\xf8" + data[100:3000] + b"\xfe" + data[3000:], VCEDS)


@pytest.mark.parametrize("packet", [1, 60, 4103, 4104, 9000])
def test_messages_in_a_midi_file_whole_and_in_packets(packet):
    def number(value):
        return number(value >> 7)[:-1] + bytes([value >> 7 | 0x80, value & 0x7F]) if value > 0x7F else bytes([value])

    track = b""
    for message in (bank(VCEDS), single(VCEDS[0]), bank(VCEDS[:31] + VCEDS[:1])):
        for k in range(0, len(message), packet):
            part = message[k : k + packet]
            track += b"\x05\xff\x01\x02hi\x10" + (b"\xf0" if k == 0 else b"\xf7")
            track += number(len(part) - (k == 0)) + part[k == 0 :]
    track += b"\x00\xff\x2f\x00"
    header = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk"
    for length in (len(track), len(track) + 9):
        found = read_bytes(header + length.to_bytes(4, "big") + track)
        assert found.to_vced().tobytes() == b"".join([*VCEDS, VCEDS[0], *VCEDS[:31], VCEDS[0]])
        assert found.repairs == (() if length == len(track) else ("the length of 1 track is wrong",))


def test_a_midi_file_cut_in_its_bank_gives_whole_voices():
    data = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x10\x0e\x00\xf0\xa0\x07" + bank(VCEDS)[1:]
    repairs = read(data[:2000], VCEDS[:15])
    assert "1 track is cut short" in repairs
    assert "cut short" in repairs.splitlines()[-1]


def test_a_clock_byte_in_a_single_voice_is_no_operator_mask():
    data = single(VCEDS[0])
    assert "1 MIDI real-time bytes" in read(data[:80] + b"\xfe" + data[80:], VCEDS[:1])


def test_a_message_without_its_first_byte():
    assert "nothing instead of F0" in read(bank(VCEDS)[1:], VCEDS)
    assert "A0 07 instead of F0" in read(b"\xa0\x07" + bank(VCEDS)[1:-1], VCEDS)
    assert "instead of F0" in read(b"\x70" + single(VCEDS[0])[1:], VCEDS[:1])


def test_damage_that_shifts_the_voices_is_refused():
    data = bank(VCEDS)
    refuse(b"\xa0" + data[1:6] + b"\x00" + data[6:])


def test_what_looks_like_a_message_inside_a_bare_voice_is_no_message():
    data = bytearray(b"".join(PACKED * 2))
    data[300:306] = bytes.fromhex("F04300092000")
    found = read_bytes(bytes(data))
    assert len(found) == 64
    assert found[63].to_vced() == VCEDS[31]


def changed(number: int, value: int, channel: int = 0) -> bytes:
    return bytes([0xF0, 0x43, 0x10 | channel, number >> 7, number & 0x7F, value, 0xF7])


def test_changes_of_all_parameters_are_a_voice():
    panel = [(k, VCEDS[0][k]) for k in range(154, -1, -1)]
    moved = [(134, VCEDS[0][134] ^ 1), *panel]  # the last value holds
    data = b"".join(changed(*change, channel=3) for change in moved)
    assert read(data, VCEDS[:1]) == ""
    assert read(data + single(VCEDS[1]), VCEDS[:2]) == ""
    function_data = bytes.fromhex("F04310084100F7")
    assert "1 message of parameter changes" in read(data + function_data, VCEDS[:1])
    some = b"".join(changed(*change) for change in panel[1:])
    assert "154 messages of parameter changes" in refuse(some)
    assert "154 messages of parameter changes" in read(some + single(VCEDS[1]), VCEDS[1:2])


def test_bytes_between_messages_are_skipped_and_counted():
    data = b"junk\x00" + single(VCEDS[0]) + b"\x0d\x0a\x1a" + single(VCEDS[1]) + bytes(100)
    assert read(data, VCEDS[:2]) == "108 bytes outside of messages skipped"


def test_a_damaged_start_does_not_hide_the_first_of_several_banks():
    more = random_voices(32, seed=8)
    read(bank(VCEDS)[1:] + bank(more), VCEDS + more)


@pytest.mark.parametrize("n", [2, 100])
def test_a_bank_that_is_too_long(n):
    data = bank(VCEDS)
    assert f"{n} bytes too many" in read(data[:-1] + bytes(n) + data[-1:], VCEDS)


def test_illegal_values_are_clamped_and_named():
    packed = bytearray(b"".join(PACKED))
    packed[14] = 127  # voice 1, OP6 output level
    packed[128 + 102] = 100  # voice 2, pitch R1
    packed[128 + 118 : 128 + 121] = b"\x00\x1f\x03"  # voice 2, name
    expected = list(map(bytearray, VCEDS))
    expected[0][16], expected[1][126], expected[1][145:148] = 99, 99, b"   "
    message = bytes.fromhex("F04300092000") + packed + bytes([sum_byte(packed), 0xF7])
    repairs = read(message, list(map(bytes, expected))).splitlines()
    name = Voice.from_vced(VCEDS[0]).name
    assert repairs[0] == f"voice 1 {name!r}: operator 6 output level 127 became 99"
    assert "pitch EG R1 100 became 99; 3 of the bytes of its name" in repairs[1]
    # A right checksum vouches for names in any alphabet; without it they count as damage.
    assert len(repairs) == 2
    repairs = read(message[:-2] + bytes([message[-2] ^ 1, 0xF7]), list(map(bytes, expected))).splitlines()
    assert repairs[3].startswith("voice 2: so much is illegal")


def test_many_illegal_values_are_summed_up():
    repairs = read_bytes(single(bytes([127] * 155))).repairs
    assert len(repairs) == 2
    assert "more were clamped too" in repairs[0]


def test_json_voices(tmp_path: Path):
    voices = [Voice.from_vced(vced) for vced in VCEDS[:3]]
    one, several = voices[0].to_json(), json.dumps([voice.to_dict() for voice in voices])
    assert list(read_bytes(one.encode())) == voices[:1]
    assert list(read_bytes(several.encode("utf-8-sig"))) == voices
    (tmp_path / "a.json").write_text(f'{{"voices": {several}, "seed": 1}}', encoding="utf-8")
    assert list(load(tmp_path / "a.json")) == voices


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"Dear diary,\r\n", "text"),
        (b"{} and more", "not JSON"),
        (b"[]", "without voices"),
        (b"[" * 100_000, "not JSON"),
        (b'{"algorithm": 33}', "algorithm"),
        (b'[{}, {"name": 3}]', "voice 2"),
        (b"[1]", "voice 1"),
        (b'{"voices": [[]]}', "voice 1"),
        (b"\x89PNG\r\n\x1a\n" + bytes(120), "PNG"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(200), "macOS"),
        (b"MThd\x00\x00\x00\x06\x00\x01", "MIDI"),
        (bytes(4096), "neither SysEx nor"),
        (bytes(155), "neither SysEx nor"),
        (bytes(range(128)) * 16, "neither SysEx nor"),
        (b"\xf0", "incomplete"),
        (b"\xf0\x43\x00\x09\x20\x00", "cut short at 6 of 4104"),
        (bank(VCEDS)[:100], "cut short at 100 of 4104"),
        (single(VCEDS[0])[:-3], "cut short at 160 of 163"),
        (yamaha(4, bytes(4096)), "4-operator bank"),
        (yamaha(0x7E, b"LM  8976AE" + bytes(23)) + yamaha(3, bytes(93)), "4-operator voice"),
        (bytes.fromhex("F04310107B1B01F7") * 6 + yamaha(4, bytes(4096)), "6 messages of parameter changes"),
        (bytes.fromhex("F04310007100F7") * 30, "30 messages of parameter changes"),
        (yamaha(0x7E, b"LM  8952PM" + bytes(100)), "TX802 performances"),
        (yamaha(0x7E, b"LM  0123XX" + bytes(9)), "0123XX"),
        (yamaha(0x7E, b""), "other Yamaha data"),
        (yamaha(0x33, b""), "format 33"),
        (yamaha(0x5E, bytes(400)), "FS1R"),
        (yamaha(0x7A, bytes(400)), "SY77"),
        (bytes.fromhex("F0432009F7"), "dump requests"),
        (bytes.fromhex("F04130000013F7") * 128, "128 messages of Roland's data"),
        (b"\xc0\x00" + bytes.fromhex("F0423003F7"), "Korg"),
        (bytes.fromhex("F000206BF7"), "another maker's"),
    ],
)
def test_what_holds_no_dx7_voice_is_named(data: bytes, words: str):
    assert words in refuse(data)


@pytest.mark.parametrize("top", [256, 128, 100, 64, 32])
def test_random_bytes_are_no_bare_bank(top):
    rng = np.random.default_rng(top)
    for size in (4096, 128 * 7, 155 * 5):
        refuse(bytes(rng.integers(0, top, size, np.uint8)).replace(b"\xf0", b"\x70"))


@pytest.mark.parametrize("shift", [1, 2, 6, 17, 64])
def test_shifted_voices_are_no_bare_bank(shift):
    data = b"".join(PACKED) * 2
    refuse(data[shift : shift + 4096])


def test_paths_that_are_no_files(tmp_path: Path):
    for path, words in [(tmp_path / "none.syx", "no such file"), (tmp_path, "folder"), (tmp_path / "a\0b", "cannot")]:
        with pytest.raises(SysexError, match=words):
            load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.syx")
    with pytest.raises(SysexError, match="special file"):
        load(tmp_path / "pipe.syx")


def test_size_limit(tmp_path: Path):
    path = tmp_path / "big.syx"
    path.write_bytes(bank(VCEDS))
    assert len(load(path, max_bytes=4104)) == 32
    with pytest.raises(SysexError, match="more than 4,103 bytes"):
        load(path, max_bytes=4103)


@pytest.mark.parametrize(
    "unit", [b"\xf0", b"\xf0\xf7", b"\xf0\x43\x00\x09\x20\x00", b"\xf7", b"\x43\x00\x09\x20\x00", b"[1,"]
)
def test_time_grows_no_faster_than_size(unit):
    start = time.process_time()  # the machine may be busy
    refuse(unit * (2**20 // len(unit)))
    assert time.process_time() - start < 15


def test_a_large_collection_is_read_in_one_go():
    vceds = random_voices(64, seed=7)
    found = read_bytes(b"".join(bank(vceds[k : k + 32]) for k in (0, 32)) * 10)
    assert len(found) == 640
    assert isinstance(found, Bank)
    assert found[639].to_vced() == vceds[63]


# Behind the damaged start of this file are 32 faultless voices and their good checksum: more than the index says.
BETTER_THAN_INDEXED = {"18_nonsysex-other_ROM1A_2.syx": 32}


def test_real_odd_files(shared: Path):
    with (shared / "odd_syx" / "INDEX.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    for row in rows:
        expected = BETTER_THAN_INDEXED.get(row["file"], int(row["voices_recoverable"]))
        path = shared / "odd_syx" / row["file"]
        if expected:
            assert len(load(path)) == expected, row["file"]
        else:
            with pytest.raises(SysexError, match="wanted"):
                load(path)


def test_real_voices_are_plausible_without_a_header(shared: Path):
    packed = np.load(shared / "corpus" / "voices.npz")["voices"][::20]
    assert len(read_bytes(packed.tobytes())) == len(packed)
