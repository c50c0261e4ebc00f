"""``ddx7 train resynth``: an instrument of one's own, for ``ddx7 resynth``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, note, result
from ddx7.cli.train_voices import note_metrics


@dataclass(frozen=True)
class Resynth:
    """Learn an instrument from recordings of it alone, for `ddx7 resynth --model`.

    DATA is a folder of sound files, some minutes of solo playing or more; or URMP; or a folder with an index.csv (file,
    instrument, kind, split). RUN keeps checkpoints, metrics as lines of JSON, and in the end NAME.safetensors with its
    card. The same command goes on with a run that was stopped, and with more steps on one that was finished.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Recordings."""
    output: Annotated[Path, arg(metavar="RUN", aliases=["-o"])]
    """The folder of the run."""
    instrument: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: all there is)")] = None
    """Which recordings of DATA to take; flute, violin and trumpet have operators of their own."""
    config: Annotated[str, arg(metavar="NAME")] = "ours"
    """What to train: ours, ddx7-2, ddx7-2pi, ddx7-4pi, hpn and more (docs/resynthesis.md); -mel learns from mel bands,
    too, and -room adds a reverb."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 750; published: 120,000)")] = None
    """How long."""
    batch: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the configuration's)")] = None
    """Crops a step."""
    f0: Annotated[str, arg(metavar="NAME")] = "pyin"
    """How pitch is followed: pyin or yin."""
    leak: bool = False
    """Split by four-second blocks as the published code does, so that recordings are on both sides."""
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the configuration's)")] = None
    """Of everything random."""
    distributed: bool = False
    """This is one of several machines (`jax.distributed`); each has its share of every batch."""

    def run(self) -> int:
        """Measure, train, write the weights, and return the exit code."""
        for name in ("steps", "batch"):
            if (found := getattr(self, name)) is not None and found < 1:
                raise UsageError(f"--{name}: found {found}, wanted at least 1")
        if self.distributed:
            import jax

            jax.distributed.initialize()

        from ddx7.resynthesis.configs import config
        from ddx7.resynthesis.dataset import find_recordings, leaking_split, load_segments
        from ddx7.resynthesis.instrument import Instrument, save
        from ddx7.resynthesis.training import train
        from ddx7.resynthesis.transfer import learned_range

        chosen = config(self.config, self.instrument or "any")
        given = {"steps": self.steps, "batch": self.batch, "seed": self.seed}
        settings = replace(chosen.settings, **{k: v for k, v in given.items() if v is not None})
        sources = find_recordings(self.data, self.instrument)

        pieces, reports = {}, []
        for split in ("train", "valid"):

            def measured(done: int, of: int, split: str = split) -> None:
                if done % 25 == 0 or done == of:
                    note(f"{split}: measured {done} of {of} recordings")

            pieces[split], report = load_segments(
                sources,
                split,
                sample_rate=chosen.model.sample_rate,
                cache=self.output / "features",
                extractor=self.f0,
                progress=measured,
            )
            note(str(report))
            reports.append(str(report))
        learn, test = pieces["train"], pieces["valid"]
        if self.leak:
            learn, test = leaking_split([*learn, *test], settings.seed)

        def trained(metrics: dict[str, float]) -> None:
            note_metrics(metrics, settings.steps, ("loss", "held_out", "steps_per_s"))

        weights, metrics = train(chosen.model, learn, test, self.output, settings, progress=trained)
        name = self.instrument or self.config
        card = {
            "what": f"{name}, as ddx7 resynth plays it ({self.config})",
            "command": "ddx7 train resynth",
            "data": reports,
            "range": learned_range(learn),
            **metrics,
        }
        path = self.output / f"{name}.safetensors"
        save(path, Instrument(chosen.model, weights, card))
        result([str(path), str(path.with_suffix(".json"))])
        return 0
