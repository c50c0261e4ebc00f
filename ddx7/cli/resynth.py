"""``ddx7 resynth``: play a recording with a learned instrument."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from ddx7.cli.batch import Batch, recordings_of
from ddx7.cli.naming import safe_name
from ddx7.cli.terminal import UsageError, counted, note, result, result_json
from ddx7.cli.working import working

if TYPE_CHECKING:
    from ddx7.audio import Recording
    from ddx7.resynthesis import Instrument, PlaybackControls

_MAX_S = 600.0


@dataclass(frozen=True)
class Command:
    """Play recordings or a MIDI file with a learned instrument: its sound, six DX7 operators.

    Writes NAME.wav (at the recording's sample rate; instruments make nothing above 8 kHz), NAME.png (both spectrograms,
    and the operators' levels) and NAME.json into a folder. Models of a cello, a clarinet, a flute, an oboe, a trumpet
    and a violin are in the package; `ddx7 train resynth` makes others. A solo melody works best. Pitch is followed from
    27 to 4,435 Hz; a tone outside is left silent and reported. Notes of `--midi` get attack, release, slurs and a
    vibrato that sets in late.
    """

    recordings: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...", help_behavior_hint="")] = ()
    """Recordings, or folders of them: WAV, FLAC, Ogg, MP3 or AIFF; of a long one the first ten minutes."""
    output: Annotated[Path, arg(metavar="FOLDER", aliases=["-o"])] = field(kw_only=True)
    """Where to write."""
    midi: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """A MIDI file to play instead of recordings; its controllers act as on a synthesizer."""
    channel: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: all but drums)")] = None
    """The channel of the MIDI file to play."""
    vibrato: Annotated[float, arg(metavar="CENTS")] = 15.0
    """Depth of the vibrato of long MIDI notes; the modulation wheel adds up to 60 cents."""
    release: Annotated[float, arg(metavar="SECONDS")] = 0.2
    """Time for a MIDI note to fall by 60 dB after its end."""
    model: Annotated[str, arg(metavar="NAME|FILE")] = "violin"
    """The instrument: cello, clarinet, flute, oboe, trumpet, violin, or your own .safetensors file."""
    transpose: Annotated[float, arg(metavar="SEMITONES")] = 0.0
    """Transposition upwards."""
    mod_index: Annotated[float, arg(metavar="FACTOR")] = 1.0
    """Factor of all modulation indices: 0.5 is darker, 2 brighter."""
    attack: Annotated[float, arg(metavar="SECONDS")] = 0.0
    """Shortest time for loudness to rise by 60 dB; MIDI notes without it take 0.06 s."""
    level: Annotated[tuple[str, ...], arg(metavar="OP=DB")] = ()
    """Operators to make louder or softer, as in 2=-6 5=+3."""
    ratio: Annotated[tuple[str, ...], arg(metavar="OP=RATIO")] = ()
    """Operators to play at another frequency ratio, as in 2=3.5."""
    reverb: Annotated[float, arg(metavar="LEVEL")] = 1.0
    """Wet level of the reverb that the instrument learned: 0 is dry, 1 as in its recordings."""
    keep_level: bool = False
    """Play from the recording's own loudness, without a shift into the range that the instrument learned."""
    f0: Annotated[str, arg(metavar="NAME")] = "pyin"
    """Pitch extractor: pyin, or yin, which is faster and errs more often."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of noise."""
    json: bool = False
    """Print the reports as JSON."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Play, write, and return the exit code."""
        if self.midi is not None and self.recordings:
            raise UsageError("--midi: found recordings beside it, wanted either")
        paths = recordings_of(self.recordings, "play") if self.midi is None else [self.midi]
        names = [safe_name(path.stem) for path in paths]
        levels, ratios = _by_operator(self.level, "--level"), _by_operator(self.ratio, "--ratio")

        from ddx7.files import check_folder, refuse_to_overwrite
        from ddx7.resynthesis import PlaybackControls, load
        from ddx7.resynthesis.folder import resynthesis_files

        playback = PlaybackControls(
            self.transpose,
            self.mod_index,
            tuple(levels.get(k, 0.0) for k in range(1, 7)),
            tuple(ratios.get(k) for k in range(1, 7)),
            self.reverb,
        )
        refuse_to_overwrite([path for name in names for path in resynthesis_files(self.output, name)], force=self.force)
        check_folder(self.output)
        instrument = load(self.model)
        if self.midi is not None:
            self._perform(self.midi, names[0], instrument, playback)
            return 0
        batch = Batch(len(paths))
        # All recordings are read before the first is played, so that what cannot be read is named at once.
        recordings = [batch.attempt(partial(read_beginning, path)) for path in paths]
        played = [
            batch.attempt(partial(self._resynthesise, recording, name, instrument, playback))
            for recording, name in zip(recordings, names, strict=True)
            if recording is not None
        ]
        if self.json:
            failures = {"failures": batch.failures} if batch.failures else {}
            result_json({"resyntheses": [report for report in played if report]} | failures)
        return 1 if batch.end() else 0

    def _perform(self, path: Path, name: str, instrument: "Instrument", playback: "PlaybackControls") -> None:
        import time

        from ddx7.engine.midi_file import read_midi
        from ddx7.resynthesis import perform
        from ddx7.resynthesis.folder import write_performance
        from ddx7.resynthesis.performance import style_of

        start = time.perf_counter()
        style = replace(style_of(instrument), release_s=self.release, vibrato_cents=self.vibrato)
        if self.attack:
            style = replace(style, attack_s=self.attack)
        performance = read_midi(path)
        with working(name, "resynth") as progress:
            progress(f"playing {counted(len(performance.notes), 'note')}")
            played = perform(performance, instrument, playback, style=style, channel=self.channel, seed=self.seed)
        for remark in (*performance.repairs, *played.remarks):
            note(f"{name}: {remark}")
        report = write_performance(
            played,
            instrument,
            self.output,
            name,
            midi=path,
            model=self.model,
            playback=playback,
            took_s=time.perf_counter() - start,
            force=self.force,
        )
        _note_limiting(name, report)
        if self.json:
            result_json({"resyntheses": [report]})
        else:
            result(report["files"])

    def _resynthesise(
        self, recording: "Recording", name: str, instrument: "Instrument", playback: "PlaybackControls"
    ) -> dict[str, Any]:
        import time

        from ddx7.resynthesis import transfer
        from ddx7.resynthesis.folder import write_resynthesis

        start = time.perf_counter()
        with working(name, "resynth") as progress:
            played = transfer(
                recording,
                instrument,
                playback,
                attack_s=self.attack,
                keep_level=self.keep_level,
                extractor=self.f0,
                seed=self.seed,
                progress=progress,
            )
        for remark in (*recording.remarks, *played.remarks):
            note(f"{name}: {remark}")
        report = write_resynthesis(
            played,
            recording,
            instrument,
            self.output,
            name,
            model=self.model,
            took_s=time.perf_counter() - start,
            force=self.force,
        )
        _note_limiting(name, report)
        if not self.json:
            result(report["files"])
        return report


def _note_limiting(name: str, report: dict[str, Any]) -> None:
    from ddx7.audio.limiter import limiter_remark

    if remark := limiter_remark(report["limited_db"]):
        note(f"{name}: {remark}")


def read_beginning(path: Path) -> "Recording":
    """A recording; of a long one the first ten minutes, with a note that says so."""
    from ddx7.audio.files import read_audio

    recording = read_audio(path, max_seconds=_MAX_S, stop_s=_MAX_S)
    report = recording.report
    if report and report.cut:
        announced = report.announced_samples
        lasts = f"lasts {announced / report.sample_rate:,.0f} s" if announced else "is longer"
        note(f"{path.name}: {lasts}, only the first {_MAX_S:.0f} s are used")
    return recording


def _by_operator(words: tuple[str, ...], flag: str) -> dict[int, float]:
    """Values by number of the operator.

    >>> _by_operator(("2=-6", "5=+3"), "--level")
    {2: -6.0, 5: 3.0}
    """
    values = {}
    for word in words:
        operator, equals, value = word.partition("=")
        try:
            number, amount = int(operator), float(value)
        except ValueError:
            number, amount = 0, 0.0
        if not equals or not 1 <= number <= 6 or abs(amount) > 1000:
            raise UsageError(f"{flag}: found {word!r}, wanted an operator and a number, as in 2=-6")
        values[number] = amount
    return values
