"""`ddx7 train encoder|gan`: models that learn from DX7 voices."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from ddx7.cli.interrupt import keeping
from ddx7.cli.terminal import UsageError, note, result
from ddx7.errors import Ddx7Error

if TYPE_CHECKING:
    import numpy as np

_MIN_VOICES = 100
_ENCODER_HELD_OUT_SHARE, _GAN_HELD_OUT_SHARE = 1 / 32, 1 / 10


@dataclass(frozen=True)
class TrainFromVoices:
    """Options of all trainings from voices."""

    voices: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER...", help_behavior_hint="")]
    """Files and folders with DX7 voices."""
    output: Annotated[Path, arg(metavar="RUN", aliases=["-o"])]
    """Folder of the run."""
    steps: Annotated[int, arg(metavar="N")] = 8000
    """Training steps; two cores take about 100 steps of an encoder a minute, or 500 of a GAN."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """Voices per step."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of all random numbers."""

    def run(self) -> int:
        """Read voices, train, write the weights, and return the exit code."""
        for name in ("steps", "shards", "batch"):
            if getattr(self, name, 1) < 1:
                raise UsageError(f"--{name}: found {getattr(self, name)}, wanted at least 1")
        if not self.voices:
            raise UsageError("found no voices to learn from, wanted at least one folder")

        from ddx7.library import scan

        try:
            with keeping("stopping after this step"):
                path = self._train(scan(self.voices).vced)
        except KeyboardInterrupt:
            note(f"stopped; the same command resumes the run in {self.output}")
            raise
        result([str(path), str(path.with_suffix(".json"))])
        return 0

    def _train(self, vced: "np.ndarray") -> Path:
        raise NotImplementedError


@dataclass(frozen=True)
class TrainEncoder(TrainFromVoices):
    """Train a preset encoder for `ddx7 match` from all DX7 voices in files and folders.

    The training mutates the voices, renders them and learns to predict a voice from its notes. Near-duplicate voices
    stay on one side of the split into training and held-out voices. RUN keeps the rendered examples, checkpoints,
    metrics as lines of JSON and, in the end, encoder.safetensors with its card. The same command resumes a run that was
    stopped.
    """

    shards: Annotated[int, arg(metavar="N")] = 32
    """Training examples in shards of 4,096; each takes 60 MB and about 16 s on two cores."""

    def _train(self, vced: "np.ndarray") -> Path:
        from ddx7.encoder.examples import load_shards, make_shards
        from ddx7.encoder.sampler import save_weights
        from ddx7.encoder.size import EncoderSize
        from ddx7.encoder.training import EncoderConfig, train

        training_voices, held_out_voices = _split(vced, _ENCODER_HELD_OUT_SHARE, self.seed)

        def report_shard(done: int) -> None:
            note(f"rendered {done} of {self.shards}")

        held_out = make_shards(held_out_voices, self.output / "test", 1, seed=self.seed + 1, mutate=False)
        shards = make_shards(training_voices, self.output / "train", self.shards, seed=self.seed, progress=report_shard)

        def report_metrics(metrics: dict[str, float]) -> None:
            note_metrics(metrics, self.steps, ("loss", "held_out", "steps_per_s"))

        fitted = train(
            load_shards(shards),
            load_shards(held_out),
            self.output,
            EncoderConfig(steps=self.steps, batch=self.batch, seed=self.seed),
            EncoderSize(),
            progress=report_metrics,
        )
        card = {
            "command": "ddx7 train encoder",
            "voices": len(training_voices),
            "shards": self.shards,
            **fitted.best_metrics,
        }
        path = self.output / "encoder.safetensors"
        save_weights(path, fitted.best_params, EncoderSize(), card)
        return path


@dataclass(frozen=True)
class TrainGan(TrainFromVoices):
    """Train a generator for `ddx7 generate` from all DX7 voices in files and folders.

    The training renders all voices to leave out damaged and faulty ones, and takes categories from their names.
    Near-duplicate voices stay on one side of the split into training and held-out voices. RUN keeps the measurements,
    checkpoints, metrics as lines of JSON and, in the end, gan.safetensors with its card. The same command resumes a run
    that was stopped.
    """

    def _train(self, vced: "np.ndarray") -> Path:
        from ddx7.generation.gan.conditions import ConditionPrior
        from ddx7.generation.gan.config import GanConfig
        from ddx7.generation.gan.data import HeldOutEvaluator, examples_of, load_clean
        from ddx7.generation.gan.size import GanSize
        from ddx7.generation.gan.training import train
        from ddx7.generation.gan.voice_generator import save_weights
        from ddx7.library.categories import CATEGORIES

        def report_measured(done: int, of: int) -> None:
            note(f"measured {done:,} of {of:,} voices")

        _check_enough(vced)
        clean = load_clean(vced, self.output / "measures", report_measured)
        note(f"{len(clean):,} of {len(vced):,} voices pass the screening")
        training_voices, held_out_voices = _split(clean, _GAN_HELD_OUT_SHARE, self.seed)
        examples = examples_of(training_voices)
        config = GanConfig(batch=self.batch, seed=self.seed).scaled_to(self.steps)

        def report_metrics(metrics: dict[str, float]) -> None:
            names = ("score", "coverage_numbers", "coverage_sound", "rejected", "steps_per_s")
            note_metrics(metrics, self.steps, names)

        evaluator = HeldOutEvaluator.from_voices(held_out_voices)
        trained = train(examples, self.output, config, GanSize(), evaluator, progress=report_metrics)
        card = {
            "command": "ddx7 train gan",
            "voices": len(training_voices),
            "categories": list(CATEGORIES),
            **trained.metrics,
        }
        path = self.output / "gan.safetensors"
        prior = ConditionPrior.from_conditions(examples.conditions)
        save_weights(path, trained.generator, trained.critic, GanSize(), prior, card)
        return path


def _check_enough(vced: "np.ndarray") -> None:
    if len(vced) < _MIN_VOICES:
        raise Ddx7Error(f"found {len(vced)} different voices to learn from, wanted {_MIN_VOICES} or more")


def _split(vced: "np.ndarray", held_out_share: float, seed: int) -> "tuple[np.ndarray, np.ndarray]":
    """Training voices and held-out voices."""
    from ddx7.library.clusters import split_by_cluster

    _check_enough(vced)
    training_voices, held_out_voices = split_by_cluster(vced, held_out_share, seed)
    note(
        f"{len(training_voices):,} training voices and {len(held_out_voices):,} held-out voices, "
        "near-duplicates on one side"
    )
    return training_voices, held_out_voices


def note_metrics(metrics: dict[str, float], steps: int, names: tuple[str, ...]) -> None:
    """Print the metrics of an evaluation."""
    values = ", ".join(f"{_METRIC_WORDS.get(name, name)} {metrics[name]:.2f}" for name in names)
    note(f"step {metrics['step']:,.0f} of {steps:,}: {values}")


_METRIC_WORDS = {"held_out": "held-out loss", "steps_per_s": "steps per second"}
"""What a person reads for the names of metrics that files keep."""
