"""`RepairLog`: one remark for each kind of repair, however often a reader made it."""

from collections import Counter

RepairKind = str | tuple[str, str]
"""A sentence, or two with ``{n}`` for the number: for one case and for several."""


class RepairLog:
    """Counts repairs by kind."""

    def __init__(self) -> None:
        self._counts: Counter[RepairKind] = Counter()

    def add(self, kind: RepairKind, n: int = 1) -> None:
        """Count n cases of a kind."""
        if n:
            self._counts[kind] += n

    def __bool__(self) -> bool:
        """Whether there were any repairs."""
        return bool(self._counts)

    @property
    def n_repairs(self) -> int:
        """Number of cases of all kinds."""
        return self._counts.total()

    def sentences(self) -> tuple[str, ...]:
        """A sentence for each kind, in the order of their first cases."""
        return tuple(kind if isinstance(kind, str) else kind[n > 1].format(n=n) for kind, n in self._counts.items())
