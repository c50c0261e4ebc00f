"""`Voice`: one DX7 patch as the panel shows it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from ddx7.display import voice_html
from ddx7.errors import Ddx7Error
from ddx7.voice.packing import INIT_VCED, pack, unpack
from ddx7.voice.spec import (
    FIELDS,
    N_OPERATORS,
    NAME_SIZE,
    OPERATOR_PARAMETERS,
    VCED_SIZE,
    VMEM_SIZE,
    VOICE_PARAMETERS,
    Parameter,
    vced_offset,
)

Four = tuple[int, int, int, int]

# Three codes of the DX7's character ROM differ from ASCII (Dexed, PluginData.h, normalizePgmName).
_SPECIAL_CHARACTERS = {0x5C: "¥", 0x7E: "→", 0x7F: "←"}
_CHARACTER_CODES = {character: code for code, character in _SPECIAL_CHARACTERS.items()} | {"\\": 0x5C, "~": 0x7E}


def decode_name(codes: bytes) -> str:
    """Name bytes as text; trailing spaces dropped, codes below 32 shown as spaces."""
    return "".join(_SPECIAL_CHARACTERS.get(c, chr(c) if 32 <= c < 127 else " ") for c in codes).rstrip()


def encode_name(name: str) -> bytes:
    """Text as ten name bytes.

    Raises:
      Ddx7Error: longer than ten characters, or a character that the DX7 lacks.
    """
    if len(name) > NAME_SIZE:
        raise Ddx7Error(f"name {name!r}: {len(name)} characters, wanted at most {NAME_SIZE}")
    codes = [_CHARACTER_CODES.get(c, ord(c)) for c in name.ljust(NAME_SIZE)]
    for character, code in zip(name.ljust(NAME_SIZE), codes, strict=True):
        if not 32 <= code <= 127:
            raise Ddx7Error(f"name {name!r}: the DX7 has no character {character!r}, wanted printable ASCII, ¥, → or ←")
    return bytes(codes)


def _check(row: Parameter, value: object, place: str) -> None:
    if row.kind == "text":
        if not isinstance(value, str):
            raise Ddx7Error(f"voice name: found {value!r}, wanted text")
        encode_name(value)
        return
    values = value if row.count > 1 else (value,)
    if not isinstance(values, tuple) or len(values) != row.count:
        first, last = row.label(0), row.label(row.count - 1)
        raise Ddx7Error(f"{place}{row.name}: found {value!r}, wanted {row.count} integers, {first} to {last}")
    low, high = row.minimum + row.panel, row.maximum + row.panel
    for index, v in enumerate(values):
        if isinstance(v, bool) or not isinstance(v, int) or not low <= v <= high:
            raise Ddx7Error(f"{place}{row.label(index)}: found {v!r}, wanted an integer from {low} to {high}")


@dataclass(frozen=True, slots=True)
class Operator:
    """One of the six operators, in panel units; ranges are in `ddx7.voice.spec.OPERATOR_PARAMETERS`.

    Attributes:
      rates: envelope R1-R4, 0-99; 99 is instant.
      levels: envelope L1-L4, 0-99.
      break_point: note at which level scaling turns, 0 = A-1 ... 39 = C3 ... 99 = C8.
      left_depth: level scaling below the break point, 0-99.
      right_depth: level scaling above it, 0-99.
      left_curve: 0 -LIN, 1 -EXP, 2 +EXP, 3 +LIN.
      right_curve: the same for the right side.
      rate_scaling: sensitivity of the envelope's speed to the note, 0-7; higher notes run faster.
      amp_mod_sensitivity: AMS, 0-3.
      velocity_sensitivity: key velocity sensitivity, 0-7.
      output_level: 0-99.
      fixed: 0 if the frequency follows the note, 1 if it is fixed.
      coarse: ratio 1-31, 0 for one half; in fixed mode the decade, modulo 4.
      fine: adds 0-99 % of the ratio; in fixed mode hundredths of a decade.
      detune: -7 to +7.
    """

    rates: Four = (99, 99, 99, 99)
    levels: Four = (99, 99, 99, 0)
    break_point: int = 39
    left_depth: int = 0
    right_depth: int = 0
    left_curve: int = 0
    right_curve: int = 0
    rate_scaling: int = 0
    amp_mod_sensitivity: int = 0
    velocity_sensitivity: int = 0
    output_level: int = 0
    fixed: int = 0
    coarse: int = 1
    fine: int = 0
    detune: int = 0

    def __post_init__(self) -> None:
        for row in OPERATOR_PARAMETERS:
            _check(row, getattr(self, row.name), "operator ")

    @property
    def frequency(self) -> float:
        """Ratio to the note's frequency, or the frequency in Hz of a fixed operator; without detune.

        Source: DX7 owner's manual, "frequency coarse" and "frequency fine".
        """
        if self.fixed:
            return 10 ** (self.coarse % 4 + self.fine / 100)
        return (self.coarse or 0.5) * (1 + self.fine / 100)


@dataclass(frozen=True, slots=True)
class Voice:
    """One DX7 patch, in panel units; `Voice()` is Yamaha's INIT VOICE.

    Attributes:
      operators: OP1 to OP6, so ``operators[0]`` is OP1.
      pitch_rates: pitch envelope R1-R4, 0-99.
      pitch_levels: pitch envelope L1-L4, 0-99; 50 is in tune, 99 almost four octaves up.
      algorithm: 1-32.
      feedback: 0-7.
      osc_sync: 1 starts all operators in phase at key-on.
      lfo_speed: 0-99.
      lfo_delay: 0-99.
      lfo_pitch_depth: PMD, 0-99.
      lfo_amp_depth: AMD, 0-99.
      lfo_sync: 1 restarts the LFO at key-on.
      lfo_wave: 0 triangle, 1 saw down, 2 saw up, 3 square, 4 sine, 5 sample and hold.
      pitch_mod_sensitivity: PMS, 0-7.
      transpose: semitones, -24 to +24.
      name: at most ten characters.

    Raises:
      Ddx7Error: a value out of range; the message names it.
    """

    operators: tuple[Operator, ...] = (Operator(output_level=99), *(Operator(),) * (N_OPERATORS - 1))
    pitch_rates: Four = (99, 99, 99, 99)
    pitch_levels: Four = (50, 50, 50, 50)
    algorithm: int = 1
    feedback: int = 0
    osc_sync: int = 1
    lfo_speed: int = 35
    lfo_delay: int = 0
    lfo_pitch_depth: int = 0
    lfo_amp_depth: int = 0
    lfo_sync: int = 1
    lfo_wave: int = 0
    pitch_mod_sensitivity: int = 3
    transpose: int = 0
    name: str = "INIT VOICE"

    def __post_init__(self) -> None:
        if len(self.operators) != N_OPERATORS or not all(isinstance(op, Operator) for op in self.operators):
            raise Ddx7Error(f"voice {self.name!r}: found {len(self.operators)} operators, wanted {N_OPERATORS}")
        for row in VOICE_PARAMETERS:
            _check(row, getattr(self, row.name), f"voice {self.name!r}: ")

    def __repr__(self) -> str:
        """Its name, algorithm and feedback; `to_dict` has the rest.

        >>> Voice()
        <Voice INIT VOICE: algorithm 1, feedback 0>
        """
        return f"<Voice {self.name or 'unnamed'}: algorithm {self.algorithm}, feedback {self.feedback}>"

    def _repr_html_(self) -> str:
        """For notebooks: a picture of the voice, and a player."""
        return voice_html(self)

    @classmethod
    def from_vced(cls, vced: bytes | np.ndarray) -> "Voice":
        """Read the 155 bytes of the edit form.

        Raises:
          Ddx7Error: not 155 bytes, or a byte out of range, which `ddx7.voice.repair` would clamp.
        """
        data = _as_bytes(vced, VCED_SIZE, "voice in edit form")
        for field, byte in zip(FIELDS, data, strict=True):
            row = field.parameter
            if not row.minimum <= byte <= row.maximum:
                raise Ddx7Error(f"{field.label}: byte {byte}, wanted {row.minimum} to {row.maximum}")
        operators = tuple(
            Operator(**{row.name: _read(row, data, op) for row in OPERATOR_PARAMETERS})
            for op in range(1, N_OPERATORS + 1)
        )
        return cls(operators=operators, **{row.name: _read(row, data, 0) for row in VOICE_PARAMETERS})

    def to_vced(self) -> bytes:
        """The 155 bytes of the edit form."""
        data = bytearray(VCED_SIZE)
        for op, operator in enumerate(self.operators, start=1):
            for row in OPERATOR_PARAMETERS:
                _write(row, data, op, getattr(operator, row.name))
        for row in VOICE_PARAMETERS:
            _write(row, data, 0, getattr(self, row.name))
        return bytes(data)

    @classmethod
    def from_vmem(cls, vmem: bytes | np.ndarray) -> "Voice":
        """Read the 128 bytes of the packed form; bits that no parameter owns are ignored.

        Raises:
          Ddx7Error: not 128 bytes, or a value out of range.
        """
        return cls.from_vced(unpack(np.frombuffer(_as_bytes(vmem, VMEM_SIZE, "packed voice"), np.uint8)))

    def to_vmem(self) -> bytes:
        """The 128 bytes of the packed form."""
        return pack(np.frombuffer(self.to_vced(), np.uint8)).tobytes()

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, integers and text, in panel units; `from_dict` reads it back."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, data: object) -> "Voice":
        """Read the mapping that `to_dict` returned. A missing key keeps its INIT VOICE value.

        Raises:
          Ddx7Error: no mapping, an unknown key, or a value of another type or out of range.
        """
        values = _known(cls, VOICE_PARAMETERS, data, "voice")
        if "operators" in values:
            if not isinstance(values["operators"], list):
                raise Ddx7Error(
                    f"operators: found {type(values['operators']).__name__}, wanted a list of {N_OPERATORS}"
                )
            values["operators"] = tuple(
                Operator(**_known(Operator, OPERATOR_PARAMETERS, op, f"operator {n}"))
                for n, op in enumerate(values["operators"], start=1)
            )
        return cls(**values)

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Voice":
        """Read what `to_json` wrote.

        Raises:
          Ddx7Error: not JSON, or not a voice.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Ddx7Error(f"voice: not JSON ({error})") from None
        return cls.from_dict(data)

    def renamed(self, name: str) -> "Voice":
        """The same voice under another name."""
        return replace(self, name=name)


def _as_bytes(data: bytes | np.ndarray, size: int, what: str) -> bytes:
    data = bytes(np.asarray(data, np.uint8)) if isinstance(data, np.ndarray) else bytes(data)
    if len(data) != size:
        raise Ddx7Error(f"{what}: found {len(data)} bytes, wanted {size}")
    return data


def _read(row: Parameter, data: bytes, operator: int) -> Any:
    start = vced_offset(row, operator)
    if row.kind == "text":
        return decode_name(data[start : start + row.count])
    if row.count > 1:
        return tuple(byte + row.panel for byte in data[start : start + row.count])
    return data[start] + row.panel


def _write(row: Parameter, data: bytearray, operator: int, value: Any) -> None:
    start = vced_offset(row, operator)
    if row.kind == "text":
        data[start : start + row.count] = encode_name(value)
    elif row.count > 1:
        data[start : start + row.count] = bytes(v - row.panel for v in value)
    else:
        data[start] = value - row.panel


def _known(cls: type, rows: tuple[Parameter, ...], data: object, place: str) -> dict[str, Any]:
    """The arguments of a class that a JSON object holds; those of `rows` are checked."""
    if not isinstance(data, Mapping):
        raise Ddx7Error(f"{place}: found {type(data).__name__}, wanted an object")
    names = {field.name for field in fields(cls)}
    for key in data:
        if key not in names:
            raise Ddx7Error(f"{place}: unknown key {key!r}, wanted one of {', '.join(sorted(names))}")
    # JSON has no tuples; nested operators stay a list until they are read themselves.
    values = {k: tuple(v) if isinstance(v, list) and k != "operators" else v for k, v in data.items()}
    for row in rows:
        if row.name in values:
            _check(row, values[row.name], f"{place}: ")
    return values


def init_voice() -> Voice:
    """Yamaha's INIT VOICE: one sine on OP1."""
    return Voice.from_vced(INIT_VCED)


def numbered(name: str, number: int) -> str:
    """A voice's name with a number, in ten characters.

    >>> numbered("TUB BELLS", 12)
    'TUB BEL 12'
    """
    tail = f" {number}"
    return f"{name[: NAME_SIZE - len(tail)].rstrip()}{tail}"


def panel_name(text: str) -> str:
    """Any text as a voice's name: capitals, one space between words, only characters of the DX7; may be empty.

    >>> panel_name("solo_violin Nº 2")
    'SOLO VIOLI'
    """
    kept = "".join(c if 32 <= ord(c) < 127 and c not in "\\~" else " " for c in text.upper())
    return " ".join(kept.replace("_", " ").split())[:NAME_SIZE].rstrip()
