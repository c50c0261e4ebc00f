"""``ddx7 train``: models of one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, note, result
from ddx7.errors import Ddx7Error

_FEWEST_VOICES = 100
_HELD_OUT = 32  # one voice of so many is measured on and not learned from


@dataclass(frozen=True)
class Command:
    """Train a model on voices of your own.

    `ddx7 train encoder FOLDER... -o RUN` teaches the ear behind `ddx7 match` from all DX7 voices in files and folders:
    they are mutated, played, looked at and learned. RUN keeps what was rendered, checkpoints, metrics as lines of JSON
    and, in the end, encoder.safetensors with its card. The same command goes on with a run that was stopped.
    """

    model: Annotated[Positional[Literal["encoder"]], arg(metavar="encoder", help_behavior_hint="")]
    """What to train."""
    voices: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER...", help_behavior_hint="")]
    """Files and folders with DX7 voices."""
    output: Annotated[Path, arg(metavar="RUN", aliases=["-o"])]
    """The folder of the run."""
    steps: Annotated[int, arg(metavar="N")] = 8000
    """How long to train; some 100 steps a minute on two cores."""
    shards: Annotated[int, arg(metavar="N")] = 32
    """How much to render, in units of 4,096 voices; each takes 60 MB and about 16 s on two cores."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """Voices a step."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of everything random."""

    def run(self) -> int:
        """Render, train, write the weights, and return the exit code."""
        for name in ("steps", "shards", "batch"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name}: found {getattr(self, name)}, wanted at least 1")
        if not self.voices:
            raise UsageError("found no voices to learn from, wanted at least one folder")

        import numpy as np

        from ddx7.inference.encoder.data import make_shards
        from ddx7.inference.encoder.network import Size
        from ddx7.inference.encoder.propose import save_weights
        from ddx7.inference.encoder.training import Settings, load_shards, train
        from ddx7.library import scan

        vced = scan(self.voices).vced
        if len(vced) < _FEWEST_VOICES:
            raise Ddx7Error(f"found {len(vced)} different voices to learn from, wanted {_FEWEST_VOICES} or more")
        order = np.random.default_rng(self.seed).permutation(len(vced))
        test, train_on = np.split(vced[order], [max(len(vced) // _HELD_OUT, 1)])
        note(f"{len(train_on):,} voices to learn from, {len(test):,} to measure on")

        def rendered(done: int) -> None:
            note(f"rendered {done} of {self.shards}")

        held_out = make_shards(test, self.output / "test", 1, seed=self.seed + 1, fresh=False)
        shards = make_shards(train_on, self.output / "train", self.shards, seed=self.seed, progress=rendered)

        def trained(metrics: dict[str, float]) -> None:
            says = ", ".join(f"{name} {metrics[name]:.2f}" for name in ("loss", "held_out", "steps_per_s"))
            note(f"step {metrics['step']:,.0f} of {self.steps:,}: {says}")

        settings = Settings(steps=self.steps, batch=self.batch, seed=self.seed)
        weights, metrics = train(
            load_shards(shards), load_shards(held_out), self.output, settings, Size(), progress=trained
        )
        card = {"command": "ddx7 train encoder", "voices": len(train_on), "shards": self.shards, **metrics}
        path = self.output / "encoder.safetensors"
        save_weights(path, weights, Size(), card)
        result([str(path), str(path.with_suffix(".json"))])
        return 0
