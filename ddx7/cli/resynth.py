"""``ddx7 resynth``: a recording, played by a learned instrument."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from ddx7.cli.naming import safe_name
from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.files import atomic_write, refuse_to_overwrite

if TYPE_CHECKING:
    from ddx7.resynthesis.instrument import Instrument, PlaybackControls
    from ddx7.resynthesis.transfer import Transfer

_LONGEST_S = 600.0


@dataclass(frozen=True)
class Command:
    """Play recordings with a learned instrument: their melody and dynamics, its sound, six DX7 operators.

    Writes NAME.wav, NAME.png (both spectrograms, and the operators' levels) and NAME.json into a folder. Models of a
    flute, a violin and a trumpet are in the package; `ddx7 train resynth` makes others. A solo melody works best.
    """

    recordings: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...", help_behavior_hint="")]
    """Recordings: WAV, FLAC, Ogg, MP3 or AIFF, up to ten minutes."""
    output: Annotated[Path, arg(metavar="FOLDER", aliases=["-o"])]
    """Where to write."""
    model: Annotated[str, arg(metavar="NAME|FILE")] = "violin"
    """The instrument: flute, violin, trumpet, or a .safetensors file of one's own."""
    transpose: Annotated[float, arg(metavar="SEMITONES")] = 0.0
    """How much higher to play."""
    mod_index: Annotated[float, arg(metavar="FACTOR")] = 1.0
    """Of all modulation indices: 0.5 is darker, 2 brighter."""
    attack: Annotated[float, arg(metavar="SECONDS")] = 0.0
    """Loudness rises by 60 dB in this time at the fastest."""
    level: Annotated[tuple[str, ...], arg(metavar="OP=DB")] = ()
    """Operators made louder or softer, as in 2=-6 5=+3."""
    ratio: Annotated[tuple[str, ...], arg(metavar="OP=RATIO")] = ()
    """Operators tuned otherwise, as in 2=3.5."""
    room: Annotated[float, arg(metavar="FACTOR")] = 1.0
    """How much of the room that the instrument learned: 0 is dry, 1 as in its recordings."""
    keep_level: bool = False
    """Do not move the recording's loudness into the range that the instrument knows."""
    f0: Annotated[str, arg(metavar="NAME")] = "pyin"
    """How pitch is followed: pyin, or yin, which is quicker and errs more often."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of noise."""
    json: bool = False
    """Print what was done as JSON."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Play, write, and return the exit code."""
        if not self.recordings:
            raise UsageError("found no recordings to play, wanted at least one")
        names = [safe_name(path.stem) for path in self.recordings]
        if len({name.lower() for name in names}) < len(names):
            raise UsageError("several recordings are called the same, wanted a name of its own for each")
        levels, ratios = _by_operator(self.level, "--level"), _by_operator(self.ratio, "--ratio")

        from ddx7.audio.files import read_audio
        from ddx7.resynthesis.instrument import PlaybackControls, load

        knobs = PlaybackControls(
            self.transpose,
            self.mod_index,
            tuple(levels.get(k, 0.0) for k in range(1, 7)),
            tuple(ratios.get(k) for k in range(1, 7)),
            self.room,
        )
        paths = [self.output / name for name in names]
        refuse_to_overwrite(
            [path.with_name(path.name + end) for path in paths for end in (".wav", ".png", ".json")], force=self.force
        )
        instrument = load(self.model)
        recordings = [read_audio(path, max_seconds=_LONGEST_S) for path in self.recordings]
        reports = []
        for recording, path in zip(recordings, paths, strict=True):
            reports.append(self._one(recording, path, instrument, knobs))
        if self.json:
            result_json({"resyntheses": reports})
        return 0

    def _one(self, recording: Any, path: Path, instrument: "Instrument", knobs: "PlaybackControls") -> dict[str, Any]:
        import json
        import time

        from ddx7 import __version__
        from ddx7.audio.files import peak_limit, resample, write_audio
        from ddx7.engine.tables import DB_PER_OCTAVE
        from ddx7.plot import figure_bytes, resynthesis_figure
        from ddx7.resynthesis.fm import FmSynth
        from ddx7.resynthesis.transfer import transfer

        begun = time.perf_counter()
        made: Transfer = transfer(
            recording,
            instrument,
            knobs,
            attack_s=self.attack,
            keep_level=self.keep_level,
            extractor=self.f0,
            seed=self.seed,
        )
        for line in made.notes:
            note(f"{path.name}: {line}")
        wav, png, info = (path.with_name(path.name + end) for end in (".wav", ".png", ".json"))
        write_audio(wav, peak_limit(made.audio), made.sample_rate, force=self.force)
        target = resample(recording.samples, recording.sample_rate, made.sample_rate)
        synth = instrument.model.synth
        fm = isinstance(synth, FmSynth)
        figure = resynthesis_figure(
            target,
            made.audio,
            made.sample_rate,
            f"{path.name}, played by {self.model}",
            operator_db=made.controls * DB_PER_OCTAVE if fm else None,
            carriers=[op for op, level in enumerate(synth.structure.carriers, start=1) if level] if fm else [],
        )
        atomic_write(png, figure_bytes(figure), force=self.force)
        report = {
            "recording": str(recording.path),
            "model": self.model,
            "files": [str(wav), str(png), str(info)],
            "seconds": round(recording.duration_s, 3),
            "took_s": round(time.perf_counter() - begun, 2),
            "transpose": knobs.transpose,
            "mod_index": knobs.mod_index,
            "attack_s": self.attack,
            "levels_db": list(knobs.levels_db),
            "ratios": list(knobs.ratios),
            "room": knobs.room,
            "seed": self.seed,
            "notes": list(made.notes),
            "version": __version__,
        }
        atomic_write(info, (json.dumps(report, indent=2) + "\n").encode(), force=self.force)
        if not self.json:
            result([str(wav), str(png), str(info)])
        return report


def _by_operator(words: tuple[str, ...], flag: str) -> dict[int, float]:
    """Numbers by operator.

    >>> _by_operator(("2=-6", "5=+3"), "--level")
    {2: -6.0, 5: 3.0}
    """
    found = {}
    for word in words:
        operator, equals, value = word.partition("=")
        try:
            number, amount = int(operator), float(value)
        except ValueError:
            number, amount = 0, 0.0
        if not equals or not 1 <= number <= 6 or abs(amount) > 1000:
            raise UsageError(f"{flag}: found {word!r}, wanted an operator and a number, as in 2=-6")
        found[number] = amount
    return found
