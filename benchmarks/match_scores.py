"""How near a voice comes to a target: both distances and the panel of papers, and their summary over targets."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from paired import paired_ratio

from ddx7.audio import log_mel_distance, perceptual_distance, target_features
from ddx7.audio.metrics import compare_notes
from ddx7.matching.target import RATE

Score = dict[str, float]
"""Figures by name: those of `DISTANCES`, and the fields of `ddx7.audio.metrics.NoteComparison`."""

DISTANCES = {"log_mel_db": "log-mel distance in dB", "perceptual": "perceptual distance"}
PANEL = {
    "relative_harmonic_error": "harmonic error",
    "mfcc_cosine": "MFCC-40 cosine",
    "multi_scale": "MSS",
    "warped_mfcc": "wMFCC",
    "spectral_transport": "SOT",
    "envelope_cosine": "RMS envelope",
    "pitch_cents": "pitch, cents",
    "attack_ratio": "attack, octaves",
}
"""Columns of the panel. Of pitch and attack the size of the error is summarised."""


def score(target: np.ndarray, audio: np.ndarray, sample_rate: int = RATE) -> Score:
    """Compare a sound with its target.

    Args:
      target: samples.
      audio: samples, not silent; as long as the target.
      sample_rate: of both, in Hz.
    """
    panel = compare_notes(target, audio, sample_rate)._asdict()
    return {
        "log_mel_db": log_mel_distance(target, audio, sample_rate),
        "perceptual": float(perceptual_distance(target_features(target, sample_rate), audio)),
        **{name: float(value) for name, value in panel.items()},
        "pitch_cents": abs(float(panel["pitch_cents"])),
        "attack_ratio": abs(float(np.log2(panel["attack_ratio"]))),
    }


def best(scores: Sequence[Score]) -> Score:
    """The score of least log-mel distance."""
    return min(scores, key=lambda found: found["log_mel_db"])


def joined(parts: Iterable[Iterable[dict[str, Any]]], modes: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of several measurements, by name. Of a target that several of them have, the seeds follow each other.

    Args:
      parts: rows of each measurement, as `print_tables` takes them.
      modes: methods with a score for each seed; other methods keep their first scores.
    """
    rows: dict[str, dict[str, Any]] = {}
    for row in (row for part in parts for row in part):
        known = rows.setdefault(row["target"], row)
        if known is not row:
            searched = {mode: [*(known.get(mode) or ()), *row[mode]] for mode in modes if row.get(mode)}
            rows[row["target"]] = known | searched
    return [rows[name] for name in sorted(rows)]


def measured(rows: Sequence[dict[str, Any]], methods: Iterable[str]) -> list[str]:
    """The methods that have scores for a target, in their order."""
    return [method for method in methods if any(row.get(method) for row in rows)]


def cells(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> dict[str, str]:
    """Median over targets of each method's mean over seeds, "log-mel / perceptual", by the name of the column."""
    found = {}
    for method in measured(rows, columns):
        means = [[np.mean([one[key] for one in row[method]]) for row in rows if row.get(method)] for key in DISTANCES]
        found[columns[method]] = " / ".join(f"{np.median(mean):.1f}" for mean in means)
    return found


def print_tables(rows: list[dict[str, Any]], columns: dict[str, str], against: Sequence[str]) -> None:
    """Print both distances of every target, ratios in pairs, and the medians of the panel.

    Args:
      rows: for each target its name, and a list of scores by method, or None.
      columns: names of the methods.
      against: methods to compare with.
    """
    names = [columns[method] for method in measured(rows, columns)]
    print(f"| target | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for name, some in [*((row["target"], [row]) for row in rows), (f"**median of {len(rows)}**", rows)]:
        found = cells(some, columns)
        print(f"| {name} | {' | '.join(found.get(column, '–') for column in names)} |")
    print()
    summarise(rows, columns, against)


def summarise(rows: list[dict[str, Any]], columns: dict[str, str], against: Sequence[str]) -> None:
    """Print how `match` and `match --fast` stand to other methods, and the medians of the panel.

    Args:
      rows: for each target a list of scores by method, or None.
      columns: names of the methods.
      against: methods to compare with.
    """
    for ours in ("match", "fast"):
        for theirs in against:
            both = [(row[ours], row[theirs]) for row in rows if row.get(ours) and row.get(theirs)]
            if not both:
                continue
            for key, name in DISTANCES.items():
                a, b = ([[found[key] for found in pair[k]] for pair in both] for k in (0, 1))
                print(f"{columns[ours]} / {columns[theirs]}, {name}: {paired_ratio(a, b)}{_by_seed(a, b)}")
    print(f"\n| median of {len(rows)} | {' | '.join(PANEL.values())} |\n|{'---|' * (len(PANEL) + 1)}")
    for method in measured(rows, [name for name in columns if name != "draw"]):
        scores = [found for row in rows for found in row.get(method) or ()]
        cells = [np.nanmedian([found[key] for found in scores]) for key in PANEL]
        print(f"| {columns[method]} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
    print()


def _by_seed(ours: list[list[float]], theirs: list[list[float]]) -> str:
    """The ratio of each seed alone, where every target has as many of them."""
    n_seeds = {len(found) for found in ours}
    if len(n_seeds) != 1 or n_seeds == {1}:
        return ""
    means = np.array([np.mean(found) for found in theirs])
    ratios = np.exp(np.log(np.array(ours) / means[:, None]).mean(axis=0))
    return f"; by seed {', '.join(f'{ratio:.2f}' for ratio in ratios)}"
