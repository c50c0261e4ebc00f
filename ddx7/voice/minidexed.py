"""MiniDexed's performances: up to eight voices at once with their playback settings; reads and writes INI text.

A performance is a file ``performance/000001_NAME.ini`` on the SD card: a line ``Key=value`` for each setting, with the
number of the tone generator (TG1 to TG8) at the end of its keys.

Sources: MiniDexed's ``performance.ini`` for keys, ranges and what a file that lacks a key gets; its
``performanceconfig.cpp`` for channels and voice data; Synth_Dexed's master tune for the unit of detune.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ddx7.errors import Ddx7Error, SysexError
from ddx7.voice.health import clamp
from ddx7.voice.messages import ALL_OPERATORS_ON
from ddx7.voice.spec import VCED_SIZE
from ddx7.voice.voice import Voice

N_TONE_GENERATORS = 8
CHANNEL_OFF, CHANNEL_OMNI = 0, 255

_VOICE_DATA = "VoiceData"
_IS_PERFORMANCE = re.compile(r"^[ \t]*(?:VoiceData|VoiceNumber)[1-8][ \t]*=", re.MULTILINE)

# Pan in steps of 9 from the middle, and detune in steps of 2 cents: voices face each other in pairs, so eight are in
# tune and in the middle together, and the pan of a voice does not depend on its pitch.
_UNISON = ((-1, -2), (1, 2), (-3, 1), (3, -1), (-5, 4), (5, -4), (-7, -3), (7, 3))
_PAN_STEP = 9


def _setting(key: str, default: int, low: int, high: int) -> Any:
    """A field that one line of the file holds."""
    return field(default=default, metadata={"key": key, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class ToneGenerator:
    """A voice in a performance with its playback settings. The defaults are MiniDexed's own.

    Attributes:
      voice: the voice, whole in the performance; None for the one that bank and number choose on the card.
      bank_number: of the file ``sysex/voice/00000N_*.syx``, less one; MiniDexed displays it where there is a voice.
      voice_number: in the bank, 1-32.
      midi_channel: 1-16; 0 is off, and all above 16 is any channel.
      volume: 0-127, a factor of volume / 127.
      pan: 0 left, 64 middle, 127 right.
      detune: -99 to 99, in steps of 2 cents.
      cutoff: of the low-pass filter, 0-99; 99 is open.
      resonance: of the filter, 0-99.
      note_limit_low: lowest MIDI note that plays.
      note_limit_high: highest MIDI note that plays.
      note_shift: semitones, -24 to 24.
      reverb_send: 0-99.
      pitch_bend_range: semitones, 0-12.
      pitch_bend_step: semitones, 0-12; 0 bends smoothly.
      portamento_mode: 0 or 1, as on the DX7.
      portamento_glissando: 1 moves in semitones.
      portamento_time: 0-99.
      mono_mode: 1 plays one note at a time.
      modulation_wheel_range: 0-99.
      modulation_wheel_target: 0-7, the sum of 1 pitch, 2 amplitude, 4 EG bias.
      foot_control_range: the same for the pedal.
      foot_control_target: the same.
      breath_control_range: the same for the breath controller.
      breath_control_target: the same.
      aftertouch_range: the same for pressure.
      aftertouch_target: the same.

    Raises:
      Ddx7Error: a setting out of range; the message names it.
    """

    voice: Voice | None = None
    bank_number: int = _setting("BankNumber", 0, 0, 16_383)
    voice_number: int = _setting("VoiceNumber", 1, 1, 32)
    midi_channel: int = _setting("MIDIChannel", CHANNEL_OMNI, CHANNEL_OFF, CHANNEL_OMNI)
    volume: int = _setting("Volume", 100, 0, 127)
    pan: int = _setting("Pan", 64, 0, 127)
    detune: int = _setting("Detune", 0, -99, 99)
    cutoff: int = _setting("Cutoff", 99, 0, 99)
    resonance: int = _setting("Resonance", 0, 0, 99)
    note_limit_low: int = _setting("NoteLimitLow", 0, 0, 127)
    note_limit_high: int = _setting("NoteLimitHigh", 127, 0, 127)
    note_shift: int = _setting("NoteShift", 0, -24, 24)
    reverb_send: int = _setting("ReverbSend", 50, 0, 99)
    pitch_bend_range: int = _setting("PitchBendRange", 2, 0, 12)
    pitch_bend_step: int = _setting("PitchBendStep", 0, 0, 12)
    portamento_mode: int = _setting("PortamentoMode", 0, 0, 1)
    portamento_glissando: int = _setting("PortamentoGlissando", 0, 0, 1)
    portamento_time: int = _setting("PortamentoTime", 0, 0, 99)
    mono_mode: int = _setting("MonoMode", 0, 0, 1)
    modulation_wheel_range: int = _setting("ModulationWheelRange", 99, 0, 99)
    modulation_wheel_target: int = _setting("ModulationWheelTarget", 1, 0, 7)
    foot_control_range: int = _setting("FootControlRange", 99, 0, 99)
    foot_control_target: int = _setting("FootControlTarget", 0, 0, 7)
    breath_control_range: int = _setting("BreathControlRange", 99, 0, 99)
    breath_control_target: int = _setting("BreathControlTarget", 0, 0, 7)
    aftertouch_range: int = _setting("AftertouchRange", 99, 0, 99)
    aftertouch_target: int = _setting("AftertouchTarget", 0, 0, 7)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class MinidexedPerformance:
    """Up to eight tone generators, and the effects after them.

    Attributes:
      generators: TG1 and those that follow; the rest of the eight are off.
      compressor: 1 is on.
      reverb: 1 is on.
      reverb_size: 0-99.
      reverb_high_damp: 0-99.
      reverb_low_damp: 0-99.
      reverb_low_pass: 0-99.
      reverb_diffusion: 0-99.
      reverb_level: 0-99.
      other: all other keys, such as those of newer effects, with their values; `to_ini` writes them back.

    Raises:
      Ddx7Error: no tone generator, more than eight, or a setting out of range.
    """

    generators: tuple[ToneGenerator, ...]
    compressor: int = _setting("CompressorEnable", 1, 0, 1)
    reverb: int = _setting("ReverbEnable", 1, 0, 1)
    reverb_size: int = _setting("ReverbSize", 70, 0, 99)
    reverb_high_damp: int = _setting("ReverbHighDamp", 50, 0, 99)
    reverb_low_damp: int = _setting("ReverbLowDamp", 50, 0, 99)
    reverb_low_pass: int = _setting("ReverbLowPass", 30, 0, 99)
    reverb_diffusion: int = _setting("ReverbDiffusion", 65, 0, 99)
    reverb_level: int = _setting("ReverbLevel", 99, 0, 99)
    other: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_count(len(self.generators))
        _check(self)

    @classmethod
    def of_parts(cls, voices: Sequence[Voice], *, bank_number: int = 0) -> "MinidexedPerformance":
        """Voices for different players: voice n in the middle, on MIDI channel n.

        Args:
          voices: one to eight.
          bank_number: of the bank on the card that begins with them, less one.
        """
        return cls(
            tuple(
                ToneGenerator(voice, bank_number, voice_number=n, midi_channel=n)
                for n, voice in enumerate(voices, start=1)
            )
        )

    @classmethod
    def of_unison(
        cls, voices: Sequence[Voice], *, bank_number: int = 0, midi_channel: int = 1
    ) -> "MinidexedPerformance":
        """Voices in unison: on one channel, spread from left to right and detuned by up to 8 cents.

        Together they have the power of one voice at volume 100, so they clip no earlier than it does.

        Args:
          voices: one to eight; an even number of them is balanced.
          bank_number: of the bank on the card that begins with them, less one.
          midi_channel: of all.
        """
        _check_count(len(voices))
        volume = round(100 / math.sqrt(len(voices)))
        return cls(
            tuple(
                ToneGenerator(
                    voice,
                    bank_number,
                    voice_number=n,
                    midi_channel=midi_channel,
                    volume=volume,
                    pan=64 + _PAN_STEP * side,
                    detune=detune,
                )
                for n, (voice, (side, detune)) in enumerate(zip(voices, _UNISON, strict=False), start=1)
            )
        )

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that are whole in the performance, in order."""
        return tuple(generator.voice for generator in self.generators if generator.voice is not None)

    def to_ini(self) -> str:
        """The text of the file, ASCII, with all settings, so that it plays alike on a MiniDexed with other defaults."""
        lines: list[str] = []
        for n, generator in enumerate(self.generators, start=1):
            lines += [f"{key}{n}={value}" for key, value in _settings(generator).items()]
            if generator.voice is not None:
                data = generator.voice.to_vced() + bytes([ALL_OPERATORS_ON])
                lines.append(f"{_VOICE_DATA}{n}={data.hex(' ').upper()}")
        lines += [f"MIDIChannel{n}={CHANNEL_OFF}" for n in range(len(self.generators) + 1, N_TONE_GENERATORS + 1)]
        lines += [f"{key}={value}" for key, value in _settings(self).items()]
        lines += [f"{key}={value}" for key, value in self.other]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_ini(cls, text: str, name: str = "performance") -> "MinidexedPerformance":
        """Read the text of a file; a missing key has MiniDexed's default, an illegal byte of a voice is clamped.

        Args:
          text: the file.
          name: of the file in messages.

        Raises:
          SysexError: a setting is no number or out of range, or the data of a voice are none.
        """
        lines = _lines(text)
        try:
            generators = [_generator(lines, n) for n in range(1, N_TONE_GENERATORS + 1)]
            while len(generators) > 1 and generators[-1] == ToneGenerator(midi_channel=CHANNEL_OFF):
                generators.pop()
            effects = _numbers(cls, lines)
            return cls(tuple(generators), **effects, other=tuple(lines.items()))
        except Ddx7Error as error:
            raise SysexError(f"{name}: {error}") from None


def is_performance(text: str) -> bool:
    """Whether a text looks like a performance."""
    return _IS_PERFORMANCE.search(text) is not None


def voice_bytes(text: str, name: str = "performance") -> np.ndarray:
    """The voices of a performance, unchanged, uint8 [voice, 155]; their bytes may be illegal.

    Raises:
      SysexError: the data of a voice are none, or the performance holds no voice.
    """
    lines = _lines(text)
    try:
        found = [_voice_data(lines, n) for n in range(1, N_TONE_GENERATORS + 1)]
    except Ddx7Error as error:
        raise SysexError(f"{name}: {error}") from None
    voices = [data for data in found if data is not None]
    if not voices:
        raise SysexError(f"{name}: found a MiniDexed performance without voices (they are in its banks), wanted some")
    return np.stack(voices)


def _check_count(n: int) -> None:
    if not 1 <= n <= N_TONE_GENERATORS:
        raise Ddx7Error(f"performance: found {n} voices, wanted 1 to {N_TONE_GENERATORS}, one for each tone generator")


def _check(settings: ToneGenerator | MinidexedPerformance) -> None:
    for row in fields(settings):
        if row.metadata:
            low, high = row.metadata["low"], row.metadata["high"]
            value = getattr(settings, row.name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise Ddx7Error(f"{row.name}: found {value!r}, wanted an integer from {low} to {high}")


def _settings(settings: ToneGenerator | MinidexedPerformance) -> dict[str, int]:
    return {row.metadata["key"]: getattr(settings, row.name) for row in fields(settings) if row.metadata}


def _lines(text: str) -> dict[str, str]:
    """Keys and values; the last value of a repeated key counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("#")[0].partition("=")
        if equals:
            found[key.strip()] = value.strip()
    return found


def _numbers(cls: type, lines: dict[str, str], n: int | str = "") -> dict[str, int]:
    """Remove the settings of a class from the lines and return them."""
    found: dict[str, int] = {}
    for row in fields(cls):
        key = f"{row.metadata['key']}{n}" if row.metadata else ""
        if not (value := lines.pop(key, "")):
            continue
        low, high = row.metadata["low"], row.metadata["high"]
        wanted = f"wanted an integer from {low} to {high}"
        try:
            found[row.name] = int(value)
        except ValueError:
            raise Ddx7Error(f"{key}: found {value!r}, {wanted}") from None
        if not low <= found[row.name] <= high:
            raise Ddx7Error(f"{key}: found {value}, {wanted}")
    return found


def _generator(lines: dict[str, str], n: int) -> ToneGenerator:
    data = _voice_data(lines, n)
    lines.pop(f"{_VOICE_DATA}{n}", None)
    voice = None if data is None else Voice.from_vced(clamp(data))
    return ToneGenerator(voice, **_numbers(ToneGenerator, lines, n))


def _voice_data(lines: Mapping[str, str], n: int) -> np.ndarray | None:
    """The 155 bytes of a voice. MiniDexed's own files have any value in the byte after them, a mask of operators."""
    key = f"{_VOICE_DATA}{n}"
    if not (text := lines.get(key, "")):
        return None
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise Ddx7Error(f"{key}: found {text[:12]!r}, wanted {VCED_SIZE + 1} bytes in hexadecimal") from None
    if len(data) not in (VCED_SIZE, VCED_SIZE + 1):
        raise Ddx7Error(f"{key}: found {len(data)} bytes, wanted {VCED_SIZE + 1}")
    return np.frombuffer(data[:VCED_SIZE], np.uint8)
