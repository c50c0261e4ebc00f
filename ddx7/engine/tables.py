"""Constants of Dexed's "Modern" engine (msfa); NumPy only.

Source of every table: asb2m10/dexed at 2e182b3, Source/msfa, read as facts. `ddx7.engine.hardware` holds those of
the real DX7 that differ; `ddx7.engine.profile` puts both side by side.
"""

import math

import numpy as np

BLOCK = 64
"""Samples between two updates of envelopes, LFO and pitch."""

EG_RATE = 44100
"""Sample rate at which msfa's envelope increments and static delays are counted."""

ONE = 1 << 24
"""One octave, or one cycle, or a gain of one, in msfa's fixed point."""

DB_PER_OCTAVE = 20 * math.log10(2)
"""Levels are kept as log2 of a gain."""


# Output level 0-99 -> 0-127, in steps of 0.7526 dB. The firmware's TABLE_LOG is 127 minus this.
OUTPUT_LEVEL = np.array(
    [0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46, *range(48, 128)], np.int32
)

# Envelope level 0-99 -> 0-63: half the resolution of output level.
EG_LEVEL = OUTPUT_LEVEL >> 1

# Envelope rate 0-99 -> 0-63; four steps double the speed.
EG_RATE_STEP = (np.arange(100, dtype=np.int32) * 41) >> 6

# Increment per block in 2^-24 octave for rate steps 0-63, at 44.1 kHz.
EG_INCREMENT = np.array([(4 + (q & 3)) << (8 + (q >> 2)) for q in range(64)], np.int32)

EG_JUMP = 1716 << 16
"""An attack from below this level (6.7 octaves) starts here."""
EG_OFFSET = -224
"""Offset from the output level to an envelope target of level 99, in 1/256 octave."""
EG_FLOOR = 16
"""Lowest target, in 1/256 octave."""
EG_CEILING_OCTAVES = 17
"""An attack rises in proportion to 17 octaves minus the level, truncated to whole octaves."""
GAIN_OFFSET_OCTAVES = 14
"""Gain is 2^(level - 14)."""
AUDIBLE_GAIN = 1120 / ONE
"""The engine skips an operator whose gain is below this at both ends of a block."""

# Samples at 44.1 kHz that a stage between equal levels takes, by rate + rate scaling (0-76, then 20 (99 - rate)).
# Gathered by Dexed's authors on two TF1 modules.
_STATIC_DELAY = """
1764000 1764000 1411200 1411200 1190700 1014300 992250 882000 705600 705600 584325 507150 502740 441000 418950 352800
308700 286650 253575 220500 220500 176400 145530 145530 125685 110250 110250 88200 88200 74970 61740 61740 55125 48510
44100 37485 31311 30870 27562 27562 22050 18522 17640 15435 14112 13230 11025 9261 9261 7717 6615 6615 5512 5512 4410
3969 3969 3439 2866 2690 2249 1984 1896 1808 1411 1367 1234 1146 926 837 837 705 573 573 529 441 441"""
STATIC_DELAY = np.array([int(n) for n in _STATIC_DELAY.split()] + [20 * (99 - r) for r in range(77, 100)], np.int32)
# A first stage that stays at level 0 waits a twentieth of that below rate 77.
STATIC_DELAY_FROM_ZERO = np.array([n // 20 if r < 77 else n for r, n in enumerate(STATIC_DELAY)], np.int32)

# Velocity, by MIDI velocity >> 1.
VELOCITY = np.array(
    [
        int(n)
        for n in """
0 70 86 97 106 114 121 126 132 138 142 148 152 156 160 163 166 170 173 174 178 181 184 186 189 190 194 196 198 200 202
205 206 209 211 214 216 218 220 222 224 225 227 229 230 232 233 235 237 238 240 241 242 243 244 246 246 248 249 250 251
252 253 254""".split()
    ],
    np.int32,
)
VELOCITY_REFERENCE = 239

# Keyboard level scaling: exponential curve by groups of three notes; the linear one is the group number.
SCALING_EXPONENTIAL = np.array(
    [
        int(n)
        for n in """
0 1 2 3 4 5 6 7 8 9 11 14 16 19 23 27 33 39 47 56 66 80 94 110 126 142 158 174 190 206 222 238 250""".split()
    ],
    np.int32,
)
SCALING_NOTE_OFFSET = 17
"""Break point 0 is MIDI note 17 (A-1 on the panel)."""

# log2 of frequency in 2^-24 octave.
NOTE_ZERO = 50857777
SEMITONE = ONE // 12
COARSE = np.array([-ONE] + [math.floor(math.log2(c) * ONE + 0.5) for c in range(1, 32)], np.int32)
FINE = np.array([math.floor(math.log2(1 + 0.01 * f) * ONE + 0.5) for f in range(100)], np.int32)
_FIXED_HUNDREDTH_OF_DECADE = 4458616  # 2^-27 octave
FIXED_COARSE = (_FIXED_HUNDREDTH_OF_DECADE * 100 * (np.arange(32, dtype=np.int64) & 3) >> 3).astype(np.int32)
FIXED_FINE = (_FIXED_HUNDREDTH_OF_DECADE * np.arange(100, dtype=np.int64) >> 3).astype(np.int32)
FIXED_DETUNE = (13457 * np.maximum(np.arange(-7, 8), 0)).astype(np.int32)  # no effect below 0
DETUNE_SCALE, DETUNE_DECAY = 0.0209 / 7, -0.396  # Dexed's author measured his DX7: detune is smaller at high notes

LOWEST_NOTE, HIGHEST_NOTE = -24, 127 + 24  # after transpose


def _detune_table() -> np.ndarray:
    note = NOTE_ZERO + SEMITONE * np.arange(LOWEST_NOTE, HIGHEST_NOTE + 1, dtype=np.int64)[:, None]
    steps = np.arange(15)[None, :] - 7
    ratio = DETUNE_SCALE * np.exp(DETUNE_DECAY * note.astype(np.float32).astype(np.float64) / ONE)
    return (np.trunc(note + ratio * note * steps) - note).astype(np.int32)


DETUNE = _detune_table()
"""Change of a note's log frequency by detune: int32 [note - LOWEST_NOTE, detune 0-14]."""

# Pitch envelope: level in 1/32 octave, rate in units of 1/21.3 octave a second.
PITCH_LEVEL = np.array(
    [int(n) for n in "-128 -116 -104 -95 -85 -76 -68 -61 -56 -52 -49 -46 -43 -41 -39 -37 -35".split()]
    + list(range(-33, 36))
    + [int(n) for n in "38 40 43 46 49 53 58 65 73 82 92 103 115 127".split()],
    np.int32,
)
PITCH_RATE = np.array(
    [
        int(n)
        for n in """
1 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 10 10 11 11 12 12 13 13 14 14 15 16 16 17 18 18 19 20 21 22 23 24 25 26 27 28 30 31 33
34 36 37 38 39 41 42 44 46 47 49 51 53 54 56 58 60 62 64 66 68 70 72 74 76 79 82 85 88 91 94 98 102 106 110 115 120 125
130 135 141 147 153 159 165 171 178 185 193 202 211 232 243 254 255""".split()
    ],
    np.int32,
)
PITCH_RATE_SECONDS = 21.3

# LFO frequency by speed, before the factor below.
LFO_SPEED = np.array(
    [
        float(n)
        for n in """
0.062541 0.125031 0.312393 0.43712 0.62461 0.750694 0.93633 1.125302 1.249609 1.436782 1.560915 1.752081 1.875117
2.062494 2.247191 2.374451 2.560492 2.686728 2.873976 2.99895 3.188013 3.36984 3.500175 3.682224 3.812065 4.0008
4.186202 4.310716 4.50126 4.623209 4.814636 4.93048 5.121901 5.315191 5.434783 5.617346 5.750431 5.946717 6.062811
6.248438 6.431695 6.564264 6.74946 6.868132 7.052186 7.25058 7.375719 7.556294 7.687577 7.877738 7.993605 8.181967
8.372405 8.504848 8.685079 8.810573 8.986341 9.122423 9.300595 9.500285 9.607994 9.798158 9.950249 10.117361 11.251125
11.384335 12.562814 13.676149 13.904338 15.092062 16.366612 16.638935 17.869907 19.193858 19.425019 20.833333 21.034918
22.50225 24.003841 24.260068 25.746653 27.173913 27.578599 29.052876 30.693677 31.191516 32.658393 34.31709 34.674064
36.416606 38.197097 38.550501 40.387722 40.749796 42.625746 44.326241 44.883303 46.772685 48.590865 49.261084""".split()
    ]
)
LFO_SPEED_UNIT = 4437500000  # phase (2^32 a cycle) per second and unit of LFO_SPEED
LFO_DELAY_UNIT = 25190424  # delay counter (2^32 full) per second

DEPTH = (np.arange(100, dtype=np.int32) * 165) >> 6  # PMD, AMD 0-99 -> 0-255
PITCH_MOD_SENSITIVITY = np.array([0, 10, 20, 33, 55, 92, 153, 255], np.int32)
AMP_MOD_SENSITIVITY = np.array([0, 4342338, 7171437, 16777216], np.int32)  # 2^-24
AMP_MOD_SLOPE, AMP_MOD_OFFSET = 64 * 0.07, 12.2  # "needs real tuning" in msfa's source


def _lfo_delay_increments() -> tuple[np.ndarray, np.ndarray]:
    a = 99 - np.arange(100, dtype=np.int64)
    a = (16 + (a & 15)) << (1 + (a >> 4))
    return a, np.maximum(0x80, a & 0xFF80)


LFO_DELAY_WAIT, LFO_DELAY_RAMP = _lfo_delay_increments()
"""Counter increments while the LFO waits and while it fades in; delay 0 does neither."""


def _sample_and_hold() -> np.ndarray:
    state, out = 0, []
    for _ in range(256):
        out.append(((state ^ 0x80) + 1) << 16)
        state = (state * 179 + 17) & 0xFF
    return np.array(out, np.int32)


SAMPLE_AND_HOLD = _sample_and_hold()
"""LFO value (2^24 is one) after k wraps of its phase, modulo 256: the generator's orbit from 0."""

SINE = np.floor(np.sin(2 * np.pi * np.arange(1025) / 1024) * ONE + 0.5).astype(np.int32)

# Feedback 0-7 -> turns of phase per unit of the operator's last two outputs, averaged.
FEEDBACK = np.array([0.0] + [2.0 ** (f - 8) for f in range(1, 8)])
