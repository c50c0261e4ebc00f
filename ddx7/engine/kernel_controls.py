"""Gains and phase increments of a voice by numba: what `ddx7.engine.control.controls` computes for a real voice.

Integers are computed in 64 bits and cut to 32 (`_BITS`) where the DX7's would overflow.
"""

from typing import Any

import numpy as np

from ddx7.engine.kernel_data import KernelTables, Notes, Scalars, Scratch, compiled
from ddx7.engine.tables import AMP_MOD_OFFSET, AMP_MOD_SLOPE, ONE

_BITS = (1 << 32) - 1
_HALF = 1 << 31
_F = np.float32
_ROUND = _F(1.5 * 2**23)
"""Added and subtracted, rounds a float to the nearest whole number."""
_LOWEST_OCTAVE = _F(-100)
_LAST_OCTAVE, _STEPS = 5, 1025  # of `Oscillator.increments`

# Powers of two on [-1/2, 1/2]: least squares on Chebyshev nodes, error below 1e-7.
_NODES = np.cos(np.linspace(0, np.pi, 2002)) / 2
_POWERS = [_F(c) for c in np.linalg.lstsq(_NODES[:, None] ** np.arange(8), np.exp2(_NODES), rcond=None)[0]]
_E0, _E1, _E2, _E3, _E4, _E5, _E6, _E7 = _POWERS


@compiled
def _ticks(whole: int, part: int, blocks: int) -> int:
    return (blocks * whole + ((blocks * part) >> 20)) & _BITS


@compiled
def _signed(x: int) -> int:
    """The int32 with these bits."""
    return ((x + _HALF) & _BITS) - _HALF


@compiled
def _limited(x: int, low: int, high: int) -> int:
    return low if x < low else (high if x > high else x)


@compiled
def compute_controls(
    voice: int,
    first: int,
    n: int,
    notes: Notes,
    tables: KernelTables,
    s: Scalars,
    w: Scratch,
    octaves: Any,
    increments: Any,
) -> None:
    """Gains and phase increments [6, block] of a voice, as `ddx7.engine.control.controls` computes them."""
    segments, loss, bits, powers = w.segments, w.loss, w.bits, w.powers
    lfo = notes.lfo[voice]
    step, origin, wave_number, wait, ramp = lfo[0], lfo[1], lfo[2], lfo[3], lfo[4]
    sensitivity, pitch_depth, amp_depth, age, delay_age = lfo[5], lfo[6], lfo[7], lfo[8], lfo[9]
    waiting = (_HALF - 1) // wait + 1
    reached = (waiting * wait) & _BITS
    last = (_BITS - reached) // ramp
    turned = (origin + s.lfo_hold_turn) & _BITS
    row = voice if voice < notes.input.shape[1] else notes.input.shape[1] - 1
    n_inputs = notes.input.shape[2]
    n_pitch, n_amp = notes.pitch_start.shape[1], notes.amp_start.shape[2]

    segment = 0
    for operator in range(6):
        segments[operator] = 0
    amount_before = _F(-1)  # none yet
    for block in range(n):
        now = first + block
        at = now if now < n_inputs else n_inputs - 1
        bend, pitch_mod = np.int64(notes.input[0, row, at]), np.int64(notes.input[1, row, at])
        amp_mod, eg_bias = notes.input[2, row, at], notes.input[3, row, at]

        ticks = (1 + _ticks(s.lfo_whole, s.lfo_part, now + age)) & _BITS
        phase = (origin + ticks * step) & _BITS
        fraction = phase >> 8
        flipped = fraction ^ (ONE >> 1)
        if wave_number == 0:
            half = phase >> 7
            wave = (~half if phase >= _HALF else half) & (ONE - 1)
        elif wave_number == 1:
            wave = (ONE - 1) - flipped
        elif wave_number == 2:
            wave = flipped
        elif wave_number == 3:
            wave = ONE if phase < _HALF else 0
        elif wave_number == 4:
            index = fraction >> 14
            below = np.int64(tables.lfo_sine[index])
            between = ((tables.lfo_sine[index + 1] - below) * (fraction & 0x3FFF)) >> 14
            wave = (ONE >> 1) + ((below + between) >> 1)
        else:
            wraps = ((ticks * step) >> 32) & _BITS
            if ((turned + ticks * step) & _BITS) < turned:
                wraps += 1
            wave = np.int64(tables.lfo_hold[wraps & 0xFF])
        wave = (wave if wave < s.lfo_top else s.lfo_top) & s.lfo_keep

        ticks = (1 + _ticks(s.lfo_whole, s.lfo_part, now + delay_age)) & _BITS
        beyond = ticks - waiting if ticks > waiting else 0
        if beyond > last:
            fade = s.lfo_top
        elif ticks < waiting:
            fade = 0
        else:
            fade = (((reached + beyond * ramp) & _BITS) >> 7) & (ONE - 1) & s.lfo_keep

        swing = sensitivity * (wave - ONE // 2)
        own, wheel = (pitch_depth * fade) & _BITS, pitch_mod << 25
        depth = own if own > wheel else wheel
        if s.adds:
            depth = own + wheel if own + wheel < _BITS else _BITS
        size = (swing if swing > 0 else -swing) & s.swing_keep
        product = (depth & s.depth_keep) * size
        moved = (product >> 39) & s.pitch_keep
        if swing < 0 and product & ((1 << 39) - 1):
            moved += s.floors
        modulation = moved if swing > 0 else -moved

        ticks = 1 + _ticks(s.pitch_whole, s.pitch_part, now)
        while segment + 1 < n_pitch and ticks >= notes.pitch_start[voice, segment + 1]:
            segment += 1
        elapsed = ticks - notes.pitch_start[voice, segment]
        line = notes.pitch_line[voice, segment]
        modulation += line[3] if elapsed >= line[2] else line[0] + line[1] * elapsed

        for operator in range(6):
            ratio = notes.ratio[voice, operator]
            log_hz = np.int64(notes.log_hz[voice, operator])
            if ratio:
                log_hz += modulation
            if ratio or s.bends_fixed:
                log_hz += bend
            log_hz = _limited(_signed(log_hz) & s.frequency_keep, s.frequency_low, s.frequency_high)
            octave = _limited(log_hz >> 24, 0, _LAST_OCTAVE)
            log_hz += s.frequency_lift
            index = octave * _STEPS + ((log_hz & (ONE - 1)) >> 14)
            below = np.int64(tables.increments[index])
            below += ((tables.increments[index + 1] - below) * (log_hz & 0x3FFF)) >> 14
            down = _limited(20 - (log_hz >> 24), 0, 31) - 8
            increment = below >> down if down > 0 else below << -down
            increments[operator, block] = _signed(increment & s.increment_cut)

        trough = _F(s.lfo_top) / _F(ONE) - _F(wave) / _F(ONE)
        own_depth = (_F(amp_depth) / _F(256)) * _F(fade) / _F(ONE)
        wheel_depth = _F(amp_mod) / _F(128)
        bias = _F(1) - (_F(eg_bias) + _F(1)) / _F(128)
        if s.adds:
            amount = own_depth + wheel_depth
            amount = (amount if amount < 1 else _F(1)) * trough + bias
            amount = amount if amount < 1 else _F(1)
        else:
            amount = (own_depth if own_depth > wheel_depth else wheel_depth) * trough
            amount = amount if amount > bias else bias
        ticks = _ticks(s.envelope_whole, s.envelope_part, now + 1)
        for operator in range(6):
            k = segments[operator]
            start = notes.amp_start[voice, operator]
            while k + 1 < n_amp and ticks >= start[k + 1]:
                k += 1
            segments[operator] = k
            elapsed = ticks - start[k]
            line = notes.amp_line[voice, operator, k]
            level = np.int64(line[3]) if elapsed >= line[2] else line[0] + line[1] * elapsed
            octave_level = _F(level - s.gain_offset) / _F(ONE)
            share = notes.loss[voice, 1, operator]
            if share != 0:
                if amount != amount_before:
                    exponent = _F(AMP_MOD_SLOPE) * notes.loss[voice, 0, operator] * amount + _F(AMP_MOD_OFFSET)
                    loss[operator] = share * (np.exp(exponent) / _F(ONE))
                octave_level -= loss[operator] * (octave_level + _F(s.gain_offset) / _F(ONE))
            steps = notes.loss[voice, 2, operator]
            if steps != 0:
                octave_level -= steps * tables.curve[_limited(np.int64(amount * _F(256)), 0, 256)]
            octaves[operator, block] = octave_level - notes.loss[voice, 3, operator]
        amount_before = amount

    for operator in range(6):
        for block in range(n):
            x = octaves[operator, block]
            x = x if x > _LOWEST_OCTAVE else _LOWEST_OCTAVE
            whole = (x + _ROUND) - _ROUND
            x -= whole
            x2 = x * x
            x4 = x2 * x2
            power = (_E0 + _E1 * x) + x2 * (_E2 + _E3 * x) + x4 * ((_E4 + _E5 * x) + x2 * (_E6 + _E7 * x))
            bits[block] = (np.int32(whole) + 127) << 23
            octaves[operator, block] = power
        for block in range(n):
            octaves[operator, block] *= powers[block]
