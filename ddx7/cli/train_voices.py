"""Models that are learned from voices: the ear of ``ddx7 match``, the generator of ``ddx7 generate``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, note, result
from ddx7.errors import Ddx7Error

if TYPE_CHECKING:
    import numpy as np

_FEWEST_VOICES = 100
_HELD_OUT_OF_ENCODER, _HELD_OUT_OF_GAN = 32, 10  # one voice of so many is measured on and not learned from


@dataclass(frozen=True)
class FromVoices:
    """What learning from voices has in common."""

    voices: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER...", help_behavior_hint="")]
    """Files and folders with DX7 voices."""
    output: Annotated[Path, arg(metavar="RUN", aliases=["-o"])]
    """The folder of the run."""
    steps: Annotated[int, arg(metavar="N")] = 8000
    """How long to train; on two cores some 100 steps of an encoder a minute, some 500 of a gan."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """Voices a step."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of everything random."""

    def run(self) -> int:
        """Read voices, train, write the weights, and return the exit code."""
        for name in ("steps", "shards", "batch"):
            if getattr(self, name, 1) < 1:
                raise UsageError(f"--{name}: found {getattr(self, name)}, wanted at least 1")
        if not self.voices:
            raise UsageError("found no voices to learn from, wanted at least one folder")

        from ddx7.library import scan

        try:
            path = self._learn(scan(self.voices).vced)
        except KeyboardInterrupt:
            note(f"stopped; the same command goes on with what is in {self.output}")
            raise
        result([str(path), str(path.with_suffix(".json"))])
        return 0

    def _learn(self, vced: "np.ndarray") -> Path:
        raise NotImplementedError


@dataclass(frozen=True)
class Encoder(FromVoices):
    """Teach the ear behind `ddx7 match` from all DX7 voices in files and folders.

    They are mutated, played, looked at and learned. RUN keeps what was rendered, checkpoints, metrics as lines of JSON
    and, in the end, encoder.safetensors with its card. The same command goes on with a run that was stopped.
    """

    shards: Annotated[int, arg(metavar="N")] = 32
    """How much to render, in units of 4,096 voices; each takes 60 MB and about 16 s on two cores."""

    def _learn(self, vced: "np.ndarray") -> Path:
        from ddx7.encoder.examples import make_shards
        from ddx7.encoder.network import EncoderSize
        from ddx7.encoder.sampler import save_weights
        from ddx7.encoder.training import EncoderConfig, load_shards, train

        train_on, test = _split(vced, _HELD_OUT_OF_ENCODER, self.seed)

        def rendered(done: int) -> None:
            note(f"rendered {done} of {self.shards}")

        held_out = make_shards(test, self.output / "test", 1, seed=self.seed + 1, fresh=False)
        shards = make_shards(train_on, self.output / "train", self.shards, seed=self.seed, progress=rendered)
        settings = EncoderConfig(steps=self.steps, batch=self.batch, seed=self.seed)

        def trained(metrics: dict[str, float]) -> None:
            tell(metrics, self.steps, ("loss", "held_out", "steps_per_s"))

        weights, metrics = train(
            load_shards(shards), load_shards(held_out), self.output, settings, EncoderSize(), progress=trained
        )
        card = {"command": "ddx7 train encoder", "voices": len(train_on), "shards": self.shards, **metrics}
        path = self.output / "encoder.safetensors"
        save_weights(path, weights, EncoderSize(), card)
        return path


@dataclass(frozen=True)
class Gan(FromVoices):
    """Teach the generator behind `ddx7 generate` from all DX7 voices in files and folders.

    Damaged voices and duds are left out by listening, kinds of sound are taken from names. RUN keeps what was heard,
    checkpoints, metrics as lines of JSON and, in the end, gan.safetensors with its card. The same command goes on with
    a run that was stopped.
    """

    def _learn(self, vced: "np.ndarray") -> Path:
        from ddx7.generation.gan.conditions import ConditionPrior
        from ddx7.generation.gan.data import HeldOutEvaluator, examples_of, load_clean
        from ddx7.generation.gan.network import GanSize
        from ddx7.generation.gan.training import GanConfig, train
        from ddx7.generation.gan.voice_generator import save_weights
        from ddx7.library.categories import CATEGORIES

        def heard(done: int, of: int) -> None:
            note(f"listened to {done:,} of {of:,}")

        _check_enough(vced)
        clean = load_clean(vced, self.output / "heard", heard)
        note(f"{len(clean):,} of {len(vced):,} voices are no duds")
        train_on, test = _split(clean, _HELD_OUT_OF_GAN, self.seed)
        examples = examples_of(train_on)
        settings = GanConfig.of(self.steps, batch=self.batch, seed=self.seed)

        def trained(metrics: dict[str, float]) -> None:
            tell(metrics, self.steps, ("score", "coverage_numbers", "coverage_sound", "duds", "steps_per_s"))

        weights, metrics = train(
            examples, self.output, settings, GanSize(), HeldOutEvaluator.of(test), progress=trained
        )
        card = {"command": "ddx7 train gan", "voices": len(train_on), "categories": list(CATEGORIES), **metrics}
        path = self.output / "gan.safetensors"
        save_weights(path, weights, GanSize(), ConditionPrior.of(examples.conditions), card)
        return path


def _check_enough(vced: "np.ndarray") -> None:
    if len(vced) < _FEWEST_VOICES:
        raise Ddx7Error(f"found {len(vced)} different voices to learn from, wanted {_FEWEST_VOICES} or more")


def _split(vced: "np.ndarray", held_out: int, seed: int) -> "list[np.ndarray]":
    """Voices to learn from, and others to measure on."""
    import numpy as np

    _check_enough(vced)
    order = np.random.default_rng(seed).permutation(len(vced))
    test, train_on = np.split(vced[order], [max(len(vced) // held_out, 1)])
    note(f"{len(train_on):,} voices to learn from, {len(test):,} to measure on")
    return [train_on, test]


def tell(metrics: dict[str, float], steps: int, names: tuple[str, ...]) -> None:
    """Say how a training stands."""
    note(f"step {metrics['step']:,.0f} of {steps:,}: {', '.join(f'{name} {metrics[name]:.2f}' for name in names)}")
