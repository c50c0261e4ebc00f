"""Plans amplitude envelopes of real voices by numba: what `ddx7.engine.envelope.plan` computes move by move."""

from typing import Any

from ddx7.engine.kernel_data import compiled
from ddx7.engine.tables import EG_JUMP, ONE

_JUMP_OCTAVES = EG_JUMP // ONE


@compiled
def plan_moves(stages: Any, climbs: Any, gates: Any, samples: int, ceiling: int, start: Any, line: Any) -> None:
    """Follow envelopes from note-on to the end of the release.

    Args:
      stages: int64 [envelope, 4 stages, 4]: target, increment, samples to wait, 1 if it stays in silence.
      climbs: int64 [move of a stage], 0 for the one that begins it, else the slope of an octave in increments.
      gates: int64 [envelope], tick of note-off.
      samples: in a tick.
      ceiling: of an attack, in octaves.
      start: int32 [envelope, segment]; written, as `Segments.start`.
      line: int32 [envelope, segment, 4]; written, as `Segments.line`.
    """
    n_moves = climbs.shape[0]
    for envelope in range(stages.shape[0]):
        gate = gates[envelope]
        now, level, at_gate, climbing = 0, 0, 0, False
        for move in range(4 * n_moves):
            released = move >= 3 * n_moves
            if move == 3 * n_moves:
                now, level = gate, at_gate
            stage, climb = move // n_moves, climbs[move % n_moves]
            target, increment = stages[envelope, stage, 0], stages[envelope, stage, 1]
            length, end = 0, level
            if climb == 0:
                wait, stays = stages[envelope, stage, 2], stages[envelope, stage, 3] != 0
                waits = (target == level or stays) and wait > 0
                climbing = target > level and not waits
                if waits:
                    length = -((samples - wait) // samples)
                    length = length if length > 0 else 0
                    end = level if stays else target
                elif climbing:
                    if level < EG_JUMP:
                        landed = EG_JUMP + (ceiling - _JUMP_OCTAVES - 1) * increment
                        length, end = 1, target if target < landed else landed
                        climbing = landed < target
                else:
                    distance = level - target if level > target else 1
                    length, end = -(-distance // increment), target
                slope = end - level if waits or target > level else -increment
            else:
                slope = increment * climb if increment * climb > 1 else 1
                remaining = (ceiling - climb) * ONE - level
                if climbing and remaining >= 0:
                    to_target, to_octave = -((level - target) // slope), remaining // slope + 1
                    if to_target <= to_octave:
                        length, end, climbing = to_target, target, False
                    else:
                        length, end = to_octave, level + to_octave * slope
            after = now + length
            if after <= gate:
                at_gate = end
            elif now <= gate:
                at_gate = end if gate - now >= length else level + slope * (gate - now)
            start[envelope, move] = now if released or now < gate else gate
            line[envelope, move, 0], line[envelope, move, 1] = level, slope
            line[envelope, move, 2], line[envelope, move, 3] = length, end
            now, level = after, end
