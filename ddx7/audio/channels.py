"""Which channels of a recording to average: not all, where they cancel each other or where one holds no sound.

The average is right for most recordings. It is wrong where one channel is the other upside down or comes later, because
partials cancel, and where one channel is dead, much softer, or noise.
"""

from dataclasses import dataclass

import numpy as np

FRAME_S = 0.09
SOFT_DB = 12.0
"""A channel so far below the loudest is left out: the average of both would be 6 dB below the loudest, and noisier."""
CANCELLED = 0.1
"""Share of a sound, weighted by amplitude over frequency, that may cancel in the average."""
MOST_CHANNELS = 16
_AS_LOUD_DB = 1.0  # the first of channels that are about as loud is taken
_CANCELLING = 0.25  # a frequency cancels if the average has this share, or less, of the power of unrelated channels
_RANGE_DB = 60.0  # frequencies further below the strongest are noise, whose channels cancel at random
_NOISY_DB, _CLEARER_DB = -12.0, 15.0  # spectral flatness of noise, and by how much a tone must be below it
_STEADY_DB, _MOVING_DB = 3.0, 10.0  # range of levels of hum and hiss, and of a sound that begins or ends
_LATEST_S = 0.05
_LIKE = 0.7  # correlation from which one channel is the other, later or upside down


@dataclass(frozen=True)
class ChannelMix:
    """Channels to average.

    Attributes:
      channels: their indices.
      name: of what is used, for people: "average of 2 channels", "left channel".
      remark: why not all channels are averaged; empty if they are.
    """

    channels: tuple[int, ...]
    name: str
    remark: str = ""


class ChannelStatistics:
    """Spectra and levels of all channels and between them, collected block by block."""

    def __init__(self, n_channels: int, sample_rate: int) -> None:
        """Make empty statistics.

        Args:
          n_channels: at least 2.
          sample_rate: in Hz.
        """
        self.n_channels, self.sample_rate = n_channels, sample_rate
        self._size = 1 << round(np.log2(max(FRAME_S * sample_rate, 64)))
        self._window = np.hanning(self._size + 1)[:-1]
        n = min(n_channels, MOST_CHANNELS)
        self._between = np.zeros((n, n, self._size // 2 + 1), np.complex128)
        self._levels: list[np.ndarray] = []
        self._rest = np.zeros((0, n), np.float32)

    def add(self, block: np.ndarray) -> None:
        """Add the next samples.

        Args:
          block: float [time, channel].
        """
        sound = np.concatenate([self._rest, block[:, :MOST_CHANNELS]])
        n = len(sound) // self._size
        self._add_frames(sound[: n * self._size].reshape(n, self._size, sound.shape[1]))
        self._rest = sound[n * self._size :].copy()

    def _add_frames(self, frames: np.ndarray) -> None:
        for frame in frames:  # [time, channel]
            frame = frame.astype(np.float64) - frame.mean(axis=0, dtype=np.float64)
            spectrum = np.fft.rfft(frame.T * self._window)
            self._between += spectrum[:, None] * spectrum[None].conj()
            self._levels.append(np.mean(np.square(frame), axis=0))

    def choose(self) -> ChannelMix:
        """The channels to average. All samples must have been added."""
        if len(self._rest):
            rest = self._rest - self._rest.mean(axis=0)
            self._add_frames(np.pad(rest, ((0, self._size - len(rest)), (0, 0)))[None])
            self._rest = self._rest[:0]
        n = self.n_channels
        whole = ChannelMix(tuple(range(n)), f"average of {n} channels")
        power = np.einsum("ccf->cf", self._between).real  # [channel, frequency]
        if not self._levels or not power.any():
            return whole
        noise = self._noise(power)
        kept = [c for c in range(len(power)) if c not in noise]
        loudness_db = 10 * np.log10(power.sum(axis=1) + 1e-30)
        highest_db = max(loudness_db[c] for c in kept)
        loudest = next(c for c in kept if loudness_db[c] > highest_db - _AS_LOUD_DB)
        soft = [c for c in kept if loudness_db[c] < loudness_db[loudest] - SOFT_DB]
        if n > MOST_CHANNELS:
            return self._mix([loudest], f"of {n} channels only the loudest of the first {MOST_CHANNELS} is used")
        kept = [c for c in kept if c not in soft]
        reasons = [f"{self._names(noise)} no more than noise"] if noise else []
        if soft:
            below_db = loudness_db[loudest] - max(loudness_db[c] for c in soft)
            amount = f"{below_db:.0f} dB softer" if below_db < 80 else "silent"
            reasons.append(f"{self._names(soft)} {amount}")
        if len(kept) > 1 and (share := self._cancelled(kept)) > CANCELLED:
            reasons.append(
                f"the average of the channels would cancel {100 * share:.0f} % of the sound{self._relation()}"
            )
            kept = [loudest]
        if len(kept) == n:
            return whole
        return self._mix(kept, "; ".join(reasons))

    def _mix(self, kept: list[int], reason: str) -> ChannelMix:
        name = f"average of {len(kept)} of {self.n_channels} channels" if len(kept) > 1 else self._name(kept[0])
        return ChannelMix(tuple(kept), name, f"{reason}: only the {name} is used")

    def _name(self, channel: int) -> str:
        if self.n_channels == 2:
            return ("left channel", "right channel")[channel]
        return f"channel {channel + 1} of {self.n_channels}"

    def _names(self, channels: list[int]) -> str:
        if len(channels) == 1:
            return f"the {self._name(channels[0])} is"
        return f"channels {', '.join(str(c + 1) for c in channels)} are"

    def _noise(self, power: np.ndarray) -> list[int]:
        """Channels of hiss or hum, where another channel holds a sound that is neither."""
        f_hz = np.arange(power.shape[1]) * self.sample_rate / self._size
        band = power[:, (f_hz > 100) & (f_hz < 0.4 * self.sample_rate)] + 1e-30
        flatness_db = 10 * (np.log10(band).mean(axis=1) - np.log10(band.mean(axis=1)))
        level_db = 10 * np.log10(np.array(self._levels) + 1e-12)  # [frame, channel]
        span_db = np.percentile(level_db, 95, axis=0) - np.percentile(level_db, 5, axis=0)
        loudness_db = 10 * np.log10(power.sum(axis=1) + 1e-30)
        audible = loudness_db > loudness_db.max() - 60
        clearest = int(np.argmin(np.where(audible, flatness_db, np.inf)))
        hiss = audible & (flatness_db > _NOISY_DB) & (flatness_db > flatness_db[clearest] + _CLEARER_DB)
        liveliest = int(np.argmax(np.where(loudness_db > loudness_db.max() - 40, span_db, -np.inf)))
        enough = len(level_db) >= 10
        hum = audible & (span_db < _STEADY_DB) & (span_db[liveliest] > _MOVING_DB) & enough
        return [c for c in range(len(power)) if hiss[c] or hum[c]]

    def _cancelled(self, kept: list[int]) -> float:
        """Share of the sound that the average of the channels loses, 0 to 1."""
        between = self._between[np.ix_(kept, kept)]
        n = len(kept)
        mean = between.sum(axis=(0, 1)).real / n**2
        single = np.einsum("ccf->f", between).real / n
        weight = np.where(single > single.max() * 10 ** (-_RANGE_DB / 10), np.sqrt(single), 0.0)
        weight[: max(round(20 * self._size / self.sample_rate), 1)] = 0.0
        lost = mean < _CANCELLING / n * single
        return float(weight[lost].sum() / max(weight.sum(), 1e-30))

    def _relation(self) -> str:
        """How one of two channels follows from the other, if it does."""
        if self.n_channels != 2:
            return ""
        correlation = np.fft.irfft(self._between[0, 1])
        correlation /= np.sqrt(np.prod([np.fft.irfft(self._between[c, c])[0] for c in (0, 1)])) + 1e-30
        latest = min(round(_LATEST_S * self.sample_rate), self._size // 2 - 1)
        lags = np.arange(-latest, latest + 1)
        near = correlation[lags]
        best = int(np.argmax(np.abs(near) * (1 - np.abs(lags) / self._size)))
        if abs(near[best]) < _LIKE:
            return ""
        lag = int(lags[best])
        upside_down = " upside down" if near[best] < 0 else ""
        if not lag:
            return f" (the right channel is the left{upside_down})" if upside_down else ""
        late, early = ("right", "left") if lag < 0 else ("left", "right")
        milliseconds = 1000 * abs(lag) / self.sample_rate
        return f" (the {late} channel is the {early}{upside_down}, {milliseconds:.1f} ms later)"
