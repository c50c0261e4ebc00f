"""``ddx7 train``: models of one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, note, result
from ddx7.errors import Ddx7Error

if TYPE_CHECKING:
    import numpy as np

_FEWEST_VOICES = 100
_HELD_OUT = {"encoder": 32, "gan": 10}  # one voice of so many is measured on and not learned from
_STEPS = {"encoder": 8000, "gan": 8000}
_WARM_UP = 5  # one step of so many teaches a generator as an autoencoder


@dataclass(frozen=True)
class Command:
    """Train a model on voices of your own.

    `ddx7 train encoder FOLDER... -o RUN` teaches the ear behind `ddx7 match` from all DX7 voices in files and folders:
    they are mutated, played, looked at and learned. `ddx7 train gan FOLDER... -o RUN` teaches the generator behind
    `ddx7 generate`: damaged voices and duds are left out by listening, kinds of sound are taken from names. RUN keeps
    what was rendered or heard, checkpoints, metrics as lines of JSON and, in the end, encoder.safetensors or
    gan.safetensors with its card. The same command goes on with a run that was stopped.
    """

    model: Annotated[Positional[Literal["encoder", "gan"]], arg(metavar="{encoder,gan}", help_behavior_hint="")]
    """What to train."""
    voices: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER...", help_behavior_hint="")]
    """Files and folders with DX7 voices."""
    output: Annotated[Path, arg(metavar="RUN", aliases=["-o"])]
    """The folder of the run."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 8000)")] = None
    """How long to train; on two cores some 100 steps of an encoder a minute, some 500 of a gan."""
    shards: Annotated[int, arg(metavar="N")] = 32
    """How much to render for an encoder, in units of 4,096 voices; each takes 60 MB and about 16 s on two cores."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """Voices a step."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of everything random."""

    def run(self) -> int:
        """Read voices, train, write the weights, and return the exit code."""
        for name in ("steps", "shards", "batch"):
            if (found := getattr(self, name)) is not None and found < 1:
                raise UsageError(f"--{name}: found {found}, wanted at least 1")
        if not self.voices:
            raise UsageError("found no voices to learn from, wanted at least one folder")

        from ddx7.library import scan

        path = self._gan(scan(self.voices).vced) if self.model == "gan" else self._encoder(scan(self.voices).vced)
        result([str(path), str(path.with_suffix(".json"))])
        return 0

    def _encoder(self, vced: "np.ndarray") -> Path:
        from ddx7.inference.encoder.data import make_shards
        from ddx7.inference.encoder.network import Size
        from ddx7.inference.encoder.propose import save_weights
        from ddx7.inference.encoder.training import Settings, load_shards, train

        train_on, test = self._split(vced)

        def rendered(done: int) -> None:
            note(f"rendered {done} of {self.shards}")

        held_out = make_shards(test, self.output / "test", 1, seed=self.seed + 1, fresh=False)
        shards = make_shards(train_on, self.output / "train", self.shards, seed=self.seed, progress=rendered)
        settings = Settings(steps=self.steps or _STEPS["encoder"], batch=self.batch, seed=self.seed)

        def trained(metrics: dict[str, float]) -> None:
            _tell(metrics, settings.steps, ("loss", "held_out", "steps_per_s"))

        weights, metrics = train(
            load_shards(shards), load_shards(held_out), self.output, settings, Size(), progress=trained
        )
        card = {"command": "ddx7 train encoder", "voices": len(train_on), "shards": self.shards, **metrics}
        path = self.output / "encoder.safetensors"
        save_weights(path, weights, Size(), card)
        return path

    def _gan(self, vced: "np.ndarray") -> Path:
        from ddx7.generation.gan.conditions import Habits
        from ddx7.generation.gan.data import Yardstick, examples_of, learn
        from ddx7.generation.gan.network import Size
        from ddx7.generation.gan.propose import save_weights
        from ddx7.generation.gan.training import Settings, train
        from ddx7.library.categories import CATEGORIES

        def heard(done: int, of: int) -> None:
            note(f"listened to {done:,} of {of:,}")

        clean = learn(vced, self.output / "heard", heard)
        note(f"{len(clean):,} of {len(vced):,} voices are no duds")
        train_on, test = self._split(clean)
        examples, steps = examples_of(train_on), self.steps or _STEPS["gan"]
        settings = Settings(steps=steps, warm_up=steps // _WARM_UP, batch=self.batch, seed=self.seed)

        def trained(metrics: dict[str, float]) -> None:
            _tell(metrics, steps, ("score", "coverage_numbers", "coverage_sound", "duds", "steps_per_s"))

        weights, metrics = train(examples, self.output, settings, Size(), Yardstick.of(test), progress=trained)
        card = {"command": "ddx7 train gan", "voices": len(train_on), "categories": list(CATEGORIES), **metrics}
        path = self.output / "gan.safetensors"
        save_weights(path, weights, Size(), Habits.of(examples.conditions), card)
        return path

    def _split(self, vced: "np.ndarray") -> "list[np.ndarray]":
        """Voices to learn from, and others to measure on."""
        import numpy as np

        if len(vced) < _FEWEST_VOICES:
            raise Ddx7Error(f"found {len(vced)} different voices to learn from, wanted {_FEWEST_VOICES} or more")
        order = np.random.default_rng(self.seed).permutation(len(vced))
        test, train_on = np.split(vced[order], [max(len(vced) // _HELD_OUT[self.model], 1)])
        note(f"{len(train_on):,} voices to learn from, {len(test):,} to measure on")
        return [train_on, test]


def _tell(metrics: dict[str, float], steps: int, names: tuple[str, ...]) -> None:
    note(f"step {metrics['step']:,.0f} of {steps:,}: {', '.join(f'{name} {metrics[name]:.2f}' for name in names)}")
