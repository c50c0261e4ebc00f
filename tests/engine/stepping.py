"""The DX7's control signals stepped block by block in Python's integers, from their description: slow and plain."""

import math
from collections.abc import Sequence

BLOCK = 64
ONE = 1 << 24
EG_CLOCK = 44100

# Samples that a stage between equal levels takes, for rates 0-76.
WAITS = [
    *(1764000, 1764000, 1411200, 1411200, 1190700, 1014300, 992250, 882000, 705600, 705600, 584325, 507150, 502740),
    *(441000, 418950, 352800, 308700, 286650, 253575, 220500, 220500, 176400, 145530, 145530, 125685, 110250, 110250),
    *(88200, 88200, 74970, 61740, 61740, 55125, 48510, 44100, 37485, 31311, 30870, 27562, 27562, 22050, 18522, 17640),
    *(15435, 14112, 13230, 11025, 9261, 9261, 7717, 6615, 6615, 5512, 5512, 4410, 3969, 3969, 3439, 2866, 2690, 2249),
    *(1984, 1896, 1808, 1411, 1367, 1234, 1146, 926, 837, 837, 705, 573, 573, 529, 441, 441),
]
# Velocity by MIDI velocity // 2; exponential level scaling by groups of three notes.
VELOCITY = [
    *(0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163, 166, 170, 173, 174, 178, 181),
    *(184, 186, 189, 190, 194, 196, 198, 200, 202, 205, 206, 209, 211, 214, 216, 218, 220, 222, 224, 225, 227, 229),
    *(230, 232, 233, 235, 237, 238, 240, 241, 242, 243, 244, 246, 246, 248, 249, 250, 251, 252, 253, 254),
]
EXPONENTIAL = [
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33, 39, 47, 56, 66, 80, 94, 110, 126, 142, 158, 174, 190),
    *(206, 222, 238, 250),
]
SMALL_LEVELS = [0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46]
PITCH_ENDS = [-128, -116, -104, -95, -85, -76, -68, -61, -56, -52, -49, -46, -43, -41, -39, -37]
PITCH_TOP = [38, 40, 43, 46, 49, 53, 58, 65, 73, 82, 92, 103, 115, 127]


def loudness(level: int) -> int:
    """Output or envelope level 0-99 to 0-127."""
    return level + 28 if level >= 20 else SMALL_LEVELS[level]


class AmpEnvelope:
    """One operator's envelope; level in 2^-24 octave."""

    def __init__(self, rates: Sequence[int], levels: Sequence[int], output_level: int, scaling: int, rate: int) -> None:
        self.rates, self.levels, self.output_level, self.scaling, self.rate = rates, levels, output_level, scaling, rate
        self.level, self.held = 0, True
        self.enter(0)

    def enter(self, stage: int) -> None:
        self.stage, self.wait = stage, 0
        if stage == 4:
            return
        self.target = max(16, (loudness(self.levels[stage]) // 2) * 64 + self.output_level - 4256) << 16
        self.rising = self.target > self.level
        step = min(63, self.rates[stage] * 41 // 64 + self.scaling)
        self.increment = (4 + step % 4) * 2 ** (8 + step // 4) * EG_CLOCK // self.rate
        from_zero = stage == 0 and self.levels[0] == 0
        if self.target == self.level or from_zero:
            index = min(99, self.rates[stage] + self.scaling)
            samples = WAITS[index] if index < 77 else 20 * (99 - index)
            samples //= 20 if from_zero and index < 77 else 1
            self.wait = samples * self.rate // EG_CLOCK

    def release(self) -> None:
        self.held = False
        self.enter(3)

    def step(self) -> int:
        if self.wait > 0:
            self.wait -= BLOCK
            if self.wait <= 0:
                self.enter(self.stage + 1)
        moving = self.stage < 3 or (self.stage == 3 and not self.held)
        if moving and self.wait <= 0:
            if self.rising:
                self.level = max(self.level, 1716 << 16)
                self.level += (((17 << 24) - self.level) >> 24) * self.increment
                arrived = self.level >= self.target
            else:
                self.level -= self.increment
                arrived = self.level <= self.target
            if arrived:
                self.level = self.target
                self.enter(self.stage + 1)
        return self.level


class PitchEnvelope:
    """Pitch envelope in 2^-24 octave; `table_rates` are the rates already looked up."""

    def __init__(self, table_rates: Sequence[int], levels: Sequence[int], rate: int) -> None:
        self.rates, self.levels = table_rates, levels
        self.unit = int(BLOCK * ONE / (21.3 * rate) + 0.5)
        self.level, self.held = self.pitch(3), True
        self.enter(0)

    def pitch(self, stage: int) -> int:
        level = self.levels[stage]
        if level < 16:
            thirty_seconds = PITCH_ENDS[level]
        elif level > 85:
            thirty_seconds = PITCH_TOP[level - 86]
        else:
            thirty_seconds = level - 50 if level > 16 else -35
        return thirty_seconds * ONE // 32

    def enter(self, stage: int) -> None:
        self.stage = stage
        if stage < 4:
            self.target = self.pitch(stage)
            self.rising = self.target > self.level
            self.increment = self.rates[stage] * self.unit

    def release(self) -> None:
        self.held = False
        self.enter(3)

    def step(self) -> int:
        if self.stage < 3 or (self.stage == 3 and not self.held):
            self.level += self.increment if self.rising else -self.increment
            if (self.level >= self.target) if self.rising else (self.level <= self.target):
                self.level = self.target
                self.enter(self.stage + 1)
        return self.level


def run(envelope: AmpEnvelope | PitchEnvelope, gate: int, n_blocks: int) -> list[int]:
    """Levels of an envelope with note-off before a block."""
    levels = []
    for block in range(n_blocks):
        if block == gate:
            envelope.release()
        levels.append(envelope.step())
    return levels


class Lfo:
    """LFO of a fresh voice; wave and fade in 2^-24."""

    def __init__(self, speed_hz: float, delay: int, wave: int, synced: bool, rate: int) -> None:
        self.phase = 2**31 - 1 if synced else 0
        self.step_size = int(speed_hz * (4437500000 * BLOCK // rate))
        self.wave, self.held, self.count = wave, 0, 0
        unit = int(BLOCK * 25190424 / rate + 0.5)
        a = 99 - delay
        a = (16 + a % 16) * 2 ** (1 + a // 16)
        self.waiting, self.fading = a * unit, max(0x80, a & 0xFF80) * unit
        self.instant = delay == 0

    def step(self) -> tuple[int, int]:
        moved = self.phase + self.step_size
        if moved >= 2**32:
            self.held = (self.held * 179 + 17) % 256
        self.phase = moved % 2**32
        return self.shape(), self.fade()

    def shape(self) -> int:
        turn = self.phase / 2**32
        if self.wave == 0:
            return int(2 * turn * ONE) if turn < 0.5 else ONE - 1 - int((2 * turn - 1) * ONE)
        if self.wave in (1, 2):
            rise = int((turn + 0.5) % 1 * ONE)
            return rise if self.wave == 2 else ONE - 1 - rise
        if self.wave == 3:
            return ONE if turn < 0.5 else 0
        if self.wave == 4:
            return round((0.5 + 0.5 * math.sin(2 * math.pi * turn)) * ONE)
        return ((self.held ^ 0x80) + 1) << 16

    def fade(self) -> int:
        if self.instant:
            self.count += 1
            return ONE - 1 if self.count == 1 else ONE
        moved = self.count + (self.waiting if self.count < 2**31 else self.fading)
        if moved >= 2**32:
            return ONE
        self.count = moved
        return 0 if moved < 2**31 else (moved - 2**31) >> 7
