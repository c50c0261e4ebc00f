"""The pitches that a sound may have, with probabilities: a choice model over candidates, fitted to labelled sounds.

A period alone proves no pitch: a chord repeats at a common fraction of its notes, and a bell nearly so. Candidates are
the period that YIN finds, its octaves, fifths and twelfths, and the strong partials with their simple fractions. Each
gets a score from how well the sound repeats at it and how its partials fit; "no one pitch" gets a score, too. The
probabilities are the softmax of the scores.

The weights maximise the likelihood of the right candidate over synthetic tones, strings, FM, bells, bars, drums,
chords and noise from 25 Hz to 5 kHz, half of them disturbed, and over recorded notes
(``python benchmarks/fit_pitch.py``). ``docs/benchmarks.md`` shows how the probabilities hold on other sounds.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ddx7.audio.partials import SpectralPeaks
from ddx7.audio.yin import Periods

LOWEST_HZ, HIGHEST_HZ = 24.0, 5200.0
PARTIALS_TO_HZ = 9000.0
UNCLEAR, SPARSE = 0.4, 0.2  # below this weight, and where the period that repeats has so few of its partials: a bell
UNKNOWN = 0.15  # below this weight no pitch is better than the period that repeats
LEAST_WEIGHT, MOST_HYPOTHESES = 0.02, 6
SAME_SEMITONES = 0.5  # candidates this close are one
NEAR_SEMITONES = 0.75  # a frame repeats at a candidate if it does within this
BINS = 4  # of the grid of repetitions, for each semitone
WINNER_RATIOS = (1.0, 2.0, 1 / 2, 3.0, 1 / 3, 3 / 2, 2 / 3, 4.0, 1 / 4)
PARTIAL_RATIOS = (1.0, 1 / 2, 1 / 3, 2.0)
STRONGEST, STRONG_DB, LOWEST_DB = 5, -30.0, -24.0
HIGHEST_PARTIAL, HIGHEST_FILLED = 40, 16
TUNED_CENTS, TUNED_CENTS_PER_PARTIAL, MOST_TUNED_CENTS = 25.0, 2.0, 50.0  # strings are stretched
MULTIPLES = range(2, 12)
SILENT_DB = -60.0

_EVIDENCE = (
    "repeats",
    "repeats less an octave up",
    "repeats more an octave down",
    "share of energy",
    "share of amplitude",
    "partials filled",
    "fundamental",
    "second or third",
    "even",
    "multiples",
    "period of the votes",
    "votes",
    "share and repeats",
    "filled and fundamental",
    "log share missing",
    "log repeats missing",
    "log odd",
    "log below",
)
_WEIGHTS = np.array(
    [
        -1.382,
        2.563,
        0.697,
        0.239,
        2.848,
        1.917,
        2.268,
        0.456,
        0.386,
        -1.108,
        -3.35,
        6.205,
        -2.492,
        -2.136,
        -1.355,
        -0.573,
        -0.916,
        0.39,
    ]
)
_CONTEXT = ("bias", "repeats", "share of energy", "share of amplitude", "filled share", "flatness", "tonal", "votes")
_CONTEXT_WEIGHTS = np.array([4.716, -5.612, 5.028, -1.514, -0.932, 1.9, 5.267, -0.967])


@dataclass(frozen=True)
class PitchHypothesis:
    """A pitch that a note may have.

    Attributes:
      f0_hz: fundamental frequency; None means no one pitch (a chord, a drum, noise).
      weight: its probability; the weights of a note sum to at most 1.
    """

    f0_hz: float | None
    weight: float


class PitchEvidence(NamedTuple):
    """What speaks for the candidates of a sound.

    Attributes:
      f0_hz: the candidates, float64 [candidate]; the first is the period that most frames have.
      features: float64 [candidate, evidence].
      context: what speaks for no one pitch, float64 [context].
      lowest_hz: the lowest partial that is not far below the strongest.
    """

    f0_hz: np.ndarray
    features: np.ndarray
    context: np.ndarray
    lowest_hz: float


def rank(evidence: PitchEvidence) -> tuple[PitchHypothesis, ...]:
    """The likely hypotheses, the likeliest first; the first one with a pitch is always among them."""
    weights = _probabilities(evidence)
    best = int(np.argmax(weights[:-1]))
    order = [int(i) for i in np.argsort(-weights) if weights[i] >= LEAST_WEIGHT or i == best]
    pitches = [*map(float, evidence.f0_hz), None]
    return tuple(PitchHypothesis(pitches[i], float(weights[i])) for i in order[:MOST_HYPOTHESES])


def choose(evidence: PitchEvidence) -> PitchHypothesis:
    """The pitch to play: the likeliest one; of a bell without a likely one its lowest strong partial."""
    weights = _probabilities(evidence)[:-1]
    best = int(np.argmax(weights))
    if weights[best] < UNCLEAR and evidence.features[0, _EVIDENCE.index("partials filled")] < SPARSE:
        best = int(np.argmin(np.abs(np.log(evidence.f0_hz / evidence.lowest_hz))))
    elif weights[best] < UNKNOWN:
        best = 0
    return PitchHypothesis(float(evidence.f0_hz[best]), float(weights[best]))


def _probabilities(evidence: PitchEvidence) -> np.ndarray:
    """The probability of each candidate and, last, of no one pitch."""
    scores = np.append(evidence.features @ _WEIGHTS, evidence.context @ _CONTEXT_WEIGHTS)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def gather(
    periods: Periods,
    sample_rate: int,
    weight: np.ndarray,
    votes: float,
    winner_hz: float,
    peaks: SpectralPeaks,
    attack: np.ndarray,
) -> PitchEvidence:
    """Collect the evidence of a sound.

    Args:
      periods: dips of the frames' difference functions [frame, lag].
      sample_rate: of the lags and of `attack`, in Hz.
      weight: of each frame, float64 [frame], not all zero.
      votes: share of the weight that voted for the winner.
      winner_hz: the period that most frames have.
      peaks: partials of the attack.
      attack: the sound of the attack, float64 [time].
    """
    f0_hz = _candidates(winner_hz, peaks)
    repeats = _Repeats.of(periods, sample_rate, weight)
    rows = [_features(f, peaks, repeats, votes if k == 0 else None) for k, f in enumerate(f0_hz)]
    features = np.array(rows)
    flatness, tonal = _tonality(attack, sample_rate)
    share, amplitude, filled = (
        features[:, _EVIDENCE.index(name)] for name in ("share of energy", "share of amplitude", "partials filled")
    )
    context = np.array(
        [1.0, repeats.best, share.max(), amplitude.max(), (share * filled).max(), flatness, tonal, votes]
    )
    return PitchEvidence(
        np.array([_refined(f, peaks) if k else f for k, f in enumerate(f0_hz)]),
        features,
        context,
        _lowest_strong(peaks),
    )


class _Repeats(NamedTuple):
    """How well the frames repeat, on a grid of pitches.

    Attributes:
      depth: 1 exactly, 0 not at all, within `NEAR_SEMITONES` of each pitch of the grid, float64 [pitch].
      best: the mean over the frames of their best repetition.
    """

    depth: np.ndarray
    best: float

    @classmethod
    def of(cls, periods: Periods, sample_rate: int, weight: np.ndarray) -> "_Repeats":
        n_bins = BINS * 140
        frame, lag = np.nonzero(np.isfinite(periods.difference))
        note = 69 + 12 * np.log2(sample_rate / periods.lag[frame, lag] / 440)
        depth = np.maximum(1 - periods.difference[frame, lag], 0.0)
        grid = np.zeros((len(weight), n_bins))
        np.maximum.at(grid, (frame, np.clip(np.round(BINS * note).astype(int), 0, n_bins - 1)), depth)
        reach = round(BINS * NEAR_SEMITONES)
        near = np.lib.stride_tricks.sliding_window_view(np.pad(grid, ((0, 0), (reach, reach))), 2 * reach + 1, axis=1)
        share = weight / weight.sum()
        return cls(share @ near.max(axis=-1), float(share @ grid.max(axis=1)))

    def at(self, f_hz: float) -> float:
        place = round(BINS * (69 + 12 * float(np.log2(f_hz / 440))))
        return float(self.depth[place]) if 0 <= place < len(self.depth) else 0.0


def _candidates(winner_hz: float, peaks: SpectralPeaks) -> list[float]:
    top = np.argsort(-peaks.level_db)[:STRONGEST]
    strong = peaks.f_hz[top][peaks.level_db[top] > STRONG_DB]
    lowest = _lowest_strong(peaks)
    wanted = [winner_hz * ratio for ratio in WINNER_RATIOS]
    wanted += [float(f) * ratio for f in (lowest, *strong) for ratio in PARTIAL_RATIOS]
    kept: list[float] = []
    for f in wanted:
        if LOWEST_HZ <= f <= HIGHEST_HZ and all(abs(12 * np.log2(f / g)) > SAME_SEMITONES for g in kept):
            kept.append(f)
    return kept or [float(np.clip(winner_hz, LOWEST_HZ, HIGHEST_HZ))]


def _lowest_strong(peaks: SpectralPeaks) -> float:
    return float(peaks.f_hz[peaks.level_db >= LOWEST_DB].min())


def _in_tune(f0_hz: float, peaks: SpectralPeaks) -> tuple[np.ndarray, np.ndarray]:
    """The nearest partial number of each peak, and whether the peak is in tune with it; each [peak]."""
    ratio = peaks.f_hz / f0_hz
    number = np.round(ratio)
    cents = np.abs(1200 * np.log2(np.maximum(ratio, 1e-3) / np.maximum(number, 1)))
    reach = np.minimum(TUNED_CENTS + TUNED_CENTS_PER_PARTIAL * number, MOST_TUNED_CENTS)
    # A partial must also be far nearer to its own number than to the middle between two numbers.
    reach = np.minimum(reach, 20 + 52 / np.maximum(number, 1))
    return number, (number >= 1) & (number <= HIGHEST_PARTIAL) & (cents < reach)


def _features(f0_hz: float, peaks: SpectralPeaks, repeats: _Repeats, votes: float | None) -> list[float]:
    number, tuned = _in_tune(f0_hz, peaks)
    energy, amplitude = 10 ** (peaks.level_db / 10), 10 ** (peaks.level_db / 20)
    strong = peaks.level_db >= STRONG_DB
    depth, higher, lower = (repeats.at(f0_hz * ratio) for ratio in (1.0, 2.0, 0.5))
    share = float(energy[tuned].sum() / energy.sum())
    used = np.unique(number[tuned & strong & (number <= HIGHEST_FILLED)])
    filled = len(used) / float(used.max()) if len(used) else 0.0
    first, second, third = (
        float(np.clip(peaks.level_db[tuned & (number == k)].max(initial=SILENT_DB), SILENT_DB, 0)) / -SILENT_DB + 1
        for k in (1, 2, 3)
    )
    in_tune = float(energy[tuned].sum()) + 1e-12
    multiples = [float(energy[tuned & (number % m == 0)].sum()) / in_tune for m in MULTIPLES]
    below = float(energy[peaks.f_hz < 0.94 * f0_hz].sum() / energy.sum())
    return [
        depth,
        depth - higher,
        lower - depth,
        share,
        float(amplitude[tuned & strong].sum() / amplitude[strong].sum()),
        filled,
        first,
        max(second, third),
        multiples[0],
        max(multiples),
        float(votes is not None),
        votes or 0.0,
        share * depth,
        filled * first,
        float(np.log10(1.02 - min(share, 1.0))),
        float(np.log10(1.02 - min(depth, 1.0))),
        float(np.log10(1.02 - min(multiples[0], 1.0))),
        float(np.log10(below + 1e-3)),
    ]


def _tonality(attack: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """Spectral flatness, as a tenth of its decades, and the share of energy in the strongest fiftieth of the bins."""
    spectrum = np.abs(np.fft.rfft(attack * np.hanning(len(attack)))) ** 2
    f_hz = np.fft.rfftfreq(len(attack), 1 / sample_rate)
    spectrum = spectrum[(f_hz > LOWEST_HZ) & (f_hz < PARTIALS_TO_HZ)]
    flatness = np.exp(np.mean(np.log(spectrum + 1e-20))) / (spectrum.mean() + 1e-20)
    strongest = np.sort(spectrum)[::-1][: max(1, len(spectrum) // 50)]
    return float(np.log10(flatness + 1e-8)) / 8, float(strongest.sum() / (spectrum.sum() + 1e-20))


def _refined(f0_hz: float, peaks: SpectralPeaks) -> float:
    """A candidate's frequency from its first partials, weighted by their amplitude."""
    number, tuned = _in_tune(f0_hz, peaks)
    used = tuned & (number <= 4) & (peaks.level_db >= STRONG_DB)
    if not used.any():
        return f0_hz
    return float(np.average(peaks.f_hz[used] / number[used], weights=10 ** (peaks.level_db[used] / 20)))
