"""Makes the banks of this folder: ten by kind of sound, six by the number of carriers.

    python banks/make.py            # some ten minutes on two cores

Each bank is generated, screened, brought to one level, named and drawn. No two voices of the folder share a name. The
files here are what the command made with the weights of this version.
"""

import argparse
import io
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import ddx7
from ddx7.library.levels import even_levels
from ddx7.library.screening import screen_voices
from ddx7.plot import figure_bytes, gallery_figure
from ddx7.voice import Bank, Voice
from ddx7.voice.algorithms import ALGORITHMS

KINDS = {
    "e-piano": "electric pianos",
    "organ": "organs",
    "bell": "bells",
    "plucked": "plucked strings",
    "bass": "basses",
    "strings": "strings",
    "pad": "pads",
    "brass": "brass",
    "woodwind": "woodwinds",
    "lead": "leads",
}
SIZE = 32
GATE_S, EACH_S, RATE = 1.0, 2.0, 44_100
COLOURS = 48  # of a picture; a page then takes some 200 KB


@dataclass(frozen=True)
class BankPlan:
    """A bank to make.

    Attributes:
      name: stem of its files.
      what: its line in the README.
      category: of all voices, or None.
      algorithms: that the voices use, as many of each as of another.
    """

    name: str
    what: str
    category: str | None = None
    algorithms: tuple[int | None, ...] = (None,)


def plans() -> list[BankPlan]:
    """The sixteen banks, in order."""
    kinds = [BankPlan(name, what, category=name) for name, what in KINDS.items()]
    groups = []
    for n in range(1, 7):
        algorithms = tuple(k for k, algorithm in enumerate(ALGORITHMS, start=1) if len(algorithm.carriers) == n)
        listed = ", ".join(map(str, algorithms))
        carriers = "one carrier" if n == 1 else f"{n} carriers"
        plural = "algorithm" if len(algorithms) == 1 else "algorithms"
        groups.append(BankPlan(f"carriers-{n}", f"any sound, {carriers}: {plural} {listed}", None, algorithms))
    return kinds + groups


def make(plan: BankPlan, seed: int, taken: set[str]) -> Bank:
    """Generate the voices of a bank, at one level, with names that no other bank has."""
    voices: list[Voice] = []
    for k, algorithm in enumerate(plan.algorithms):
        count = SIZE // len(plan.algorithms) + (k < SIZE % len(plan.algorithms))
        names = taken | {voice.name for voice in voices}
        voices += ddx7.generate(count, category=plan.category, algorithm=algorithm, seed=seed + 100 * k, taken=names)
    evened = even_levels(Bank(voices).to_vced())
    return Bank(Voice.from_vced(row) for row in evened.vced)


def page(bank: Bank, caption: str) -> bytes:
    """The picture of a bank, as a PNG of few colours."""
    sound = ddx7.render(bank, 60, 100, GATE_S, EACH_S, RATE)
    picture = Image.open(io.BytesIO(figure_bytes(gallery_figure(bank, sound, RATE, GATE_S, caption))))
    data = io.BytesIO()
    picture.convert("RGB").quantize(COLOURS).save(data, "PNG", optimize=True)
    return data.getvalue()


def readme(made: list[tuple[BankPlan, Bank]]) -> str:
    """The page that lists the banks."""
    rows = [
        f"| [{plan.name}.syx]({plan.name}.syx) | {plan.what} | [picture]({plan.name}.png) | "
        f"{', '.join(voice.name for voice in bank[:4])}, ... |"
        for plan, bank in made
    ]
    return "\n".join([README, *rows, ""])


README = """# Banks

Sixteen banks of 32 generated voices, to load into a DX7, TX816, Volca FM, Dexed or MiniDexed. Each voice was rendered
and screened, each bank is at one level, and no two voices of the folder share a name. `python banks/make.py` makes the
folder again. The voices and pictures are in the public domain (CC0 1.0, see [LICENSE](LICENSE)).

A picture shows the spectrogram of a C3 of each voice, held for a second, with the algorithm and the peak level.

| bank | what | picture | names |
|---|---|---|---|"""


def main() -> None:
    """Make all banks, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    made: list[tuple[BankPlan, Bank]] = []
    taken: set[str] = set()
    for seed, plan in enumerate(plans(), start=1):
        start = time.perf_counter()
        bank = make(plan, seed, taken)
        taken |= {voice.name for voice in bank}
        made.append((plan, bank))
        ddx7.save(bank, folder / f"{plan.name}.syx", force=True)
        caption = f"{plan.what}: C3 at velocity 100, held {GATE_S:g} s of {EACH_S:g} s"
        (folder / f"{plan.name}.png").write_bytes(page(bank, caption))
        rejected = int(screen_voices(bank.to_vced(), without_pitch=np.full(SIZE, plan.category is None)).rejected.sum())
        print(f"{plan.name}: {time.perf_counter() - start:.0f} s, {rejected} rejected after levelling", flush=True)
    (folder / "README.md").write_text(readme(made))


if __name__ == "__main__":
    main()
