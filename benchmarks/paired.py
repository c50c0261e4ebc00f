"""Paired comparison of two methods on the same targets: ratio, interval, signed-rank test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

N_RESAMPLES, SEED = 10_000, 0


@dataclass(frozen=True)
class PairedRatio:
    """How the values of one method relate to those of another, target by target.

    Attributes:
      ratio: geometric mean of the ratios.
      low: lower end of the interval that holds 95 % of bootstrap samples of the targets.
      high: its upper end.
      n_nearer: targets on which the first method has the smaller value.
      n: targets.
      p_value: of a two-sided Wilcoxon signed-rank test of the logarithms; 1 without any difference.
    """

    ratio: float
    low: float
    high: float
    n_nearer: int
    n: int
    p_value: float

    def __str__(self) -> str:
        """As tables print it."""
        interval = f"{self.ratio:.2f} ({self.low:.2f} to {self.high:.2f})"
        return f"{interval}; nearer on {self.n_nearer} of {self.n}; p = {self.p_value:.2g}"


def paired_ratio(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> PairedRatio:
    """Compare two methods.

    Args:
      ours: values above 0, for each target one for each seed.
      theirs: the same for the other method, in the same order of targets; the number of seeds may differ.
    """
    logs = np.array([np.log(a).mean() - np.log(b).mean() for a, b in zip(ours, theirs, strict=True)])
    means = np.random.default_rng(SEED).choice(logs, (N_RESAMPLES, len(logs))).mean(axis=1)
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    p_value = float(wilcoxon(logs).pvalue) if logs.any() else 1.0
    return PairedRatio(float(np.exp(logs.mean())), float(low), float(high), int((logs < 0).sum()), len(logs), p_value)
