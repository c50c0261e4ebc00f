"""``ddx7 train resynth``: train an instrument for ``ddx7 resynth``."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from ddx7.cli.interrupt import keeping
from ddx7.cli.terminal import UsageError, note, result
from ddx7.cli.train_voices import note_metrics

if TYPE_CHECKING:
    from ddx7.resynthesis import Instrument
    from ddx7.resynthesis.configs import ResynthesisConfig
    from ddx7.resynthesis.dataset import Segment
    from ddx7.resynthesis.recordings import RecordingSource

_STEPS_FILE = "steps.json"
_LEAST_STEPS = 250  # after which a start from other weights has a new sound
_SAVING_S = 5.0  # for the last evaluation and for writing
_MAX_REMARKS = 8  # on files, for each split


@dataclass(frozen=True)
class Resynth:
    """Learn an instrument from recordings of it alone, for `ddx7 resynth --model`.

    DATA is a sound file of some minutes of solo playing; or a folder of sound files; or URMP; or a folder with an
    index.csv (file, instrument, kind, split). RUN gets checkpoints, metrics as lines of JSON, and in the end
    NAME.safetensors with its card. The same command resumes a run that was stopped, and adds steps to a finished one.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Recordings."""
    output: Annotated[Path, arg(metavar="RUN", aliases=["-o"])]
    """The folder of the run."""
    instrument: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: all there is)")] = None
    """Which recordings of DATA to take; flute, violin and trumpet have operators of their own."""
    config: Annotated[str, arg(metavar="NAME")] = "fm-tcn"
    """Model and training: fm-tcn, ddx7-2, ddx7-2pi, ddx7-4pi, hpn and more (docs/resynthesis.md)."""
    steps: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 10,000; published: 120,000)")] = None
    """Number of steps; the learning rate falls to its end with the last one."""
    minutes: Annotated[float | None, arg(metavar="M", help_behavior_hint="(default: as long as the steps take)")] = None
    """Time for everything, instead of a number of steps; RUN/steps.json keeps the number that fits, for resuming."""
    start: Annotated[
        str | None, arg(name="from", metavar="NAME|FILE|none", help_behavior_hint="(default: flute for fm-tcn)")
    ] = None
    """Begin with the weights of an instrument: a name, a .safetensors file, or none; its model replaces --config's."""
    batch: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the configuration's)")] = None
    """Crops in a step."""
    f0: Annotated[str, arg(metavar="NAME")] = "pyin"
    """Pitch extractor: pyin or yin."""
    leak: bool = False
    """Split by four-second blocks as the published code does, so that recordings stand in both splits."""
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the configuration's)")] = None
    """Seed of everything random."""
    distributed: Annotated[str | None, arg(metavar="HOST:PORT", help_behavior_hint="(default: this machine)")] = None
    """Train with several processes: the address of process 0. Each takes its share of every batch; process 0 writes."""
    process: Annotated[int, arg(metavar="I")] = 0
    """Number of this process, from 0."""
    processes: Annotated[int, arg(metavar="N")] = 1
    """Number of processes."""

    def run(self) -> int:
        """Measure, train, write the weights, and return the exit code."""
        if path := self.learn():
            result([str(path), str(path.with_suffix(".json"))])
        return 0

    def learn(self) -> Path | None:
        """Measure, train and write the weights; their path, or None in a process that writes nothing."""
        began_s = time.monotonic()
        if self.minutes is not None and not self.minutes > 0:
            raise UsageError(f"--minutes: found {self.minutes:g}, wanted a time above 0")
        if self.minutes is not None and self.steps is not None:
            raise UsageError("--minutes: wanted no --steps beside it")
        for name in ("steps", "batch"):
            if (found := getattr(self, name)) is not None and found < 1:
                raise UsageError(f"--{name}: found {found}, wanted at least 1")
        writes = self._join()

        from ddx7.resynthesis import Instrument, save
        from ddx7.resynthesis.configs import BASE, get_config
        from ddx7.resynthesis.dataset import leaking_split
        from ddx7.resynthesis.recordings import find_recordings
        from ddx7.resynthesis.training import steps_in, train
        from ddx7.resynthesis.transfer import learned_range

        config = get_config(self.config, self.instrument or "any")
        start = self._start(config)
        model = config.model if start is None else start.model
        given = {"steps": self.steps, "batch": self.batch, "seed": self.seed}
        training = replace(config.training, **{k: v for k, v in given.items() if v is not None})
        sources = find_recordings(self.data, self.instrument, allow_leak=self.leak)
        segments, reports, gain = self._measure(sources, model.sample_rate)
        learn, held_out = segments["train"], segments["valid"]
        if self.leak:
            learn, held_out = leaking_split([*learn, *held_out], training.seed)

        if self.minutes is not None:
            left_s = 60 * self.minutes - (time.monotonic() - began_s)
            chosen = self._remembered_steps() or steps_in(left_s, model, training, learn)
            self._remember_steps(chosen)
            training = replace(training, steps=chosen)
            note(f"{chosen:,} {'step fits' if chosen == 1 else 'steps fit'} into {self.minutes:g} minutes")
            if chosen < _LEAST_STEPS:
                note(f"so few do not teach an instrument; give it time for {_LEAST_STEPS} steps at least")

        def time_is_up() -> bool:
            return self.minutes is not None and time.monotonic() - began_s > 60 * self.minutes - _SAVING_S

        def report_progress(metrics: dict[str, float]) -> None:
            note_metrics(metrics, training.steps, ("loss", "held_out", "steps_per_s"))

        try:
            with keeping("stopping after this step"):
                fitted = train(
                    model,
                    learn,
                    held_out,
                    self.output,
                    training,
                    data={
                        "instrument": self.instrument,
                        "extractor": self.f0,
                        **({} if start is None else {"start": start.card["sha256"]}),
                    },
                    progress=report_progress,
                    stop=time_is_up,
                    start=None if start is None else start.params,
                )
        except KeyboardInterrupt:
            note(f"stopped; the same command resumes the run in {self.output}")
            raise
        if not writes:
            return None
        name = self.instrument or self.config
        card = {
            "what": f"{name}, as ddx7 resynth plays it ({self.config})",
            "command": "ddx7 train resynth",
            "data": reports,
            "range": learned_range(learn, gain),
            **({} if start is None else {"start": self.start or BASE}),
            **fitted.best_metrics,
        }
        path = self.output / f"{name}.safetensors"
        save(path, Instrument(model, fitted.best_params, card))
        return path

    def _start(self, config: "ResynthesisConfig") -> "Instrument | None":
        """The instrument to begin with; by default the base if it is of the configuration's model, else none."""
        from ddx7.resynthesis import load
        from ddx7.resynthesis.configs import BASE

        if self.start is not None:
            return None if self.start == "none" else load(self.start)
        base = load(BASE)
        return base if base.model == config.model else None

    def _join(self) -> bool:
        """Connect to the other processes; whether this one writes."""
        if self.distributed is None:
            if self.process or self.processes != 1:
                raise UsageError("--process and --processes: wanted --distributed HOST:PORT with them")
            return True
        if self.processes < 2 or not 0 <= self.process < self.processes:
            found = f"process {self.process} of {self.processes}"
            raise UsageError(f"--distributed: found {found}, wanted --processes 2 or more, and --process below that")
        host, colon, port = self.distributed.rpartition(":")
        if not (host and colon and port.isdigit()):
            raise UsageError(f"--distributed: found {self.distributed!r}, wanted HOST:PORT of process 0")

        import jax

        jax.distributed.initialize(self.distributed, self.processes, self.process)
        return self.process == 0

    def _measure(
        self, sources: "list[RecordingSource]", sample_rate: int
    ) -> "tuple[dict[str, list[Segment]], list[str], float]":
        """Segments by split, a report on each split, and the gain of the corpus."""
        from ddx7.resynthesis.dataset import load_segments
        from ddx7.resynthesis.recordings import MAX_PART_S, SPLITS

        if len({(source.path, source.split) for source in sources}) < len(sources):
            note(f"long recordings are cut into parts of at most {MAX_PART_S:.0f} s")
        segments, reports, gain = {}, [], None
        for split in SPLITS:

            def report_progress(done: int, of: int, split: str = split) -> None:
                if done % 25 == 0 or done == of:
                    note(f"{split}: measured {done} of {of} recordings")

            segments[split], report = load_segments(
                sources, split, sample_rate=sample_rate, extractor=self.f0, gain=gain, progress=report_progress
            )
            gain = report.gain
            note(str(report))
            for remark in (*report.unread[:_MAX_REMARKS], *report.remarks[:_MAX_REMARKS]):
                note(remark)
            reports.append(str(report))
        return segments, reports, gain or 1.0

    def _remembered_steps(self) -> int | None:
        """The number of steps that an earlier start of this run chose."""
        try:
            return int(json.loads((self.output / _STEPS_FILE).read_text())["steps"])
        except (OSError, ValueError, KeyError):
            return None

    def _remember_steps(self, steps: int) -> None:
        from ddx7.files import atomic_write

        content = json.dumps({"steps": steps, "minutes": self.minutes})
        atomic_write(self.output / _STEPS_FILE, content.encode(), force=True)
