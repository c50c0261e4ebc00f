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
      categories: of generated voices; none for any.
      together: whether every voice has all the categories, instead of one of them in turn.
      algorithm: of generated voices, 1-32; 0 for any.
      pad: whether generated voices have long, sweeping envelopes; None for any.
      amount: how far variations go.
      lock: sections that variations keep.
      voices: the original of variations, or both ends of a morph.
    """

    way: str
    count: int
    seed: int
    categories: tuple[str, ...] = ()
    together: bool = False
    algorithm: int = 0
    pad: bool | None = None
    amount: float = 0.2
    lock: tuple[str, ...] = ()
    voices: tuple[Voice, ...] = ()


def run_make(report: Report, task: MakeTask) -> Bank:
    """Make voices."""
    from ddx7.generation import generate, morph, vary

    report({"stage": task.way})
    if task.way == "vary":
        return vary(task.voices[0], task.count, amount=task.amount, seed=task.seed, lock=task.lock)
    if task.way == "morph":
        return morph(*task.voices, steps=task.count, seed=task.seed)
    parts = [task.categories] if task.together or not task.categories else [(c,) for c in task.categories]
    # Of several categories, the first ones have one voice more where the number does not divide.
    counts = [len(range(k, task.count, len(parts))) for k in range(len(parts))]
    voices: list[Voice] = []
    for k, (categories, count) in enumerate(zip(parts, counts, strict=True)):
        if count:
            report({"stage": " and ".join(categories) or task.way, "done": len(voices), "total": task.count})
            wanted = categories or None
            voices += generate(
                count, category=wanted, algorithm=task.algorithm or None, pad=task.pad, seed=task.seed + k
            )
    return Bank(voices)
