"""How closely the engine follows Dexed's "Modern" engine: waveforms, and levels, pitches and LFO block by block.

    python benchmarks/golden.py --shared ../shared --json golden.json

Prints one table in Markdown. A golden folder holds voices, jobs (note, velocity, gate, length), msfa's audio of them
and the traces of its control signals; `tests/engine/golden/README.md` describes the form.
"""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import soundfile

from ddx7.engine import VOICE_AXES, ControllerInput, Controls, Patch, Plan, controls, plan, play
from ddx7.engine.tables import BLOCK, ONE

SETS = ("isolates", "random", "corpus_voices")
AUDIO_SCALE = 2.0
"""The files hold half the render."""
LEAST_PEAK = 1e-4
"""Below this the files' 24 bits are the limit, not the engine."""
CHAOTIC_FEEDBACK = 6
"""Lowest chaotic feedback of a loud operator: the last bit of a sine decides the waveform within a few milliseconds."""
PARTED_DB = -35.0
"""Waveforms with a larger error have diverged; the table compares their spectra instead."""

# Golden traces: one row for each block; operators run from OP6 down to OP1.
_LEVEL, _INCREMENT, _LFO, _FADE, _PITCH = slice(0, 6), slice(6, 12), 12, 13, 14
_TRACE_BATCH = 32


@dataclass(frozen=True)
class Job:
    """One row of `jobs.csv`."""

    index: int
    name: str
    note: int
    velocity: int
    gate_samples: int
    total_samples: int
    sample_rate: int
    peak: float
    feedback: int
    algorithm: int


@dataclass(frozen=True)
class AudioResult:
    """Differences of one render from the reference.

    Attributes:
      name: of the job.
      feedback: 0-7.
      error_db: energy of the difference over energy of the reference.
      spectral_db: mean absolute difference of third-octave levels over the note; see `spectral_difference`.
    """

    name: str
    feedback: int
    error_db: float
    spectral_db: float


@dataclass(frozen=True)
class TraceResult:
    """Largest differences of one job's control signals over all blocks.

    Attributes:
      name: of the job.
      level_octaves: of operator levels after amplitude modulation.
      increment_units: of phase increments in 2^-24 cycle a sample, around the circle.
      lfo: of the LFO, 0 to 1.
      fade: of its fade-in, 0 to 1.
      pitch_octaves: of the pitch envelope.
    """

    name: str
    level_octaves: float
    increment_units: int
    lfo: float
    fade: float
    pitch_octaves: float


def read_jobs(folder: Path) -> tuple[list[Job], np.ndarray]:
    """Jobs of a golden folder and their voices, uint8 [job, 155]."""
    with (folder / "jobs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    types = Job.__annotations__
    jobs = [Job(**{name: types[name](value) for name, value in row.items()}) for row in rows]
    return jobs, np.load(folder / "voices_vced.npy")[[job.index for job in jobs]]


def reference(folder: Path, job: Job) -> np.ndarray:
    """Audio of a job by msfa, at the engine's scale; float64 [sample]."""
    audio, _ = soundfile.read(folder / "audio" / f"{job.index:04d}.flac")
    return AUDIO_SCALE * audio[: job.total_samples]


def planned(jobs: Sequence[Job], vced: np.ndarray) -> Plan:
    """Plan jobs of one sample rate as a batch."""
    notes, velocities, gates = np.array([(j.note, j.velocity, j.gate_samples // BLOCK) for j in jobs], np.int32).T
    return plan(Patch.from_vced(vced), notes, velocities, gates, jobs[0].sample_rate)


def measure_audio(folder: Path) -> list[AudioResult]:
    """Render all audible jobs of a folder and compare them with the reference."""
    jobs, vced = read_jobs(folder)
    audible = np.array([job.peak >= LEAST_PEAK for job in jobs])
    jobs, vced = [job for job, keep in zip(jobs, audible, strict=True) if keep], vced[audible]
    results = []
    for rate, some, voices in _by_rate(jobs, vced):
        lengths = np.array([job.total_samples for job in some])
        audio = play(planned(some, voices), lengths)
        for job, row in zip(some, audio, strict=True):
            target = reference(folder, job)
            estimate = row[: len(target)].astype(np.float64)
            error = 10 * np.log10(np.sum((estimate - target) ** 2) / np.sum(target**2) + 1e-30)
            results.append(AudioResult(job.name, job.feedback, error, spectral_difference(estimate, target, rate)))
    return results


def spectral_difference(estimate: np.ndarray, target: np.ndarray, sample_rate: int) -> float:
    """Mean absolute difference in dB of two sounds' levels in third octaves, each averaged over the whole sound.

    Two runs of one chaotic oscillator share their statistics and nothing else, so levels are averaged over time; bands
    more than 60 dB below the strongest are left out.
    """
    edges = 25 * 2 ** (np.arange(0, 3 * np.log2(sample_rate / 2 / 25)) / 3)
    bands = np.digitize(np.fft.rfftfreq(len(target), 1 / sample_rate), edges)
    power = np.stack([np.bincount(bands, np.abs(np.fft.rfft(x)) ** 2, len(edges) + 1) for x in (estimate, target)])
    loud = power[1] > 1e-6 * power[1].max()
    return float(np.mean(np.abs(10 * np.log10((power[0, loud] + 1e-30) / power[1, loud]))))


def measure_traces(folder: Path) -> list[TraceResult]:
    """Compare the control signals of all jobs of a folder, block by block."""
    jobs, vced = read_jobs(folder)
    traces = np.load(folder / "traces.npz")
    n_blocks = max(job.total_samples for job in jobs) // BLOCK
    results = []
    for _, some, voices in _by_rate(jobs, vced):
        for start in range(0, len(some), _TRACE_BATCH):
            # Full batches of equal length: one compilation serves them all.
            rows = np.minimum(np.arange(start, start + _TRACE_BATCH), len(some) - 1)
            signals = _signals(planned([some[r] for r in rows], voices[rows]), n_blocks)
            signals = jax.tree.map(np.asarray, signals)
            for k, job in enumerate(some[start : start + _TRACE_BATCH]):
                estimate = jax.tree.map(lambda x, k=k: x[k], signals)
                results.append(_compare(job.name, estimate, traces[f"{job.index:04d}"].astype(np.float64)))
    return results


@partial(jax.jit, static_argnames="n_blocks")
def _signals(plans: Plan, n_blocks: int) -> Controls:
    blocks = jnp.arange(n_blocks)
    return jax.vmap(lambda one: controls(one, blocks, ControllerInput()), in_axes=(VOICE_AXES,))(plans)


def _compare(name: str, estimate: Controls, target: np.ndarray) -> TraceResult:
    n = len(target)
    level = estimate.octaves[::-1, :n].T + 14
    units = (estimate.increment[::-1, :n].T >> 8).astype(np.int64) - np.round(target[:, _INCREMENT] * ONE).astype(
        np.int64
    )
    around = (units + ONE // 2) % ONE - ONE // 2
    return TraceResult(
        name,
        float(np.abs(level - target[:, _LEVEL]).max()),
        int(np.abs(around).max()),
        float(np.abs(estimate.lfo.wave[:n] / ONE - target[:, _LFO]).max()),
        float(np.abs(estimate.lfo.fade[:n] / ONE - target[:, _FADE]).max()),
        float(np.abs(estimate.pitch_envelope[:n] - target[:, _PITCH]).max()),
    )


def _by_rate(jobs: Sequence[Job], vced: np.ndarray) -> Iterator[tuple[int, list[Job], np.ndarray]]:
    """Jobs of each sample rate, in order of length."""
    order = sorted(range(len(jobs)), key=lambda k: (jobs[k].sample_rate, jobs[k].total_samples))
    for rate, group in groupby(order, key=lambda k: jobs[k].sample_rate):
        rows = list(group)
        yield rate, [jobs[r] for r in rows], vced[rows]


@dataclass(frozen=True)
class Summary:
    """One row of the table; errors in dB, `chaotic_spectral_db` over the jobs whose waveforms diverge."""

    name: str
    jobs: int
    median_db: float
    p90_db: float
    worst_db: float
    worst: str
    parted: int
    chaotic_spectral_db: float


def summarise(name: str, results: Sequence[AudioResult]) -> Summary:
    """Figures of one set. `worst_db` is over feedback up to 5."""
    errors = np.array([r.error_db for r in results])
    steady = max((r for r in results if r.feedback < CHAOTIC_FEEDBACK), key=lambda r: r.error_db)
    parted = [r for r in results if r.feedback >= CHAOTIC_FEEDBACK and r.error_db > PARTED_DB]
    spectral = float(np.mean([r.spectral_db for r in parted])) if parted else 0.0
    median, p90 = (float(q) for q in np.percentile(errors, [50, 90]))
    return Summary(name, len(results), median, p90, steady.error_db, steady.name, len(parted), spectral)


def markdown(summaries: Sequence[Summary], traces: dict[str, list[TraceResult]]) -> str:
    """The tables in Markdown."""
    lines = [
        "| set | jobs | median | 90th percentile | feedback <= 5, worst | feedback 6-7, parted: spectra differ by |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s.name} | {s.jobs} | {s.median_db:.1f} dB | {s.p90_db:.1f} dB | {s.worst_db:.1f} dB ({s.worst}) | "
        + (f"{s.chaotic_spectral_db:.2f} dB ({s.parted} jobs) |" if s.parted else "none part |")
        for s in summaries
    ]
    lines += ["", "| largest difference of | level | phase increment | LFO | LFO fade | pitch envelope |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, results in traces.items():
        w = {key: max(getattr(r, key) for r in results) for key in TraceResult.__annotations__ if key != "name"}
        lines.append(
            f"| {name} | {w['level_octaves']:.1e} octave | {w['increment_units']} x 2^-24 cycle | {w['lfo']:.1e} | "
            f"{w['fade']:.1e} | {w['pitch_octaves']:.1e} octave |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure all sets, print the tables, write every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds golden/")
    parser.add_argument("--json", type=Path, help="write every job's figures here")
    args = parser.parse_args()
    audio = {name: measure_audio(args.shared / "golden" / name) for name in SETS}
    traces = {name: measure_traces(args.shared / "golden" / name) for name in SETS}
    summaries = [summarise(name, results) for name, results in audio.items()]
    print(markdown(summaries, traces))
    if args.json:
        figures = {
            "summary": [asdict(s) for s in summaries],
            "audio": {name: [asdict(r) for r in results] for name, results in audio.items()},
            "traces": {name: [asdict(r) for r in results] for name, results in traces.items()},
        }
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
