"""Pitch extractors of a resynthesis: labelled melodies, and tones over the whole range.

    python benchmarks/f0.py --shared ../shared

Of each note of 24 labelled phrases (`audio/*_phrase_scores.jsonl`, the first ten seconds) the frames between 30 and
80 % of its length count: unvoiced, an octave (or more) off, more than 50 cents off, and the median deviation of the
others. The tones are every third semitone from A0 to C8 with partials that fall by 3, 6 and 12 dB per octave; frames of
0.2 to 0.8 s count.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from ddx7.audio import read_audio
from ddx7.audio.f0 import EXTRACTORS, Extractor
from ddx7.audio.features import HOP
from ddx7.audio.live_features import FeatureStream
from ddx7.audio.pitch import midi_to_hz

RATE, LENGTH_S = 16_000, 10.0


def labelled(folder: Path, n: int) -> list[tuple[np.ndarray, list[list[float]]]]:
    """Sounds with their notes (onset, duration, MIDI note, ...)."""
    lines = [line for path in sorted(folder.glob("*_phrase_scores.jsonl")) for line in path.read_text().splitlines()]
    rows = [json.loads(line) for line in lines]
    np.random.default_rng(0).shuffle(rows)  # type: ignore[arg-type]
    return [
        (read_audio(folder / row["file"], sample_rate=RATE, stop_s=LENGTH_S).samples, row["notes"]) for row in rows[:n]
    ]


def on_melodies(extractor: Extractor, phrases: list[tuple[np.ndarray, list[list[float]]]]) -> str:
    """A row of the table."""
    cents, n_unvoiced, spent = [], 0, 0.0
    for sound, notes in phrases:
        start = time.process_time()
        at, f0_hz, _ = extractor(sound, RATE)
        spent += time.process_time() - start
        for onset, duration, note, *_ in notes:
            if onset + duration <= LENGTH_S:
                found = f0_hz[(at > onset + 0.3 * duration) & (at < onset + 0.8 * duration)]
                n_unvoiced += int(np.sum(found <= 0))
                cents.append(1200 * np.log2(found[found > 0] / midi_to_hz(note)))
    off = np.abs(np.concatenate(cents))
    n = len(off) + n_unvoiced
    octave = (off > 600) & (np.abs(off - 1200 * np.round(off / 1200)) < 100)
    shares = (100 * x / n for x in (n_unvoiced, octave.sum(), (off > 50).sum()))
    seconds = sum(len(sound) for sound, _ in phrases) / RATE
    parts = (f"{n:,}", *(f"{share:.2f} %" for share in shares), f"{np.median(off[off <= 50]):.1f}")
    return " | ".join((*parts, f"{seconds / spent:.0f}"))


def on_tones(extractor: Extractor) -> str:
    """A row of the table."""
    t = np.arange(RATE) / RATE
    worst, wrong, n = 0.0, 0, 0
    for f0_hz in midi_to_hz(np.arange(21, 109, 3)):
        partials = np.arange(1, max(int(0.45 * RATE / f0_hz), 1) + 1)[:40]
        for slope in (0.5, 1.0, 2.0):
            wave = (np.sin(2 * np.pi * f0_hz * t[:, None] * partials) / partials**slope).sum(axis=1)
            at, found, _ = extractor(0.2 * wave * np.exp(-t), RATE)
            found = found[(at > 0.2) & (at < 0.8)]
            off = np.abs(1200 * np.log2(np.maximum(found, 1e-9) / f0_hz))
            worst, wrong, n = max(worst, float(np.median(off))), wrong + int(np.sum(off > 50)), n + len(off)
    return f"{n:,} | {wrong:,} | {worst:.1f}"


def live(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The causal extractor of `InstrumentStream.play_audio`, 65 to 2,200 Hz; its windows' delay is not taken off."""
    found = FeatureStream(sample_rate).push(samples)
    times_s = (np.arange(len(found.f0_hz)) + 1) * HOP / sample_rate
    return times_s, found.f0_hz.astype(float), found.confidence.astype(float)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="folder with audio/")
    parser.add_argument("--phrases", type=int, default=24)
    arguments = parser.parse_args()
    phrases = labelled(arguments.shared / "audio", arguments.phrases)
    EXTRACTORS["live"] = live
    EXTRACTORS["pyin"](phrases[0][0][:RATE], RATE)  # compiles
    print("| melodies | frames | unvoiced | octave | > 50 cents | median cents | times real time |")
    print("|---|---|---|---|---|---|---|")
    for name in ("yin", "pyin"):
        print(f"| {name} | {on_melodies(EXTRACTORS[name], phrases)} |", flush=True)
    print("\n| tones A0 to C8 | frames | > 50 cents | worst median cents |\n|---|---|---|---|")
    for name in ("yin", "pyin"):
        print(f"| {name} | {on_tones(EXTRACTORS[name])} |", flush=True)


if __name__ == "__main__":
    main()
