"""New voices as a job: generated, varied or morphed (in the worker)."""

from dataclasses import dataclass

from ddx7.voice import Bank, Voice
from ddx7.web.worker import Report


@dataclass(frozen=True)
class MakeTask:
    """What the functions of `ddx7.generation` need.

    Attributes:
      way: "generate", "vary" or "morph".
      count: number of voices.
      seed: of the random generator.
      category: of generated voices; empty for any.
      algorithm: of generated voices, 1-32; 0 for any.
      amount: how far variations go.
      voices: the original of variations, or both ends of a morph.
    """

    way: str
    count: int
    seed: int
    category: str = ""
    algorithm: int = 0
    amount: float = 0.2
    voices: tuple[Voice, ...] = ()


def run_make(report: Report, task: MakeTask) -> Bank:
    """Make voices."""
    from ddx7.generation import generate, morph, vary

    report({"stage": task.way})
    if task.way == "vary":
        return vary(task.voices[0], task.count, amount=task.amount, seed=task.seed)
    if task.way == "morph":
        return morph(*task.voices, steps=task.count, seed=task.seed)
    return generate(task.count, category=task.category or None, algorithm=task.algorithm or None, seed=task.seed)
