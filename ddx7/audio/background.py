"""What lies under the notes of a recording: steady hum, rumble and noise, and clicks. The analysis sets it aside.

A background is there before a note and stays after it. Its spectrum comes from the quietest tenth of the recording. It
counts only if most of its energy lies at frequencies where nothing changes while the notes sound, and if it lasts to
the end. So the tail of a note, its tremolo and a soft note before a loud one are no background.

One fixed filter removes it. The filter has minimum phase, so that nothing rings before an attack.
"""

from typing import NamedTuple

import numpy as np

from ddx7.audio.spectra_numpy import frames, hann, power, to_db
from ddx7.audio.yin import RUMBLE_HZ, fast_length

WINDOW_S, HOP_S = 0.09, 0.0225
MOST_FRAMES = 6000  # longer recordings have a longer hop
SHORTEST_S = 0.3  # of a recording that can hold notes and a background
BAND_OCTAVES, LOWEST_HZ = 1 / 3, 30.0  # the bands whose mean level ranks moments by loudness
QUIET = 0.1  # share of the recording that is quietest, at least
QUIET_FRAMES = 4
BEFORE_S, NOTE_DB = 0.5, 10.0  # within this time a note begins, so much louder than the background,
LEAD_FRAMES = 3  # after at least this many of the quiet moments
STAYS = 0.5  # share of the background's energy that lies where nothing changes,
UNCHANGED = 4.0  # by more than this factor of power
LASTS = 0.25  # least power of a background at any moment, as a share of its mean,
LASTS_QUANTILE = 0.03  # but for this share of moments
LOUD, RISES = 0.9, 30.0  # some band is louder by this factor of power at this quantile: a held sound has no background
OVERSUBTRACTED = 6.0  # the filter assumes so many times the background
FLOOR_DB = -70.0  # least gain of the filter

CLICK_BLOCK_S = 0.001
CLICK_S = 0.005  # a click is at most this long
CLICK_DB = 12.0  # and so much louder, in its differences, than the sound around it
CLICK_AROUND_S = 0.03
ONLY_CLICKS = 1e-3  # share of the energy without clicks below which the clicks are the recording
SAME_DB = 6.0  # a note that begins with a click is louder after it by more than this


class Foreground(NamedTuple):
    """A recording without its background.

    Attributes:
      samples: float64 [time]; the recording itself if it has no background.
      clicks_s: times of the clicks that were removed, in seconds.
      quiet: moments in which the background alone sounds, bool [time]; None if the recording has no background.
    """

    samples: np.ndarray
    clicks_s: tuple[float, ...]
    quiet: np.ndarray | None


def foreground(samples: np.ndarray, sample_rate: int) -> Foreground:
    """Set aside the clicks and the steady background of a recording.

    Args:
      samples: float [time], not silent.
      sample_rate: in Hz.
    """
    samples = np.asarray(samples, np.float64)
    clean, clicks_s = _without_clicks(samples, sample_rate)
    if np.square(clean).sum() < ONLY_CLICKS * np.square(samples).sum():
        clean, clicks_s = samples, ()
    samples = clean
    found = _background(samples, sample_rate)
    if found is None:
        return Foreground(samples, clicks_s, None)
    gain, quiet = found
    return Foreground(_minimum_phase(samples, gain), clicks_s, quiet)


def _background(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Gain of a filter that removes the background, [frequency] from 0 to half the rate, and when it sounds alone."""
    length, hop = round(WINDOW_S * sample_rate), max(round(HOP_S * sample_rate), len(samples) // MOST_FRAMES)
    if len(samples) < SHORTEST_S * sample_rate or not samples.any():
        return None
    spectra = power(frames(samples, length, hop), hann(length)).astype(np.float32)
    tiny = 1e-12 * float(spectra.max())
    f_hz = np.fft.rfftfreq(length, 1 / sample_rate)
    edges = LOWEST_HZ * 2 ** np.arange(0, np.log2(0.45 * sample_rate / LOWEST_HZ), BAND_OCTAVES)
    starts = np.unique(np.searchsorted(f_hz, edges))
    bands = np.add.reduceat(spectra, starts, axis=1)
    loudness_db = to_db(bands, tiny).mean(axis=1)
    order = np.argsort(loudness_db, kind="stable")
    n_quiet = max(QUIET_FRAMES, round(QUIET * len(spectra)))
    quiet, loud = order[:n_quiet], spectra[order[n_quiet:]]
    if len(loud) < n_quiet:
        return None
    background = _lasting(spectra, spectra[quiet].mean(axis=0))
    level = _mean_of_three(background, 0)
    stays = background[np.median(loud, axis=0) <= UNCHANGED * level].sum() >= STAYS * background.sum() > 0
    rise = np.quantile(bands, LOUD, axis=0) / (np.add.reduceat(level, starts) + tiny)
    heard = f_hz**2 / (f_hz**2 + RUMBLE_HZ**2)
    ahead = _loudest_ahead(spectra @ heard, round(BEFORE_S * sample_rate / hop))[quiet]
    begins = np.count_nonzero(ahead >= 10 ** (NOTE_DB / 10) * background @ heard) >= LEAD_FRAMES
    if not (stays and begins and rise.max() >= RISES):
        return None
    notes = np.maximum(loud.mean(axis=0) - UNCHANGED * background, 0.0)
    alone = np.zeros(len(samples), bool)
    for frame in quiet:
        alone[frame * hop : frame * hop + length] = True
    return np.maximum(notes / (notes + OVERSUBTRACTED * background + tiny), 10 ** (FLOOR_DB / 20)), alone


def _loudest_ahead(energy: np.ndarray, n_frames: int) -> np.ndarray:
    """The greatest energy from each frame to so many frames later."""
    padded = np.pad(energy, (0, n_frames), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, n_frames + 1).max(axis=1)


def _lasting(spectra: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The part of a background [frequency] that is there at nearly every moment."""
    # A moment is the mean of three frames and three bins: the power of noise in one of them varies too much.
    moments = _mean_of_three(_mean_of_three(spectra, 0), 1)
    lasts = np.quantile(moments, LASTS_QUANTILE, axis=0) >= LASTS * _mean_of_three(background, 0)
    return np.where(lasts, background, 0.0)


def _mean_of_three(values: np.ndarray, axis: int) -> np.ndarray:
    padded = np.pad(values, [(1, 1) if k == axis else (0, 0) for k in range(values.ndim)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 3, axis=axis).mean(axis=-1)


def _minimum_phase(samples: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Filter a sound causally, with no delay beyond what the gain needs."""
    response = fast_length(16 * len(gain))
    grid = np.linspace(0, 1, response // 2 + 1)
    log_gain = np.log(np.interp(grid, np.linspace(0, 1, len(gain)), gain))
    cepstrum = np.fft.irfft(log_gain, response)
    cepstrum[1 : response // 2] *= 2
    cepstrum[response // 2 + 1 :] = 0
    impulse = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), response)[: response // 2]
    size = fast_length(len(samples) + len(impulse))
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(impulse, size), size)[: len(samples)]


def _without_clicks(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, tuple[float, ...]]:
    """The sound with straight lines in place of its clicks, and their times in seconds."""
    block = max(1, round(CLICK_BLOCK_S * sample_rate))
    around, longest = round(CLICK_AROUND_S / CLICK_BLOCK_S), round(CLICK_S / CLICK_BLOCK_S)
    n_blocks = len(samples) // block
    if n_blocks < 2 * around:
        return samples, ()
    rough = np.abs(np.diff(samples, 2, prepend=(0.0, 0.0)))[: n_blocks * block].reshape(n_blocks, block).max(axis=1)
    level = np.sqrt(np.square(samples[: n_blocks * block]).reshape(n_blocks, block).mean(axis=1))
    rough, level = (np.pad(x, around) for x in (rough, level))
    view = np.lib.stride_tricks.sliding_window_view
    before, after = view(rough, around - longest), view(rough, around - longest)
    centre = np.arange(around, around + n_blocks)
    floor = 1e-4 * rough.max()
    high = 10 ** (CLICK_DB / 20)
    # The loudest block of a click stands out from what is before and after it, a click's length away.
    sides = np.maximum(before[centre - around].max(axis=1), after[centre + longest].max(axis=1))
    peaks = rough[centre] >= high * np.maximum(sides, floor)
    peaks &= rough[centre] >= view(rough, 2 * longest + 1)[centre - longest].max(axis=1)
    powers = [np.square(view(level, around - longest)[k]).mean(axis=1) for k in (centre - around, centre + longest)]
    quietest, loudest = np.minimum(*powers), np.maximum(*powers)
    click = np.square(level[centre])
    peaks &= (loudest <= 10 ** (SAME_DB / 10) * quietest) | (loudest < 1e-4 * click)
    clean, times = samples, []
    for index in np.flatnonzero(peaks):
        edge = max(sides[index], rough[around + index] / 30)
        first = last = index
        while first > 0 and index - first < longest and rough[around + first - 1] > edge:
            first -= 1
        while last < n_blocks - 1 and last - index < longest and rough[around + last + 1] > edge:
            last += 1
        start, stop = max(0, first * block - 2), min(len(samples), (last + 1) * block + 2)
        if clean is samples:
            clean = samples.copy()
        ends = np.array([max(start - 1, 0), min(stop, len(samples) - 1)])
        clean[start:stop] = np.interp(np.arange(start, stop), ends, samples[ends])
        times.append(float(index * block / sample_rate))
    return clean, tuple(times)
