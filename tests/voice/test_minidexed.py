"""MiniDexed performances; the golden text was laid out by hand from MiniDexed's own performance.ini."""

import math
from dataclasses import replace

import pytest
from lookalikes import random_voices

from ddx7.errors import Ddx7Error, SysexError
from ddx7.voice import MinidexedPerformance, ToneGenerator, Voice, load, read_bytes, save

VCEDS = random_voices(8, seed=5)
VOICES = [Voice.from_vced(vced) for vced in VCEDS]

INIT_HEX = (
    "63 63 63 63 63 63 63 00 27 00 00 00 00 00 00 00 00 00 01 00 07 " * 5
    + "63 63 63 63 63 63 63 00 27 00 00 00 00 00 00 00 63 00 01 00 07 "
    + "63 63 63 63 32 32 32 32 00 00 01 23 00 00 00 01 00 03 18 49 4E 49 54 20 56 4F 49 43 45"
)

GOLDEN = f"""\
BankNumber1=6
VoiceNumber1=3
MIDIChannel1=16
Volume1=88
Pan1=127
Detune1=-2
Cutoff1=99
Resonance1=0
NoteLimitLow1=36
NoteLimitHigh1=60
NoteShift1=-12
ReverbSend1=50
PitchBendRange1=2
PitchBendStep1=0
PortamentoMode1=0
PortamentoGlissando1=0
PortamentoTime1=0
MonoMode1=0
ModulationWheelRange1=99
ModulationWheelTarget1=1
FootControlRange1=99
FootControlTarget1=0
BreathControlRange1=99
BreathControlTarget1=0
AftertouchRange1=99
AftertouchTarget1=0
VoiceData1={INIT_HEX} 3F
MIDIChannel2=0
MIDIChannel3=0
MIDIChannel4=0
MIDIChannel5=0
MIDIChannel6=0
MIDIChannel7=0
MIDIChannel8=0
CompressorEnable=0
ReverbEnable=1
ReverbSize=70
ReverbHighDamp=50
ReverbLowDamp=50
ReverbLowPass=30
ReverbDiffusion=65
ReverbLevel=99
"""

ONE = MinidexedPerformance(
    (
        ToneGenerator(
            Voice(),
            bank_number=6,
            voice_number=3,
            midi_channel=16,
            volume=88,
            pan=127,
            detune=-2,
            note_limit_low=36,
            note_limit_high=60,
            note_shift=-12,
        ),
    ),
    compressor=0,
)


def test_the_text_is_as_minidexed_writes_it() -> None:
    assert ONE.to_ini() == GOLDEN
    assert MinidexedPerformance.from_ini(GOLDEN) == ONE


def test_eight_voices_come_back_byte_for_byte() -> None:
    text = MinidexedPerformance.of_parts(VOICES, bank_number=4).to_ini()
    back = MinidexedPerformance.from_ini(text)
    assert [voice.to_vced() for voice in back.voices] == [voice.to_vced() for voice in VOICES]
    assert back.to_ini() == text
    assert [(g.bank_number, g.voice_number, g.midi_channel) for g in back.generators] == [
        (4, n, n) for n in range(1, 9)
    ]
    assert read_bytes(text.encode()).voices == tuple(VOICES)


def test_what_is_missing_has_minidexeds_default_and_what_is_unknown_is_kept() -> None:
    text = "# a comment\r\nVolume2 = 7 # soft\r\nVoiceNumber2=\r\nMIDIChannel1=0\r\nstray\r\n"
    text += "FXSend_TG0_to_Tube=5\nBankNumber9=3"
    found = MinidexedPerformance.from_ini(text)
    assert found.generators[0] == ToneGenerator(midi_channel=0)
    assert found.generators[1] == ToneGenerator(volume=7)
    assert found.generators[2:] == (ToneGenerator(),) * 6  # a performance that lacks a channel listens to all
    assert found.generators[1].midi_channel == 255
    assert found.generators[1].voice is None
    assert found.other == (("FXSend_TG0_to_Tube", "5"), ("BankNumber9", "3"))
    assert MinidexedPerformance.from_ini(found.to_ini()) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pan3=128", "perf.ini: Pan3: found 128, wanted an integer from 0 to 127"),
        ("Detune8=-100", "Detune8: found -100, wanted an integer from -99 to 99"),
        ("Volume1=loud", "Volume1: found 'loud', wanted an integer from 0 to 127"),
        ("ReverbSize=100", "ReverbSize: found 100, wanted an integer from 0 to 99"),
        ("VoiceData2=00 01 02", "VoiceData2: found 3 bytes, wanted 156"),
        ("VoiceData2=00 0G", "VoiceData2: found '00 0G', wanted 156 bytes in hexadecimal"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(SysexError, match=words):
        MinidexedPerformance.from_ini(text, "perf.ini")


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(Ddx7Error, match="note_shift: found 25, wanted an integer from -24 to 24"):
        ToneGenerator(note_shift=25)
    with pytest.raises(Ddx7Error, match="reverb_level: found True"):
        replace(ONE, reverb_level=True)
    for make in (MinidexedPerformance.of_parts, MinidexedPerformance.of_unison):
        for n in (0, 9):
            with pytest.raises(Ddx7Error, match=f"found {n} voices, wanted 1 to 8"):
                make([Voice()] * n)


def test_a_unison_is_in_the_middle_in_tune_and_no_louder_than_one_voice() -> None:
    generators = MinidexedPerformance.of_unison(VOICES).generators
    sides = [g.pan - 64 for g in generators]
    detunes = [g.detune for g in generators]
    assert {g.midi_channel for g in generators} == {1}
    assert len(set(zip(sides, detunes, strict=True))) == len(set(sides)) == len(set(detunes)) == 8
    assert sum(sides) == sum(detunes) == sum(a * b for a, b in zip(sides, detunes, strict=True)) == 0
    assert max(map(abs, detunes)) == 4
    power = math.hypot(*(g.volume for g in generators))
    assert power == pytest.approx(100, rel=0.02)
    assert all(0 <= g.pan <= 127 for g in generators)


def test_illegal_bytes_of_a_voice_are_clamped_and_told() -> None:
    text = GOLDEN.replace("VoiceData1=63", "VoiceData1=64")  # R1 of OP6 is 100
    assert MinidexedPerformance.from_ini(text).voices == (Voice(),)
    bank = read_bytes(text.encode())
    assert bank.voices == (Voice(),)
    assert bank.repairs == ("voice 1 'INIT VOICE': operator 6 R1 100 became 99",)


def test_the_last_byte_may_be_missing_or_anything() -> None:
    for tail in ("", " 51", " 00"):
        assert MinidexedPerformance.from_ini(GOLDEN.replace(f"{INIT_HEX} 3F", INIT_HEX + tail)) == ONE


def test_a_performance_without_voices_says_so() -> None:
    with pytest.raises(SysexError, match="x: found a MiniDexed performance without voices"):
        read_bytes(b"BankNumber1=0\nVoiceNumber1=1\n", "x")


def test_a_unison_on_a_card(tmp_path) -> None:
    bank, performance = save(VOICES, tmp_path, target="minidexed-unison", name="wide")
    assert performance.relative_to(tmp_path).as_posix() == "performance/000001_wide.ini"
    assert list(load(performance)) == list(load(bank))[:8] == VOICES
    assert performance.read_text() == MinidexedPerformance.of_unison(VOICES, bank_number=0).to_ini()
    with pytest.raises(Ddx7Error, match="found 9 voices"):
        save([*VOICES, Voice()], tmp_path, target="minidexed-unison", name="nine")
    assert len(list(tmp_path.rglob("*.*"))) == 2
