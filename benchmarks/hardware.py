"""How closely `profile="hardware"` follows a model of the DX7: levels, pitches and sound, group by group.

    python benchmarks/hardware.py --shared ../shared --json hardware.json

Prints two tables in Markdown. The reference is the output of the firmware v1.8 for 193 voices on VDX7's models of the
sound chips. The model guesses where no measurement exists. `MODEL` is our profile with its guesses in place of ours, so
the remaining differences are the chips' own steps. The second table gives the differences with those steps, too; the
reference has no converter and no filter. `docs/hardware.md` explains each group that disagrees.
"""

import argparse
import csv
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import soundfile
from scipy.signal import fftconvolve

from ddx7.audio import log_mel_distance
from ddx7.engine import (
    DEXED,
    HARDWARE,
    VOICE_AXES,
    ControllerInput,
    Patch,
    Plan,
    Profile,
    controls,
    hardware,
    plan,
    play,
)
from ddx7.engine.chip import Chip
from ddx7.engine.tables import BLOCK, DB_PER_OCTAVE

SAMPLE_RATE = round(hardware.SAMPLE_HZ)
N_ROWS = 1150
LATEST_ROWS = 6  # MIDI takes 1.5 to 3 ms
LEVEL_ROWS, PITCH_ROWS = (
    2,
    5,
)  # tolerance in time, rows either way: one tick of what moves levels, and of what moves pitches
LATEST_SAMPLES = 400
QUIET_DB = -72.0  # below full level: the chip's twelve bits
DB, CENTS = DB_PER_OCTAVE, 1200

MODEL = replace(
    HARDWARE,
    name="hardware, with the model's guesses",
    attack_ceiling=18,
    levels=HARDWARE.levels._replace(rate_scaling=hardware.manual_rate_scaling()),
    frequencies=HARDWARE.frequencies._replace(
        detune=np.broadcast_to(hardware.CONSTANT_DETUNE, HARDWARE.frequencies.detune.shape)
    ),
    feedback=2 * HARDWARE.feedback,
)

MODEL_STEPS = replace(
    MODEL,
    name="hardware, with the model's guesses and steps",
    chip=Chip(hardware.log_sine(), hardware.exponential(), np.full(3, np.iinfo(np.int32).max, np.int32)),
)

GROUPS = {
    "algorithms": "alg",
    "feedback 0-5": "fb[0-5]|fbmod[35]",
    "feedback 6-7": "fb[67]|fbmod7",
    "envelopes": "eg",
    "output level": "ol",
    "rate scaling": "rs",
    "level scaling": "kls",
    "velocity": "kvs",
    "ratios": "coarse|fine",
    "fixed frequency": "fix",
    "detune": "det",
    "LFO, synced": "lfo[0-4]s(35|70|99)|lfospd",
    "LFO, free": "lfo[0-4]s50",
    "sample and hold": "lfo5s(35|70|99)",
    "LFO delay": "lfodly",
    "pitch envelope": "peg",
    "transpose, notes": "trn|note|sr",
}
"""Names of the groups and of the voices in them."""


@dataclass(frozen=True)
class Job:
    """One row of `jobs.csv`, with the voice."""

    index: int
    name: str
    note: int
    velocity: int
    vced: np.ndarray


@dataclass(frozen=True)
class TraceResult:
    """Largest differences of one job's control signals over all operators and rows, beyond the tolerance in time.

    Attributes:
      name: of the job.
      level_db: of operator levels, amplitude modulation included.
      pitch_cents: of operator pitches.
      level_p95_db: 95th percentile of the differences.
      pitch_p95_cents: likewise.
    """

    name: str
    level_db: float
    pitch_cents: float
    level_p95_db: float
    pitch_p95_cents: float


@dataclass(frozen=True)
class AudioResult:
    """One job's sound beside the reference after alignment.

    Attributes:
      name: of the job.
      distance_db: log-mel distance.
      loudness_db: difference of their RMS.
    """

    name: str
    distance_db: float
    loudness_db: float


def read_jobs(folder: Path) -> list[Job]:
    """Jobs of a golden folder."""
    vced = np.load(folder / "voices_vced.npy")
    with (folder / "jobs.csv").open(newline="") as file:
        rows = [(int(r["index"]), r["name"], int(r["note"]), int(r["velocity"])) for r in csv.DictReader(file)]
    return [Job(index, name, note, velocity, vced[index]) for index, name, note, velocity in rows]


def measure_traces(folder: Path, jobs: Sequence[Job], profile: Profile) -> list[TraceResult]:
    """Compare levels and pitches with the reference's, job by job."""
    stored = np.load(folder / "traces.npz")
    traces = [stored[f"{job.index:04d}"].astype(np.float64) for job in jobs]
    octaves, log_hz = _aligned(jobs, traces, profile)
    results = []
    for k, job in enumerate(jobs):
        differences = _compare_signals(octaves[k], log_hz[k], traces[k], job)
        worst, p95 = ([float(f(x)) for x in differences] for f in (np.max, lambda x: np.percentile(x, 95)))
        results.append(TraceResult(job.name, *worst, *p95))
    return results


def measure_audio(folder: Path, jobs: Sequence[Job], profile: Profile) -> list[AudioResult]:
    """Render jobs and compare them with the reference."""
    audio = play(_plan(jobs, profile), N_ROWS * BLOCK)
    results = []
    for estimate, job in zip(audio, jobs, strict=True):
        target, _ = soundfile.read(folder / "audio" / f"{job.index:04d}.flac")
        results.append(AudioResult(job.name, *_compare_audio(estimate, target)))
    return results


def _plan(jobs: Sequence[Job], profile: Profile) -> Plan:
    patch = Patch.from_vced(np.stack([job.vced for job in jobs]))
    notes, velocities = np.array([(job.note, job.velocity) for job in jobs], np.int32).T
    return plan(patch, notes, velocities, np.full(len(jobs), SAMPLE_RATE // BLOCK), SAMPLE_RATE, profile=profile)


def _signals(planned: Plan, age: int = 0, roll: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log gains before carrier compensation and log frequencies in Hz, [job, operator, row].

    Args:
      planned: jobs.
      age: blocks for which an LFO that is not synced had run.
      roll: how often sample and hold had sampled.
    """
    tables = planned.tables
    lfo = tables.lfo._replace(hold=np.roll(tables.lfo.hold, -roll))
    octaves, increment = map(np.asarray, _read(planned._replace(tables=tables._replace(lfo=lfo)), np.int32(age)))
    loss = tables.carrier_loss[np.asarray(planned.patch.algorithm) - 1]
    hz = np.maximum(increment, 1) / 2.0**32 * SAMPLE_RATE
    return octaves + loss[..., None] - hardware.FULL_GAIN_OCTAVES, np.log2(hz)


@jax.jit
def _read(planned: Plan, age: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(voice: Plan) -> tuple[jax.Array, jax.Array]:
        found = controls(voice, jnp.arange(N_ROWS), ControllerInput(lfo_age=age))
        return found.octaves, found.increment

    return jax.vmap(one, in_axes=(VOICE_AXES,))(planned)


def _aligned(jobs: Sequence[Job], traces: Sequence[np.ndarray], profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    """`_signals`, with the state of the reference's LFO at note-on found by trying."""
    octaves, log_hz = (x.copy() for x in _signals(_plan(jobs, profile)))
    waves, synced = (np.array([job.vced[k] for job in jobs]) for k in (142, 141))
    for some, tries in (
        (np.flatnonzero((waves != 5) & (synced == 0)), [(age, 0) for age in range(120)]),
        (np.flatnonzero((waves == 5) & (synced == 1)), [(0, roll) for roll in range(256)]),
    ):
        if not len(some):
            continue
        planned, least = _plan([jobs[k] for k in some], profile), np.full(len(some), np.inf)
        for age, roll in tries:
            found = _signals(planned, age, roll)
            for row, k in enumerate(some):
                error = sum(x.mean() for x in _compare_signals(found[0][row], found[1][row], traces[k], jobs[k]))
                if error < least[row]:
                    least[row], octaves[k], log_hz[k] = error, found[0][row], found[1][row]
    return octaves, log_hz


def _compare_signals(octaves: np.ndarray, log_hz: np.ndarray, trace: np.ndarray, job: Job) -> tuple[np.ndarray, ...]:
    """Differences of levels in dB and of pitches in cents, [operator, row]."""
    levels = (np.maximum(x, QUIET_DB) for x in (octaves * DB, _levels_db(trace, job)))
    return _differences(*levels, LEVEL_ROWS), _differences(log_hz * CENTS, _log_hz(trace) * CENTS, PITCH_ROWS)


def _levels_db(trace: np.ndarray, job: Job) -> np.ndarray:
    """Operator levels below the chip's loudest, [operator, row]."""
    shift = Patch.from_vced(job.vced).amp_mod_sensitivity
    modulation = np.where(shift > 0, 1 << shift, 0)[:, None] * trace[:, 13]
    return -np.minimum(trace[:, 5::-1].T + modulation, 4095) / 256 * DB


def _log_hz(trace: np.ndarray) -> np.ndarray:
    octave, place = np.divmod(trace[:, 11:5:-1].T.astype(int), 1024)
    mantissa = hardware.frequency_mantissa()[np.minimum(octave, hardware.COARSE_OCTAVES), place]
    return octave + np.log2(mantissa * hardware.FREQUENCY_UNIT_HZ)


def _differences(estimate: np.ndarray, target: np.ndarray, tolerance: int) -> np.ndarray:
    """Distance of each target value from the range of the estimates about its time, [operator, row].

    Note-on and note-off reach the reference some rows late, independently of each other.
    """
    gate = SAMPLE_RATE // BLOCK
    parts = []
    for first, last in ((0, gate), (gate, N_ROWS)):
        n = last - first - LATEST_ROWS - 2 * tolerance
        tries = []
        for late in range(LATEST_ROWS + 1):
            shifted = target[:, first + tolerance + late :][:, :n]
            near = np.stack([estimate[:, first + k :][:, :n] for k in range(2 * tolerance + 1)])
            tries.append(np.maximum(0, np.maximum(shifted - near.max(0), near.min(0) - shifted)))
        parts.append(min(tries, key=lambda x: x.mean()))
    return np.concatenate(parts, axis=1)


def _compare_audio(estimate: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Log-mel distance and difference in level of two sounds, the reference later by up to `LATEST_SAMPLES`."""
    if not target.any():
        return 0.0, 0.0
    late = int(np.argmax(fftconvolve(target, estimate[::-1])[len(estimate) - 1 :][:LATEST_SAMPLES]))
    target = target[late:]
    loudness = 10 * np.log10(np.mean(np.square(estimate[: len(target)])) / np.mean(np.square(target)))
    return log_mel_distance(target, estimate, SAMPLE_RATE), float(loudness)


def groups(jobs: Sequence[Job]) -> dict[str, list[int]]:
    """Positions of the jobs of each group."""
    return {g: [k for k, job in enumerate(jobs) if re.match(f"({p})", job.name)] for g, p in GROUPS.items()}


def markdown(jobs: Sequence[Job], traces: dict[str, list[TraceResult]], audio: dict[str, list[AudioResult]]) -> str:
    """The table of levels, pitches and sound in Markdown."""
    lines = [
        "| voices | | level, dB | same guesses | pitch, cents | same guesses | sound, dB | same guesses | Dexed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in groups(jobs).items():
        worst = [
            f"{max(getattr(traces[profile.name][k], field) for k in rows):.2f}"
            for field in ("level_db", "pitch_cents")
            for profile in (HARDWARE, MODEL)
        ]
        sound = [f"{np.median([audio[p.name][k].distance_db for k in rows]):.1f}" for p in (HARDWARE, MODEL, DEXED)]
        lines.append(f"| {name} | {len(rows)} | " + " | ".join(worst + sound) + " |")
    return "\n".join(lines)


def markdown_of_steps(jobs: Sequence[Job], audio: dict[str, list[AudioResult]]) -> str:
    """The table of distances with and without the chip's tables."""
    lines = ["| voices | | exact operators, dB | worst | the chip's, dB | worst |", "|---|---|---|---|---|---|"]
    for name, rows in groups(jobs).items():
        found = ([audio[p.name][k].distance_db for k in rows] for p in (MODEL, MODEL_STEPS))
        lines.append(
            f"| {name} | {len(rows)} | " + " | ".join(f"{np.median(x):.2f} | {max(x):.1f}" for x in found) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the tables, write every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds golden/")
    parser.add_argument("--json", type=Path, help="write every job's figures here")
    args = parser.parse_args()
    folder = args.shared / "golden" / "hardware_isolates"
    jobs = read_jobs(folder)
    traces = {profile.name: measure_traces(folder, jobs, profile) for profile in (HARDWARE, MODEL)}
    audio = {profile.name: measure_audio(folder, jobs, profile) for profile in (HARDWARE, MODEL, MODEL_STEPS, DEXED)}
    print(markdown(jobs, traces, audio), markdown_of_steps(jobs, audio), sep="\n\n")
    if args.json:
        figures = {
            kind: {name: [asdict(r) for r in results] for name, results in found.items()}
            for kind, found in (("traces", traces), ("audio", audio))
        }
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
