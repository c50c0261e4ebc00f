"""Voices whose operators are chosen by the measured partials of a note.

A greedy pursuit explains the mean loudness of the partials by single carriers and pairs of carrier and modulator. Then
the level and the modulation index of each are fitted at several moments, and their courses become envelopes. In some
structures a pair imitates the noise between the partials. No voice is rendered.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from ddx7.matching.fm_spectra import FULL_INDEX, SHAPES, FmSpectra
from ddx7.matching.measured_note import LOUDNESS_EXPONENT, MOMENTS, MeasuredNote, loudness
from ddx7.matching.noise_fit import fit_noise, write_noise
from ddx7.matching.operator_envelope import FLOOR_DB, fit_envelope, output_level
from ddx7.matching.operator_frequency import KeyTuning
from ddx7.matching.vced import columns
from ddx7.runtime import n_cores
from ddx7.voice.packing import INIT_VCED


class FitStructure(NamedTuple):
    """Operators of an algorithm and what they are fitted to; OP6 feeds back.

    Attributes:
      algorithm: 1-32.
      singles: carriers without modulator.
      pairs: pairs of carrier and modulator.
      noise: whether OP5 and OP6 are a noise.
    """

    algorithm: int
    singles: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    noise: bool = False


STRUCTURES = (
    FitStructure(5, (), ((5, 6), (3, 4), (1, 2))),
    FitStructure(5, (), ((3, 4), (1, 2)), noise=True),
    FitStructure(29, (1, 2), ((5, 6), (3, 4))),
    FitStructure(29, (1, 2), ((3, 4),), noise=True),
    FitStructure(31, (1, 2, 3, 4), ((5, 6),)),
    FitStructure(31, (1, 2, 3, 4), (), noise=True),
    FitStructure(32, (1, 2, 3, 4, 5, 6), ()),
)
_GAINS_DB = np.array([0.0, -3, -6, -9, -12, -16, -20, -25, -31, -38])
_COARSE = slice(None, None, 2)
_FEEDBACK = np.array([feedback for feedback, _ in SHAPES])
_INDEX = np.array([index for _, index in SHAPES])
_TRACK_DB = np.arange(0.0, -66.0, -3.0)
_DETUNE_CENTRE, _TRANSPOSE_CENTRE = 7, 24
_KEPT = 24
"""Entries that a coarse comparison keeps."""
_SPREAD = 0.15
"""Random choices prefer losses within this share of the best."""
_INDEX_KNOWN_DB = -40.0  # the index of a modulator is known while its carrier is louder than this under its peak


class Component(NamedTuple):
    """A carrier with its modulator over time.

    Attributes:
      carrier: frequency ratio.
      modulator: frequency ratio; 0 for none.
      level_db: amplitude of the carrier at each moment, without weighting; at 0 a carrier of 1 kHz would be as loud as
        the loudest partial of the note. Negative infinity where it is silent.
      index_rad: modulation index in radians at each moment.
      feedback: of the modulator.
    """

    carrier: float
    modulator: float
    level_db: Float[np.ndarray, " moment"]
    index_rad: Float[np.ndarray, " moment"]
    feedback: int


def fit_voices(
    note: MeasuredNote, spectra: FmSpectra, tuning: KeyTuning, n: int, seed: int = 0
) -> UInt8[np.ndarray, "voice 155"]:
    """Fit voices of several structures to a note, the best choice of operators for each first, then random good ones.

    Args:
      note: the measured note.
      spectra: of that note.
      tuning: of the key that plays it.
      n: number of voices.
      seed: random seed.
    """
    rngs = np.random.default_rng(seed).spawn(n)
    with ThreadPoolExecutor(n_cores()) as pool:
        voices = list(pool.map(partial(_fit_voice, note, spectra, tuning), range(n), rngs))
    return np.stack(voices) if voices else np.zeros((0, len(INIT_VCED)), np.uint8)


def _fit_voice(
    note: MeasuredNote, spectra: FmSpectra, tuning: KeyTuning, k: int, rng: np.random.Generator
) -> UInt8[np.ndarray, " 155"]:
    structure = STRUCTURES[k % len(STRUCTURES)]
    draw = None if k < len(STRUCTURES) else rng
    pairs, singles = structure.pairs, structure.singles
    power, spurious = np.zeros(len(note.f_hz)), 0.0
    chosen = []
    for place in range(len(pairs) + len(singles)):
        shapes = shapes_of(place < len(pairs), feedback=place == 0 and not structure.noise)
        pick = choose(note, spectra, shapes, power, spurious, draw)
        power = power + pick.power
        spurious += pick.spurious
        chosen.append(pick)
    components = fit_courses(note, spectra, chosen)
    vced = INIT_VCED.copy()
    vced[columns("algorithm")] = structure.algorithm - 1
    vced[columns("output_level")] = 0
    vced[columns("transpose")] = _TRANSPOSE_CENTRE + tuning.transpose
    loudest_db = max(component.level_db.max() for component in components)
    if structure.noise and note.noise is not None and (noise := fit_noise(note.noise, MOMENTS, draw)):
        loudest_db = max(loudest_db, noise.level_db.max())
        write_noise(vced, noise.shape)
        _set_level(vced, 4, noise.level_db - loudest_db, note)
    places = [*pairs, *((single, None) for single in singles)]
    for component, (carrier, modulator) in zip(components, places, strict=True):
        set_component(
            vced, component, carrier - 1, None if modulator is None else modulator - 1, note, tuning, loudest_db
        )
    return vced


class Choice(NamedTuple):
    """An entry of the spectra at its best index and gain.

    Attributes:
      entry: its row.
      feedback: of its modulator.
      power: what it adds to the partials.
      spurious: loudness that it adds beside them.
    """

    entry: int
    feedback: int
    power: Float[np.ndarray, " partial"]
    spurious: float


def choose(
    note: MeasuredNote,
    spectra: FmSpectra,
    shapes: Int[np.ndarray, " shape"],
    power: Float[np.ndarray, " partial"],
    spurious: float,
    rng: np.random.Generator | None = None,
) -> Choice:
    """Choose what explains best the loudness that is missing.

    Args:
      note: the measured note.
      spectra: of that note.
      shapes: rows of `SHAPES` to choose from; the first one alone stands for single carriers.
      power: mean power on the partials so far.
      spurious: loudness beside them so far.
      rng: draws one of the good entries; None takes the best.
    """
    target = note.loudness()[:, :MOMENTS].mean(axis=1)
    gains = target.max() ** (1 / LOUDNESS_EXPONENT) * 10 ** (_GAINS_DB / 10)
    rows = np.flatnonzero((spectra.modulator > 0) == (len(shapes) > 1))
    losses = partial(_losses, spectra, target, power)
    coarse = losses(rows, shapes[_COARSE], gains[_COARSE]).min(axis=(1, 2))
    rows = rows[np.argsort(coarse, kind="stable")[:_KEPT]]
    loss = losses(rows, shapes, gains) + spurious
    best = loss.min(axis=(1, 2))
    pick = int(best.argmin())
    if rng is not None:
        chance = np.exp(-(best - best[pick]) / (_SPREAD * best[pick] + 1e-9))
        pick = int(rng.choice(len(rows), p=chance / chance.sum()))
    column, gain = np.unravel_index(loss[pick].argmin(), loss[pick].shape)
    entry, shape = int(rows[pick]), shapes[column]
    added = spectra.spurious[entry, shape] * gains[gain] ** (2 * LOUDNESS_EXPONENT)
    return Choice(entry, int(_FEEDBACK[shape]), spectra.power[entry, shape] * gains[gain], float(added))


def shapes_of(paired: bool, feedback: bool) -> Int[np.ndarray, " shape"]:
    """Rows of `SHAPES` for a single carrier, or for a pair whose modulator may feed back or not."""
    if not paired:
        return np.zeros(1, int)
    return np.arange(len(SHAPES)) if feedback else np.flatnonzero(_FEEDBACK == 0)


def _losses(
    spectra: FmSpectra,
    target: np.ndarray,
    power: np.ndarray,
    rows: Int[np.ndarray, " row"],
    shapes: Int[np.ndarray, " shape"],
    gains: Float[np.ndarray, " gain"],
) -> Float[np.ndarray, "row shape gain"]:
    power, target = power.astype(np.float32), target.astype(np.float32)
    model = loudness(power + spectra.power[np.ix_(rows, shapes)][:, :, None] * gains.astype(np.float32)[:, None])
    beside = spectra.spurious[np.ix_(rows, shapes)][:, :, None] * gains ** (2 * LOUDNESS_EXPONENT)
    return np.square(model - target).sum(axis=-1) + beside


def fit_courses(
    note: MeasuredNote,
    spectra: FmSpectra,
    choices: Sequence[Choice],
) -> list[Component]:
    """Fit levels and indices of chosen entries at every moment, one entry after the other.

    Args:
      note: the measured note.
      spectra: of that note.
      choices: the entries.
    """
    n, target = len(choices), note.loudness()
    gains = np.append(10 ** (_TRACK_DB / 10), 0.0)
    shapes = [
        np.flatnonzero(c.feedback == _FEEDBACK) if spectra.modulator[c.entry] > 0 else np.zeros(1, int) for c in choices
    ]
    own = [spectra.power[c.entry, rows] for c, rows in zip(choices, shapes, strict=True)]
    beside = [
        spectra.spurious[c.entry, rows][:, None] * gains ** (2 * LOUDNESS_EXPONENT)
        for c, rows in zip(choices, shapes, strict=True)
    ]
    levels, indices = np.full((n, target.shape[1]), -1), np.zeros((n, target.shape[1]), int)
    level, index = np.full(n, -1), np.zeros(n, int)
    for moment in range(target.shape[1]):
        for _ in range(3 if moment == 0 else 2):
            for k in range(n):
                others = sum((own[j][index[j]] * gains[level[j]] for j in range(n) if j != k), np.zeros(len(target)))
                model = loudness(others + own[k][:, None] * gains[:, None])
                loss = np.square(model - target[:, moment]).sum(axis=-1) + beside[k]
                index[k], level[k] = np.unravel_index(loss.argmin(), loss.shape)
        levels[:, moment], indices[:, moment] = level, index
    levels_db = np.append(_TRACK_DB, FLOOR_DB)[levels]
    return [
        Component(
            float(spectra.carrier[c.entry]),
            float(spectra.modulator[c.entry]),
            np.where(level_db > FLOOR_DB, level_db + spectra.full_db[c.entry], -np.inf),
            _INDEX[rows[row]],
            c.feedback,
        )
        for c, rows, level_db, row in zip(choices, shapes, levels_db, indices, strict=True)
    ]


def set_component(
    vced: UInt8[np.ndarray, " 155"],
    component: Component,
    carrier: int,
    modulator: int | None,
    note: MeasuredNote,
    tuning: KeyTuning,
    full_db: float | int,
) -> None:
    """Write a component to operators of a voice.

    Args:
      vced: the voice, changed in place.
      component: the component.
      carrier: index of its carrier's operator, 0 for OP1.
      modulator: index of its modulator's operator, the one that feeds back if the component has feedback.
      note: the note that it was fitted to.
      tuning: of the key that plays it.
      full_db: level of a carrier at output level 99.
    """
    _set_operator(vced, carrier, component.carrier, component.level_db - full_db, note, tuning)
    if modulator is not None:
        if component.feedback:
            vced[columns("feedback")] = component.feedback
        index_db = 20 * np.log10(component.index_rad / FULL_INDEX)
        known = np.flatnonzero(component.level_db >= component.level_db.max() + _INDEX_KNOWN_DB)
        index_db = np.interp(np.arange(len(index_db)), known, index_db[known])
        _set_operator(vced, modulator, component.modulator, index_db, note, tuning)


def _set_operator(
    vced: np.ndarray,
    operator: int,
    ratio: float,
    level_db: Float[np.ndarray, " moment"],
    note: MeasuredNote,
    tuning: KeyTuning,
) -> None:
    coarse, fine, detune = tuning.nearest(ratio * note.f0_hz)
    for name, value in (("coarse", coarse), ("fine", fine), ("detune", detune + _DETUNE_CENTRE)):
        vced[columns(name)[operator]] = value
    _set_level(vced, operator, level_db, note)


def _set_level(vced: np.ndarray, operator: int, level_db: Float[np.ndarray, " moment"], note: MeasuredNote) -> None:
    if not np.isfinite(level_db.max()):
        vced[columns("output_level")[operator]] = 0
        return
    rates, levels = fit_envelope(note.moments_s, np.maximum(level_db, level_db.max() + FLOOR_DB), note.gate_s)
    loudest = output_level(max(level_db.max(), FLOOR_DB))
    for name, value in (("rates", rates), ("levels", levels), ("output_level", loudest)):
        vced[columns(name)[operator]] = value
