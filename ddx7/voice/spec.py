"""The one table of DX7 voice parameters; offsets, ranges, packing and documentation derive from it.

Source: Yamaha DX7 owner's manual, "SYSEX MIDI data format" (VCED 155 bytes, VMEM 128 bytes),
cross-checked with Dexed's ``Documentation/sysex-format.txt``.
"""

from dataclasses import dataclass
from typing import Literal

N_OPERATORS = 6
VCED_SIZE = 155
VMEM_SIZE = 128
VOICES_PER_BANK = 32
NAME_SIZE = 10

_VCED_OPERATOR_SIZE = 21
_VMEM_OPERATOR_SIZE = 17

Kind = Literal["rate", "level", "note", "curve", "sensitivity", "frequency", "switch", "lfo", "structure", "text"]


@dataclass(frozen=True)
class Parameter:
    """One row of the table.

    Attributes:
      name: field name in `Voice` or `Operator`.
      vced: first byte in the edit form; within the 21-byte operator block for operator rows.
      vmem: byte in the packed form; within the 17-byte operator block for operator rows.
      maximum: largest legal byte; the smallest is 0 (32 for text).
      kind: kind of parameter.
      unit: of one step.
      count: consecutive bytes of the row (4 for R1-R4).
      shift: lowest bit in the packed byte.
      bits: width in the packed byte.
      panel: offset from the byte to the panel's value (detune byte 7 reads 0).
      default: byte in Yamaha's INIT VOICE (OP1 differs in output level: 99).
      categorical: the values have no order that a gradient could follow.
      audible: whether it affects the sound.
      labels: the panel's words for the values of a categorical row.
    """

    name: str
    vced: int
    vmem: int
    maximum: int
    kind: Kind
    unit: str
    count: int = 1
    shift: int = 0
    bits: int = 7
    panel: int = 0
    default: int | tuple[int, ...] = 0
    categorical: bool = False
    audible: bool = True
    labels: tuple[str, ...] = ()

    @property
    def minimum(self) -> int:
        """Smallest legal byte."""
        return 32 if self.kind == "text" else 0

    def label(self, index: int = 0) -> str:
        """Its name in a message, in the panel's words, such as ``R2`` or ``pitch EG L4``.

        Args:
          index: position within the row, 0-3 for R1-R4.
        """
        if self.count == 1:
            return self.name.replace("_", " ").replace("lfo", "LFO")
        return f"{_PANEL_WORDS[self.name]}{index + 1}"

    @property
    def defaults(self) -> tuple[int, ...]:
        """The INIT VOICE bytes of the row, one for each of its `count` bytes."""
        return self.default if isinstance(self.default, tuple) else (self.default,) * self.count


CURVES = ("-LIN", "-EXP", "+EXP", "+LIN")
LFO_WAVES = ("TRIANGLE", "SAW DOWN", "SAW UP", "SQUARE", "SINE", "S/HOLD")
_ON_OFF = ("OFF", "ON")

OPERATOR_PARAMETERS = (
    Parameter("rates", 0, 0, 99, "rate", "R1-R4", count=4, default=99),
    Parameter("levels", 4, 4, 99, "level", "L1-L4", count=4, default=(99, 99, 99, 0)),
    Parameter("break_point", 8, 8, 99, "note", "semitones above A-1", default=39),
    Parameter("left_depth", 9, 9, 99, "level", "scaling depth"),
    Parameter("right_depth", 10, 10, 99, "level", "scaling depth"),
    Parameter("left_curve", 11, 11, 3, "curve", "curve", bits=2, categorical=True, labels=CURVES),
    Parameter("right_curve", 12, 11, 3, "curve", "curve", shift=2, bits=2, categorical=True, labels=CURVES),
    Parameter("rate_scaling", 13, 12, 7, "sensitivity", "steps", bits=3),
    Parameter("amp_mod_sensitivity", 14, 13, 3, "sensitivity", "steps", bits=2),
    Parameter("velocity_sensitivity", 15, 13, 7, "sensitivity", "steps", shift=2, bits=3),
    Parameter("output_level", 16, 14, 99, "level", "0.75 dB from 20 up"),
    Parameter("fixed", 17, 15, 1, "switch", "oscillator mode", bits=1, categorical=True, labels=("RATIO", "FIXED")),
    Parameter("coarse", 18, 15, 31, "frequency", "ratio 0.5, 1-31; fixed: decade", shift=1, bits=5, default=1),
    Parameter("fine", 19, 16, 99, "frequency", "1 % of the ratio; fixed: 1/100 decade"),
    Parameter("detune", 20, 12, 14, "frequency", "steps", shift=3, bits=4, panel=-7, default=7),
)

VOICE_PARAMETERS = (
    Parameter("pitch_rates", 126, 102, 99, "rate", "R1-R4", count=4, default=99),
    Parameter("pitch_levels", 130, 106, 99, "level", "L1-L4, 50 is in tune", count=4, default=50),
    Parameter("algorithm", 134, 110, 31, "structure", "1-32", bits=5, panel=1, categorical=True),
    Parameter("feedback", 135, 111, 7, "level", "6 dB", bits=3),
    Parameter(
        "osc_sync", 136, 111, 1, "switch", "on at key-on", shift=3, bits=1, default=1, categorical=True, labels=_ON_OFF
    ),
    Parameter("lfo_speed", 137, 112, 99, "lfo", "0.06-51 Hz", default=35),
    Parameter("lfo_delay", 138, 113, 99, "lfo", "0-3.3 s"),
    Parameter("lfo_pitch_depth", 139, 114, 99, "lfo", "PMD"),
    Parameter("lfo_amp_depth", 140, 115, 99, "lfo", "AMD"),
    Parameter("lfo_sync", 141, 116, 1, "switch", "key sync", bits=1, default=1, categorical=True, labels=_ON_OFF),
    Parameter("lfo_wave", 142, 116, 5, "lfo", "wave", shift=1, bits=3, categorical=True, labels=LFO_WAVES),
    Parameter("pitch_mod_sensitivity", 143, 116, 7, "sensitivity", "PMS", shift=4, bits=3, default=3),
    Parameter("transpose", 144, 117, 48, "note", "semitones", panel=-24, default=24),
    Parameter(
        "name", 145, 118, 127, "text", "characters", count=NAME_SIZE, default=tuple(b"INIT VOICE"), audible=False
    ),
)

INIT_OUTPUT_LEVEL_OP1 = 99


@dataclass(frozen=True)
class Field:
    """One byte of the edit form: a row of the table placed at its operator and index.

    Attributes:
      parameter: the row.
      vced: its byte in the 155-byte edit form.
      vmem: its byte in the 128-byte packed form.
      operator: 1-6, or 0 for the whole voice.
      index: position within the row (0-3 for R1-R4).
    """

    parameter: Parameter
    vced: int
    vmem: int
    operator: int
    index: int

    @property
    def label(self) -> str:
        """Its name in a message, in the panel's words, such as ``operator 3 R2`` or ``pitch EG L4``."""
        place = f"operator {self.operator} " if self.operator else ""
        return place + self.parameter.label(self.index)


_PANEL_WORDS = {"rates": "R", "levels": "L", "pitch_rates": "pitch EG R", "pitch_levels": "pitch EG L", "name": "name "}


def vced_offset(parameter: Parameter, operator: int = 0) -> int:
    """First VCED byte of a row; `operator` is 1-6 for operator rows. OP6 comes first in the file."""
    return parameter.vced + _VCED_OPERATOR_SIZE * (N_OPERATORS - operator if operator else 0)


def _vmem_offset(parameter: Parameter, operator: int) -> int:
    return parameter.vmem + _VMEM_OPERATOR_SIZE * (N_OPERATORS - operator if operator else 0)


def _all_fields() -> tuple[Field, ...]:
    rows = [(row, op) for op in range(N_OPERATORS, 0, -1) for row in OPERATOR_PARAMETERS]
    rows += [(row, 0) for row in VOICE_PARAMETERS]
    return tuple(
        Field(row, vced_offset(row, op) + k, _vmem_offset(row, op) + k, op, k)
        for row, op in rows
        for k in range(row.count)
    )


FIELDS: tuple[Field, ...] = _all_fields()
"""Every byte of the edit form, in VCED order."""
