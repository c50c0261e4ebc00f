"""Spectra of carriers, alone or with a modulator, on the partials of a note, without a render."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Complex, Float

from ddx7.audio.loudness import a_weighting
from ddx7.engine.tables import FEEDBACK
from ddx7.matching.measured_note import LOUDNESS_EXPONENT, SAME, MeasuredNote

INDICES = np.array([0.15, 0.3, 0.5, 0.8, 1.1, 1.5, 2.0, 2.6, 3.4, 4.5, 6.0])
"""Modulation indices in radians."""
SHAPES = (
    *((0, index) for index in INDICES),
    *((6, index) for index in (0.8, 1.5, 2.6, 3.4, 4.5)),
    *((7, index) for index in (0.5, 0.8, 1.1, 1.5, 2.0, 2.4)),
)
"""Feedback of a modulator and its modulation index; with more of both its wave becomes noise."""
FULL_INDEX = 4 * np.pi
"""Modulation index of a modulator at output level 99, in radians."""
_ORDERS = np.arange(-30, 31)
_CYCLE = 256  # samples of a modulator's wave
_HIGHEST_RATIO = 61.0  # coarse 31, fine 99
_LEAST_PEAK = 1e-6  # A-weighted power of a full carrier that counts as audible
_COMMON_CARRIERS = (1, 2, 3, 4, 0.5, 5, 6)
_COMMON_MODULATORS = (1, 2, 3, 0.5, 4, 5, 7, 9, 11, 14)


@dataclass(frozen=True, eq=False)
class FmSpectra:
    """Spectra of single carriers, and of pairs of a carrier and a modulator.

    Attributes:
      carrier: ratio of each entry's carrier.
      modulator: ratio of its modulator; 0 for a carrier without one.
      full_db: level of the carrier at which the entry's loudest partial has A-weighted level 0, in dB.
      power: A-weighted power on the partials of the note at that level, for each of `SHAPES`; a single carrier has it
        at the first shape only.
      spurious: loudness of the sidebands beside all partials at that level.
    """

    carrier: Float[np.ndarray, " entry"]
    modulator: Float[np.ndarray, " entry"]
    full_db: Float[np.ndarray, " entry"]
    power: Float[np.ndarray, "entry shape partial"]
    spurious: Float[np.ndarray, "entry shape"]


def fm_spectra(note: MeasuredNote) -> FmSpectra:
    """Spectra of all carriers and pairs that may explain a note.

    Carriers stand on the strongest partials and on low harmonics. Modulators have low harmonics, strong partials, and
    the distances between these as their ratios.
    """
    strong = note.ratio[np.argsort(-note.loudness().mean(axis=1))]
    single = _distinct(strong[:24])
    carriers = _distinct(np.concatenate([strong[:10], _COMMON_CARRIERS]))
    spacing = np.abs(strong[:6, None] - strong[None, :6]).ravel()
    modulators = _distinct(np.concatenate([_COMMON_MODULATORS, strong[:6], spacing[spacing > 0.1]]))
    pair_carrier, pair_modulator = (x.ravel() for x in np.meshgrid(carriers, modulators, indexing="ij"))
    carrier = np.concatenate([single, pair_carrier])
    modulator = np.concatenate([np.zeros(len(single)), pair_modulator])

    sidebands = carrier[:, None] + _ORDERS * modulator[:, None]  # [entry, order]
    ratio = np.abs(sidebands)
    # A negative frequency is a positive one with the opposite sign and phase.
    coefficients = _coefficients()
    amplitude = np.where(sidebands[:, None] < 0, -coefficients.conj(), coefficients)  # [entry, shape, order]
    alone = np.zeros_like(coefficients)
    alone[0, _ORDERS == 0] = 1
    amplitude = np.where(modulator[:, None, None] > 0, amplitude, alone)
    amplitude = amplitude * np.sqrt(a_weighting(np.maximum(ratio, 1e-3) * note.f0_hz))[:, None]
    nearest = np.abs(ratio[:, :, None] - note.ratio).argmin(axis=-1)
    matched = np.abs(ratio - note.ratio[nearest]) < np.maximum(SAME * ratio, 0.01)
    audible = ratio * note.f0_hz < note.sample_rate / 2
    inside = matched & audible
    summed = np.zeros((len(note.ratio), *amplitude.shape[:2]), complex)  # [partial, entry, shape]
    rows = np.broadcast_to(np.arange(len(carrier))[:, None], inside.shape)
    np.add.at(summed, (nearest[inside], rows[inside]), amplitude.swapaxes(1, 2)[inside])
    power = np.square(np.abs(summed)).transpose(1, 2, 0)
    beside = np.square(np.abs(amplitude)) ** (2 * LOUDNESS_EXPONENT) * (~matched & audible)[:, None]
    peak = power.max(axis=(1, 2))
    usable = peak > _LEAST_PEAK
    carrier, modulator, power, beside, peak = (x[usable] for x in (carrier, modulator, power, beside, peak))
    return FmSpectra(
        carrier,
        modulator,
        -10 * np.log10(peak),
        (power / peak[:, None, None]).astype(np.float32),
        beside.sum(axis=-1) / peak[:, None] ** (2 * LOUDNESS_EXPONENT),
    )


@cache
def _coefficients() -> Complex[np.ndarray, "shape order"]:
    """Complex amplitudes of a carrier's sidebands for all shapes."""
    waves = np.stack([_wave(feedback, index) for feedback, index in SHAPES])
    modulated = np.exp(1j * np.array([index for _, index in SHAPES])[:, None] * waves)
    return (np.fft.fft(modulated, axis=1) / _CYCLE)[:, _ORDERS]


def _wave(feedback: int, index: float) -> Float[np.ndarray, " sample"]:
    """One cycle of a modulator that feeds back, in its steady state."""
    turns = np.arange(_CYCLE) / _CYCLE
    if not feedback:
        return np.sin(2 * np.pi * turns)
    last = before = 0.0
    wave = np.zeros(_CYCLE)
    for k in range(4 * _CYCLE):
        phase = 2 * np.pi * turns[k % _CYCLE] + FEEDBACK[feedback] * index * (last + before) / 2
        last, before = np.sin(phase), last
        wave[k % _CYCLE] = last
    return wave


def _distinct(ratios: Float[np.ndarray, " ratio"]) -> Float[np.ndarray, " distinct"]:
    """Ratios in order without near-duplicates; nearly whole halves become whole."""
    kept: list[float] = []
    for ratio in ratios[ratios < _HIGHEST_RATIO]:
        half = np.round(2 * ratio) / 2
        ratio = half if half > 0 and abs(ratio - half) < SAME / 2 * ratio else ratio
        if all(abs(ratio - other) > SAME / 2 * other for other in kept):
            kept.append(float(ratio))
    return np.array(kept)
