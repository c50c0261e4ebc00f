"""What a player can change while a learned instrument plays."""

from dataclasses import dataclass

from ddx7.errors import ArgumentError, Ddx7Error

N_OPERATORS = 6


@dataclass(frozen=True)
class PlaybackControls:
    """Settings of the player, applied on top of what the instrument learned.

    Attributes:
      transpose: semitones up.
      mod_index: factor of all modulation indices, above 0 and up to 100: below 1 darker, above 1 brighter.
      levels_db: dB added to the level of OP1 to OP6.
      ratios: frequency ratio of OP1 to OP6 to the fundamental, above 0 and up to 64; None keeps the learned one.
      reverb: wet level of a learned reverb, 0 (dry) to 10; 1 as learned.

    Raises:
      Ddx7Error: a value is out of range.
    """

    transpose: float = 0.0
    mod_index: float = 1.0
    levels_db: tuple[float, ...] = (0.0,) * N_OPERATORS
    ratios: tuple[float | None, ...] = (None,) * N_OPERATORS
    reverb: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.mod_index <= 100:
            raise ArgumentError(f"mod_index: found {self.mod_index:g}, wanted a factor above 0 and up to 100")
        if len(self.levels_db) != N_OPERATORS or len(self.ratios) != N_OPERATORS:
            raise Ddx7Error("levels and ratios: wanted one for each of the six operators")
        if bad := [ratio for ratio in self.ratios if ratio is not None and not 0 < ratio <= 64]:
            raise ArgumentError(f"ratios: found {bad[0]:g}, wanted above 0 and up to 64")
        if not 0 <= self.reverb <= 10:
            raise ArgumentError(f"reverb: found {self.reverb:g}, wanted 0 (dry) to 10, 1 as learned")
