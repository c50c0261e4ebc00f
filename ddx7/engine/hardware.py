"""Constants of the DX7 itself, where they differ from msfa's; NumPy only.

Source, unless said otherwise: firmware v1.8 as disassembled in ajxs/yamaha_dx7_rom_disassembly, read as facts. Numbers
of the sound chips (EGS and OPS) are those of chiaccona/VDX7 at d22d8e3; `docs/hardware.md` says which are guesses.
"""

import numpy as np

from ddx7.engine.tables import DETUNE as MEASURED_DETUNE
from ddx7.engine.tables import HIGHEST_NOTE, LOWEST_NOTE, ONE

SAMPLE_HZ = 9_426_500 / 192
"""The sound chips' sample rate; envelopes move once a sample."""
TIMER_HZ = 1_178_310 / 3140
"""The processor's timer interrupt, which moves the LFO; at every second one the pitch envelope moves."""

_STEP = ONE // 1024  # of the chips' log frequency

# Velocity: attenuation in 0.376 dB by MIDI velocity >> 2, from the firmware's two tables.
_VELOCITY = np.array(
    [
        int(n)
        for n in """
128 124 118 116 114 109 106 103 94 88 82 76 70 64 58 52 52 46 46 40 40 30 30 21 21 12 12 4 4 0 0 0""".split()
    ],
    np.int32,
)
_NO_VELOCITY = 15  # attenuation at sensitivity 0


def velocity() -> np.ndarray:
    """Level change by velocity in 1/256 octave, int32 [sensitivity, MIDI velocity]."""
    sensitivity = np.arange(8, dtype=np.int32)[:, None]
    volume = _VELOCITY[np.arange(128) >> 2]
    attenuation = (_NO_VELOCITY - 2 * sensitivity) + ((volume * 32 * sensitivity) >> 8)
    return 16 * (_NO_VELOCITY - attenuation)


TOTAL_LEVEL = np.array([224, 4240], np.int32)
"""Lowest and highest level in 1/256 octave: the processor sends attenuations of 4 to 255."""

_SCALING_LINEAR = [*range(0, 176, 8), 178, *range(184, 256, 8), 255, 255, 255, 255]
_SCALING_EXPONENTIAL = [
    *(*range(10), 11, 14, 16, 19, 23, 28, 33, 39, 47, 57, 67, 80, 95, 113, 134, 160, 190, 224),
    *(255 for _ in range(8)),
]


def level_scaling(n_groups: int) -> np.ndarray:
    """Level scaling in steps of 0.7526 dB, int32 [linear or exponential, group of three notes, depth]."""
    curves = np.array([_SCALING_LINEAR, _SCALING_EXPONENTIAL], np.int32)
    curves = curves[:, np.minimum(np.arange(n_groups), curves.shape[1] - 1)]
    depth = (np.arange(100, dtype=np.int32) * 165) >> 6
    return np.minimum(127, (curves[..., None] * depth) >> 8)


def note_frequency() -> np.ndarray:
    """Log frequency of notes before coarse and fine, int32 [note - LOWEST_NOTE] in 2^-24 octave.

    Three of four codes stand for the semitones of a minor third and are spread evenly over it by repeating their low
    bits: semitones are 85, 85 and 86 steps. Notes 0 and 1 have the same code.
    """
    above = np.maximum(np.arange(LOWEST_NOTE, HIGHEST_NOTE + 1) - 1, 0)
    return ((4641 + 256 * (above // 3) + 85 * (above % 3)) * _STEP).astype(np.int32)


# Ratios: coarse is rounded to the chip's step, fine is cut to it.
COARSE = (np.round(1024 * np.log2([0.5, *range(1, 32)])) * _STEP).astype(np.int32)
FINE = (np.floor(1024 * np.log2(1 + np.arange(100) / 100)) * _STEP).astype(np.int32)
# Fixed frequency: decades and their hundredths in 1/4096 octave, cut to the step.
_DECADES = 0x16AC + np.array([0, 0x3526, 0x6A4C, 0x9F74])
_HUNDREDTH = 136
FIXED_COARSE = (_DECADES[np.arange(32) & 3] // 4 * _STEP).astype(np.int32)
FIXED_FINE = (_HUNDREDTH * np.arange(100) // 4 * _STEP).astype(np.int32)

CONSTANT_DETUNE = (_STEP * np.arange(-7, 8)).astype(np.int32)
"""Detune -7 to +7 if the envelope chip adds it to the log frequency: 1.17 cents a step at every note (VDX7)."""
DETUNE = (np.round(MEASURED_DETUNE / _STEP) * _STEP).astype(np.int32)
"""Detune as measured on a DX7 by Dexed's author, on the chip's grid: more at low notes, less at high ones."""

FREQUENCY_UNIT_HZ = 64 * SAMPLE_HZ / (1 << 23)
"""Frequency of log frequency 0."""
HIGHEST_FREQUENCY = 16383 * _STEP
FREQUENCY_KEEP = -_STEP  # a mask of the bits above


COARSE_OCTAVES = 5
"""Octaves, from the lowest, below 12 Hz, in which the phase accumulator cuts some of the twelve bits."""


def frequency_mantissa() -> np.ndarray:
    """Frequencies over one octave from 1 to 2, [octave, 1025], with the chip's bits; the last row is for all above.

    The accumulator counts 2^23 to a cycle. A mantissa of twelve bits, 2048 and more, is 64 and more in the lowest
    octave: the accumulator cuts five bits there, and one less in each octave above. So 1 Hz is 9 cents flat.
    """
    mantissa = np.round(2048 * np.exp2(np.arange(1025) / 1024))
    unit = np.exp2(np.arange(COARSE_OCTAVES, -1, -1))[:, None]
    return np.floor(mantissa / unit) * unit / 2048


PITCH_ENVELOPE_NEAR = (ONE >> 4) - 1
"""Levels are compared by their upper byte, a sixteenth of an octave; then the envelope jumps to its target."""


def lfo_speed() -> np.ndarray:
    """LFO phase advance a tick for speeds 0-99, in 2^-16 cycle."""
    speed = np.arange(100, dtype=np.int64)
    scaled = np.where(speed == 0, 1, (speed * 165) >> 6)
    return scaled * (11 + np.maximum(scaled - 160, 0) // 4)


def lfo_sine() -> np.ndarray:
    """The LFO's sine over a cycle, int32 [1025] in 2^-24: 64 steps a quarter, seven bits, negative ones complemented.

    The reference traces show that the steps are rounded values at their middles.
    """
    quarter = np.round(127 * np.sin((np.arange(64) + 0.5) * np.pi / 128))
    half = np.concatenate([quarter, quarter[::-1]])
    steps = np.repeat(np.concatenate([half, -1 - half]), 4)
    return (np.append(steps, steps[0]) * (ONE >> 7)).astype(np.int32)


# Amplitude modulation: attenuation by 255 less the amount, about 32 log2(255 / index).
_AMP_MOD = """
255 255 224 205 192 181 173 166 160 154 149 145 141 137 134 130 128 125 122 120 117 115 113 111 109 107 105 103 102 100
98 97 96 94 93 91 90 89 88 86 85 84 83 82 81 80 79 78 77 76 75 74 73 72 71 70 70 69 68 67 66 66 65 64 64 63 62 61 61 60
59 59 58 57 57 56 56 55 54 54 53 53 52 51 51 50 50 49 49 48 48 47 47 46 46 45 45 44 44 43 43 42 42 42 41 41 40 40 39 39
38 38 38 37 37 36 36 36 35 35 34 34 34 33 33 33 32 32 32 31 31 30 30 30 29 29 29 28 28 28 27 27 27 26 26 26 25 25 25 24
24 24 24 23 23 23 22 22 22 21 21 21 21 20 20 20 19 19 19 19 18 18 18 18 17 17 17 17 16 16 16 16 15 15 15 15 14 14 14 14
13 13 13 13 12 12 12 12 11 11 11 11 10 10 10 10 9 9 9 9 8 8 8 8 8 7 7 7 7 6 6 6 6 6 5 5 5 5 5 4 4 4 4 4 3 3 3 3 3 2 2 2
2 2 2 1 1 1 1 1 0 0 0 0 0 0"""
AMP_MOD_OCTAVES = np.append(np.array([int(n) for n in _AMP_MOD.split()], np.float32)[::-1], 255.0) / np.float32(256)
"""Attenuation before sensitivity, in octaves, float32 [amount 0-256]."""
AMP_MOD_FACTOR = np.array([0, 2, 4, 8], np.float32)
"""Factor by sensitivity. VDX7 doubles it with each step, from a recording in Massey's book on the DX7."""

FULL_GAIN_OCTAVES = float(np.log2(16372 / 4096))
"""Log gain at no attenuation at all."""
EG_OFFSET = -208
"""As `tables.EG_OFFSET`: levels are 16 octaves less the chip's attenuation, which is 240 at full level."""

CARRIER_LOSS = np.array([0, 1024, 1664, 2048, 2432, 2688], np.float32) / np.float32(1024)
"""Attenuation of each of n carriers in octaves: about log2 n."""


def log_sine() -> np.ndarray:
    """Minus log2 of the sine over a quarter turn, int32 [1024] in 2^-10 octave, taken at the middle of each step.

    The rounding constant of 0.5002 reproduces the ROM as read from the die (Shirriff; VDX7's formula).
    """
    middle = (np.arange(1024) + 0.5) / 1024 * np.pi / 2
    return np.floor(0.5002 - 1024 * np.log2(np.sin(middle))).astype(np.int32)


def exponential() -> np.ndarray:
    """Powers of two, int32 [16384] by logarithm in 2^-10 octave: twelve bits, shifted and cut to fourteen.

    As a signal, 4096 is a turn of phase; the largest value is 16,372.
    """
    octave, part = np.divmod(np.arange(16 * 1024), 1024)
    mantissa = np.floor(2048 * np.exp2(part / 1024) + 0.5).astype(np.int64)
    return ((mantissa << octave) >> 13).astype(np.int32)


CONVERTER_RANGES = np.array([1024, 2048, 4096], np.int32)
"""Lowest magnitudes at which the converter drops one, two and three bits (VDX7, after Shirriff)."""

_FILTER_HZ_Q = ((11_592.5, 1.0163), (16_083.8, 4.1231))
FILTER_POLES_HZ = np.array(
    [-6786.9] + [f * np.exp(1j * sign * np.arccos(-0.5 / q)) for f, q in _FILTER_HZ_Q for sign in (1, -1)],
)
"""The output filter, two Sallen-Key stages of third and second order: 0.8 dB up at 15 kHz, 3 dB down at 17 kHz.

VDX7 designed its filter, of 16 times the sample rate, from the circuit; these are its poles transformed back to s, over
2 pi. Two resistors of 12 kilohm with 6.8 nF and 100 pF give the second stage, to 1e-5.
"""

MANUAL_RATE_SCALING_STEPS = 27
"""Rate steps at sensitivity 7 on the highest notes, where VDX7 follows the graph in the owner's manual."""


def manual_rate_scaling() -> np.ndarray:
    """Rate steps that follow the graph in the owner's manual, int32 [sensitivity, note - LOWEST_NOTE]."""
    octave_quarters = (note_frequency() - note_frequency()[60 - LOWEST_NOTE]) // (256 * _STEP) + 0x1D - 16
    steps = np.clip(octave_quarters, 0, MANUAL_RATE_SCALING_STEPS)
    return (np.arange(8)[:, None] * steps / 7 + 0.5).astype(np.int32)
