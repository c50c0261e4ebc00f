"""Profiles: every constant and table in which the synthesis models differ, side by side.

The engine reads them from here and has no other notion of a profile. `Profile.at` makes the tables for one sample rate;
compiled programs take them as data, so another constant compiles nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ddx7.engine import hardware, tables
from ddx7.engine.chip import Chip, filter_taps
from ddx7.engine.clock import Clock, clock, tick_hz
from ddx7.engine.envelope import EnvelopeTables
from ddx7.engine.interpolate import Value
from ddx7.engine.levels import LevelTables
from ddx7.engine.lfo import LfoTables, delay_tables
from ddx7.engine.modulation import ModulationTables
from ddx7.engine.pitch import FrequencyTables, Oscillator, PitchEnvelopeTables
from ddx7.engine.profile_shapes import check_profile
from ddx7.engine.tables import BLOCK, HIGHEST_NOTE, LOWEST_NOTE, ONE
from ddx7.errors import Ddx7Error
from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, FEEDBACK_SOURCE

_FASTEST = 1 << 27  # keeps ten increments inside int32 at any sample rate
_N_GROUPS = 64  # of three notes, more than there are on either side of a break point
_ALL_BITS = np.uint32((1 << 32) - 1)
_NOTES = np.arange(LOWEST_NOTE, HIGHEST_NOTE + 1)


class ControlTables(NamedTuple):
    """Tables that read a plan, at one sample rate.

    Attributes:
      envelope: clock of the amplitude envelopes.
      pitch_envelope: clock of the pitch envelope.
      lfo_clock: clock of the LFO.
      lfo: the LFO.
      oscillator: from log frequency to phase.
      modulation: of pitch and amplitude.
      delay_is_shared: 1 if overlapping notes share one LFO delay, 0 if each note starts it anew.
      bends_fixed: 1 if pitch bend and master tune reach operators of fixed frequency, else 0.
      gain_offset: gain is 2^(level - this), int32 in 2^-24 octave.
      carrier_loss: [algorithm - 1, operator] attenuation of carriers in octaves, float32.
      feedback: [0-7] turns of phase per unit of the mean of the last two outputs, float32.
      loop_source: [algorithm - 1] index of the operator whose output feeds back, int32.
      chip: resolution of the sound chip and its converter; None computes exactly.
      filter: impulse response of the output filter, float32 [tap]; None for none.
    """

    envelope: Clock
    pitch_envelope: Clock
    lfo_clock: Clock
    lfo: LfoTables
    oscillator: Oscillator
    modulation: ModulationTables
    delay_is_shared: Value
    bends_fixed: Value
    gain_offset: Value
    carrier_loss: Value
    feedback: Value
    loop_source: Value
    chip: Chip | None
    filter: Value | None


class Tables(NamedTuple):
    """A profile at one sample rate: tables for planning, and tables for reading a plan."""

    levels: LevelTables
    envelope: EnvelopeTables
    frequencies: FrequencyTables
    pitch_envelope: PitchEnvelopeTables
    control: ControlTables


@dataclass(frozen=True, eq=False)
class Profile:
    """One way a DX7 voice can sound.

    Attributes:
      name: its key in `PROFILES`.
      levels: response to velocity and note.
      envelope_hz: sample rate at which envelope increments are counted.
      envelope_clock_hz: update rate of envelopes; None is once a block.
      envelope_offset: from the output level to an envelope target of level 99, in 1/256 octave.
      attack_ceiling: an attack rises in proportion to this many octaves less the level.
      gain_offset: gain is 2^(level in octaves - this).
      carrier_loss: [number of carriers - 1] attenuation of each of them in octaves.
      frequencies: notes, ratios, fixed frequencies, detune.
      frequency_unit_hz: frequency of log frequency 0.
      frequency_mantissa: [octave, 1025] frequencies over an octave, from 1 to 2; the last row is for all above.
      frequency_keep: bits of the log frequency that count.
      increment_cut: bits of the phase increment that count, 2^32 a cycle.
      frequency_limits: its lowest and highest value, in 2^-24 octave.
      bends_fixed: whether pitch bend and master tune reach operators of fixed frequency.
      pitch_envelope_clock_hz: update rate of the pitch envelope; None is once a block.
      pitch_envelope_s: seconds for an octave at table rate 1.
      pitch_envelope_near: mask of the bits of its level that a comparison with the target ignores.
      lfo_clock_hz: update rate of the LFO; None is once a block.
      lfo_speed: [speed 0-99] in `lfo_speed_unit`.
      lfo_speed_unit: phase per second, 2^32 a cycle.
      lfo_sine: [1025] one cycle, in 2^-24.
      lfo_delay_unit: delay counter per second, 2^32 full.
      lfo_top: highest value of the LFO and its fade-in, in 2^-24.
      lfo_keep: mask of their bits that count.
      sample_and_hold: [256] its values.
      sample_and_hold_turn: phase added before wraps are counted, 2^32 a cycle.
      delay_is_shared: whether overlapping notes share one LFO delay.
      modulation: of pitch and amplitude.
      feedback: [0-7] turns of phase per unit of the mean of the last two outputs.
      cross_loops: whether feedback runs from OP4 to OP6 in algorithm 4, and from OP5 to OP6 in algorithm 6.
      chip: resolution of the sound chip and its converter; None computes exactly.
      filter_poles_hz: poles of the output filter, complex, s / (2 pi); None for none.

    Raises:
      ArgumentError: a table has another shape than those of `DEXED`, or a value is no finite number.
    """

    name: str
    levels: LevelTables
    envelope_hz: float | int
    envelope_clock_hz: float | int | None
    envelope_offset: int
    attack_ceiling: int
    gain_offset: float | int
    carrier_loss: np.ndarray
    frequencies: FrequencyTables
    frequency_unit_hz: float | int
    frequency_mantissa: np.ndarray
    frequency_keep: int
    increment_cut: np.uint32
    frequency_limits: tuple[int, int]
    bends_fixed: bool
    pitch_envelope_clock_hz: float | int | None
    pitch_envelope_s: float | int
    pitch_envelope_near: int
    lfo_clock_hz: float | int | None
    lfo_speed: np.ndarray
    lfo_speed_unit: float | int
    lfo_sine: np.ndarray
    lfo_delay_unit: float | int
    lfo_top: int
    lfo_keep: int
    sample_and_hold: np.ndarray
    sample_and_hold_turn: int
    delay_is_shared: bool
    modulation: ModulationTables
    feedback: np.ndarray
    cross_loops: bool
    chip: Chip | None = None
    filter_poles_hz: np.ndarray | None = None

    def __repr__(self) -> str:
        """Its name alone, because its tables fill pages."""
        return f"<Profile {self.name}>"

    def __post_init__(self) -> None:
        check_profile(self)

    def at(self, sample_rate: int) -> Tables:
        """Tables for a sample rate in Hz; a cache keeps the latest 16."""
        return _tables(self, sample_rate)


@lru_cache(maxsize=16)
def _tables(profile: Profile, sample_rate: int) -> Tables:
    p = profile
    envelope_hz = tick_hz(p.envelope_clock_hz, sample_rate)
    increments = tables.EG_INCREMENT * float(p.envelope_hz) / (BLOCK * envelope_hz)
    wait_hz = sample_rate if p.envelope_clock_hz is None else p.envelope_clock_hz
    static = np.stack([tables.STATIC_DELAY, tables.STATIC_DELAY_FROM_ZERO]).astype(np.int64)
    delays = (static * wait_hz // tables.EG_RATE).astype(np.int32)
    samples, offset, ceiling = np.array([wait_hz / envelope_hz, p.envelope_offset, p.attack_ceiling], np.int32)
    pitch_hz, lfo_hz = (tick_hz(hz, sample_rate) for hz in (p.pitch_envelope_clock_hz, p.lfo_clock_hz))
    pitch_unit = int(BLOCK * ONE / (p.pitch_envelope_s * (BLOCK * pitch_hz)) + 0.5)
    return Tables(
        levels=p.levels,
        envelope=EnvelopeTables(np.minimum(increments, _FASTEST).astype(np.int32), delays, samples, offset, ceiling),
        frequencies=p.frequencies,
        pitch_envelope=PitchEnvelopeTables(tables.PITCH_RATE * np.int32(pitch_unit), np.int32(p.pitch_envelope_near)),
        control=ControlTables(
            envelope=clock(p.envelope_clock_hz, sample_rate),
            pitch_envelope=clock(p.pitch_envelope_clock_hz, sample_rate),
            lfo_clock=clock(p.lfo_clock_hz, sample_rate),
            lfo=LfoTables(
                # msfa keeps the whole part of the unit only.
                (p.lfo_speed * (p.lfo_speed_unit // lfo_hz)).astype(np.int64).astype(np.uint32),
                *delay_tables(int(p.lfo_delay_unit / lfo_hz + 0.5), tables.LFO_DELAY_WAIT, tables.LFO_DELAY_RAMP),
                sine=p.lfo_sine,
                hold=p.sample_and_hold,
                hold_turn=np.uint32(p.sample_and_hold_turn),
                top=np.int32(p.lfo_top),
                keep=np.int32(p.lfo_keep),
            ),
            oscillator=_oscillator(p, sample_rate),
            modulation=p.modulation,
            delay_is_shared=np.int32(p.delay_is_shared),
            bends_fixed=np.int32(p.bends_fixed),
            gain_offset=np.int32(round(p.gain_offset * ONE)),
            carrier_loss=CARRIERS * p.carrier_loss[CARRIERS.sum(axis=1).astype(int) - 1, None],
            feedback=p.feedback.astype(np.float32),
            loop_source=FEEDBACK_SOURCE if p.cross_loops else FEEDBACK_OPERATOR,
            chip=p.chip,
            filter=None if p.filter_poles_hz is None else filter_taps(p.filter_poles_hz, sample_rate),
        ),
    )


def _oscillator(profile: Profile, sample_rate: int) -> Oscillator:
    lift = 0
    while sample_rate < 1 << 14:
        # The table's integers would overflow; an octave up at twice the rate is the same.
        sample_rate, lift = 2 * sample_rate, lift + ONE
    cycle = (1 << 44) / sample_rate * profile.frequency_unit_hz
    increments = np.floor(cycle * profile.frequency_mantissa + 0.5).astype(np.int32)
    increments = np.broadcast_to(increments, (hardware.COARSE_OCTAVES + 1, 1025))  # one shape for all profiles
    limits = np.array(profile.frequency_limits, np.int32)
    return Oscillator(increments, profile.increment_cut, np.int32(lift), np.int32(profile.frequency_keep), limits)


def _rate_scaling() -> np.ndarray:
    """Rate steps, int32 [sensitivity, note - LOWEST_NOTE], as in msfa."""
    return (np.arange(8, dtype=np.int32)[:, None] * np.clip(_NOTES // 3 - 7, 0, 31)).astype(np.int32) >> 3


def _velocity() -> np.ndarray:
    difference = tables.VELOCITY[np.arange(128) >> 1] - np.int32(tables.VELOCITY_REFERENCE)
    return ((np.arange(8, dtype=np.int32)[:, None] * difference + 7) >> 3) << 4


def _level_scaling() -> np.ndarray:
    group, depth = np.arange(_N_GROUPS, dtype=np.int32)[:, None], np.arange(100, dtype=np.int32)
    curve = tables.SCALING_EXPONENTIAL[np.minimum(group, len(tables.SCALING_EXPONENTIAL) - 1)]
    return np.stack([(group * depth * 329) >> 12, (curve * depth * 329) >> 15])


_INT32 = (-(1 << 31), (1 << 31) - 1)
_NO_LIMIT = np.int32(1 << 20)

DEXED = Profile(
    name="dexed",
    levels=LevelTables(
        velocity=_velocity(),
        rate_scaling=_rate_scaling(),
        note_range=np.array([LOWEST_NOTE, HIGHEST_NOTE], np.int32),
        grid=np.array([1, 0], np.int32),
        break_point=np.array([tables.SCALING_NOTE_OFFSET, 0], np.int32),
        level_scaling=_level_scaling(),
        scaled=np.array([-_NO_LIMIT, 127], np.int32),
        total=np.array([0, _NO_LIMIT], np.int32),
    ),
    envelope_hz=tables.EG_RATE,
    envelope_clock_hz=None,
    envelope_offset=tables.EG_OFFSET,
    attack_ceiling=tables.EG_CEILING_OCTAVES,
    gain_offset=tables.GAIN_OFFSET_OCTAVES,
    carrier_loss=np.zeros(6, np.float32),
    frequencies=FrequencyTables(
        note=(tables.NOTE_ZERO + tables.SEMITONE * _NOTES).astype(np.int32),
        detune=tables.DETUNE,
        coarse=tables.COARSE,
        fine=tables.FINE,
        fixed_detune=tables.FIXED_DETUNE,
        fixed_coarse=tables.FIXED_COARSE,
        fixed_fine=tables.FIXED_FINE,
    ),
    frequency_unit_hz=1.0,
    frequency_mantissa=np.exp2(np.arange(1025) / 1024)[None],
    frequency_keep=-1,
    increment_cut=_ALL_BITS - np.uint32(255),
    frequency_limits=_INT32,
    bends_fixed=True,
    pitch_envelope_clock_hz=None,
    pitch_envelope_s=tables.PITCH_RATE_SECONDS,
    pitch_envelope_near=0,
    lfo_clock_hz=None,
    lfo_speed=tables.LFO_SPEED,
    lfo_speed_unit=tables.LFO_SPEED_UNIT,
    lfo_sine=tables.SINE,
    lfo_delay_unit=tables.LFO_DELAY_UNIT,
    lfo_top=ONE,
    lfo_keep=-1,
    sample_and_hold=tables.SAMPLE_AND_HOLD,
    sample_and_hold_turn=0,
    delay_is_shared=True,
    modulation=ModulationTables(
        adds=np.bool_(False),
        swing_keep=_ALL_BITS,
        depth_keep=_ALL_BITS,
        pitch_keep=_ALL_BITS,
        floors=np.int32(1),
        top=np.int32(ONE),
        share=np.array([0, 1, 1, 1], np.float32),
        octaves=np.zeros(4, np.float32),
        curve=np.zeros(257, np.float32),
    ),
    feedback=tables.FEEDBACK,
    cross_loops=False,
)
"""Dexed's engine "Modern" (msfa), the default."""

_BYTE = ONE >> 8  # one step of the firmware's values of eight bits

HARDWARE = Profile(
    name="hardware",
    levels=LevelTables(
        velocity=hardware.velocity(),
        rate_scaling=_rate_scaling(),
        note_range=np.array([0, 127], np.int32),
        grid=np.array([3, 1], np.int32),
        break_point=np.array([20, 2], np.int32),
        level_scaling=hardware.level_scaling(_N_GROUPS),
        scaled=np.array([0, 127], np.int32),
        total=hardware.TOTAL_LEVEL,
    ),
    envelope_hz=hardware.SAMPLE_HZ,
    envelope_clock_hz=hardware.SAMPLE_HZ,
    envelope_offset=hardware.EG_OFFSET,
    attack_ceiling=tables.EG_CEILING_OCTAVES,
    gain_offset=16 - hardware.FULL_GAIN_OCTAVES,
    carrier_loss=hardware.CARRIER_LOSS,
    frequencies=FrequencyTables(
        note=hardware.note_frequency(),
        detune=hardware.DETUNE,
        coarse=hardware.COARSE,
        fine=hardware.FINE,
        fixed_detune=hardware.CONSTANT_DETUNE,
        fixed_coarse=hardware.FIXED_COARSE,
        fixed_fine=hardware.FIXED_FINE,
    ),
    frequency_unit_hz=hardware.FREQUENCY_UNIT_HZ,
    frequency_mantissa=hardware.frequency_mantissa(),
    frequency_keep=hardware.FREQUENCY_KEEP,
    increment_cut=_ALL_BITS,
    frequency_limits=(0, hardware.HIGHEST_FREQUENCY),
    bends_fixed=False,
    pitch_envelope_clock_hz=hardware.TIMER_HZ / 2,
    pitch_envelope_s=4096 / (hardware.TIMER_HZ / 2),
    pitch_envelope_near=hardware.PITCH_ENVELOPE_NEAR,
    lfo_clock_hz=hardware.TIMER_HZ,
    lfo_speed=hardware.lfo_speed(),
    lfo_speed_unit=(1 << 16) * hardware.TIMER_HZ,
    lfo_sine=hardware.lfo_sine(),
    lfo_delay_unit=(1 << 16) * hardware.TIMER_HZ,
    lfo_top=255 * _BYTE,
    lfo_keep=-_BYTE,
    sample_and_hold=tables.SAMPLE_AND_HOLD - _BYTE,
    sample_and_hold_turn=1 << 31,
    delay_is_shared=False,
    modulation=ModulationTables(
        adds=np.bool_(True),
        swing_keep=_ALL_BITS - np.uint32(ONE - 1),
        depth_keep=_ALL_BITS - np.uint32(ONE - 1),
        pitch_keep=_ALL_BITS - np.uint32(ONE // 1024 - 1),
        floors=np.int32(0),
        top=np.int32(255 * _BYTE),
        share=np.zeros(4, np.float32),
        octaves=hardware.AMP_MOD_FACTOR,
        curve=hardware.AMP_MOD_OCTAVES,
    ),
    feedback=tables.FEEDBACK,
    cross_loops=True,
)
"""The DX7 itself: firmware v1.8 on models of its sound chips; `docs/hardware.md` lists measured and guessed numbers."""

HARDWARE_DAC = replace(
    HARDWARE,
    name="hardware+dac",
    chip=Chip(hardware.log_sine(), hardware.exponential(), hardware.CONVERTER_RANGES),
    filter_poles_hz=hardware.FILTER_POLES_HZ,
)
"""`HARDWARE` at the machine's output: with the resolution of its operators and converter, and its filter."""

PROFILES: Mapping[str, Profile] = MappingProxyType({p.name: p for p in (DEXED, HARDWARE, HARDWARE_DAC)})
"""By name."""


def as_profile(profile: str | Profile) -> Profile:
    """A profile by its name; a `Profile` stays as it is.

    Raises:
      Ddx7Error: no profile has this name.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise Ddx7Error(f"profile: found {profile!r}, wanted {' or '.join(map(repr, PROFILES))}, or a `Profile`")
    return PROFILES[profile]
