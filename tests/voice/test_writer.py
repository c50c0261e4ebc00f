import mido
import pytest
from hypothesis import given
from lookalikes import bank, pack_by_hand, random_voices, single, vceds

from ddx7.errors import Ddx7Error
from ddx7.voice import Bank, Voice, init_voice, read_bytes, to_bytes
from ddx7.voice.messages import checksum
from ddx7.voice.writer import to_volca_bytes

# Yamaha's INIT VOICE (break point C3), OP6 to OP1, then the common part; its bytes add up to 5913 = 47 * 128 - 0x67.
INIT_OPERATOR = "63 63 63 63 63 63 63 00 27 00 00 00 00 00 00 00 00 00 01 00 07 "
INIT_OPERATOR_1 = "63 63 63 63 63 63 63 00 27 00 00 00 00 00 00 00 63 00 01 00 07 "
INIT_COMMON = "63 63 63 63 32 32 32 32 00 00 01 23 00 00 00 01 00 03 18 49 4E 49 54 20 56 4F 49 43 45 "
INIT_SINGLE = bytes.fromhex("F0 43 00 00 01 1B " + INIT_OPERATOR * 5 + INIT_OPERATOR_1 + INIT_COMMON + "67 F7")


def test_init_voice_byte_for_byte():
    assert to_bytes(init_voice()) == INIT_SINGLE


@given(vceds())
def test_singles(vced: bytes):
    data = to_bytes(Voice.from_vced(vced))
    assert data == single(vced)
    assert sum(data[6:-1]) % 128 == 0
    assert checksum(vced) == data[-2]


@pytest.mark.parametrize("n", [1, 5, 32])
def test_banks_are_filled_up_with_init_voices(n):
    vceds = random_voices(n)
    init = INIT_SINGLE[6:-2]
    data = to_bytes(Bank(map(Voice.from_vced, vceds)))
    assert len(data) == 4104
    assert data == bank(vceds + [init] * (32 - n))
    assert data[6 + 128 * (n - 1) :][:128] == pack_by_hand(vceds[-1])


@pytest.mark.parametrize("channel", [1, 2, 16])
def test_channel(channel):
    assert to_bytes(init_voice(), channel=channel) == INIT_SINGLE[:2] + bytes([channel - 1]) + INIT_SINGLE[3:]
    assert to_bytes([init_voice()], channel=channel)[2] == channel - 1


def test_what_cannot_be_written():
    for channel in (0, 17):
        with pytest.raises(Ddx7Error, match="1 to 16"):
            to_bytes(init_voice(), channel=channel)
    with pytest.raises(Ddx7Error, match="found 33 voices"):
        to_bytes([init_voice()] * 33)
    with pytest.raises(Ddx7Error, match="found 0 voices"):
        to_bytes([])


def test_volca_switches_all_operators_on():
    assert to_volca_bytes(init_voice()) == INIT_SINGLE[:-2] + b"\x7f\xf7"


def test_another_midi_library_accepts_the_messages():
    for voices in (init_voice(), [init_voice()]):
        data = to_bytes(voices)
        (message,) = mido.parse_all(data)
        assert bytes(message.bin()) == data


@given(vceds(), vceds())
def test_reading_gives_back_what_was_written(a: bytes, b: bytes):
    voices = [Voice.from_vced(a), Voice.from_vced(b)]
    assert read_bytes(to_bytes(voices[0])) == Bank(voices[:1])
    assert list(read_bytes(to_bytes(voices)))[:2] == voices
    assert read_bytes(to_bytes(voices)).repairs == ()
