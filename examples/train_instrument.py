"""Train an instrument on a minute of sound, and play another melody with it.

The minute is a solo that the engine plays, so the script needs no recordings; `--recordings FOLDER` takes yours.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import ddx7
from ddx7 import resynthesis
from ddx7.audio import write_audio
from ddx7.cli.app import main as ddx7_command

RATE = 16_000


def write_solos(folder: Path, *, n_solos: int = 8, n_notes: int = 12, note_s: float = 0.6) -> Path:
    """Write solos of a bright voice: slurred scales with changing dynamics, a minute in all by default."""
    folder.mkdir(parents=True, exist_ok=True)
    modulator = ddx7.Operator(output_level=72, levels=(99, 80, 70, 0), rates=(80, 40, 30, 60), velocity_sensitivity=4)
    carrier = replace(modulator, output_level=99, velocity_sensitivity=2)
    voice = ddx7.Voice(algorithm=1, operators=(carrier, modulator) + (ddx7.Operator(),) * 4)
    rng = np.random.default_rng(0)
    for solo in range(n_solos):
        notes = 60 + np.cumsum(rng.integers(-3, 4, n_notes))
        velocities = rng.integers(50, 127, n_notes)
        sounds = ddx7.render(voice, notes, velocities, note_s, note_s + 0.05, RATE)
        write_audio(folder / f"solo_{solo}.wav", 2 * np.concatenate(list(sounds)), RATE)
    return folder


def main() -> None:
    """Write solos, train, and play."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--config", default="fm-tcn-shallow")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--run", type=Path, default=Path("run"))
    options = parser.parse_args()

    recordings = options.recordings or write_solos(options.run / "solos")
    arguments = [
        "--config",
        options.config,
        "--steps",
        str(options.steps),
        "--batch",
        str(options.batch),
        "--f0",
        "yin",
    ]
    if code := ddx7_command(["train", "resynth", str(recordings), "-o", str(options.run), *arguments]):
        raise SystemExit(code)

    instrument = resynthesis.load(options.run / f"{options.config}.safetensors")
    notes = np.repeat([60, 64, 67, 72], 125)  # half a second each, 250 frames a second
    f0_hz = 440.0 * 2 ** ((notes - 69) / 12)
    loudness_db = np.linspace(-40, -15, len(notes))
    audio = instrument(f0_hz, loudness_db)
    write_audio(options.run / "arpeggio.wav", audio / max(1.0, float(np.abs(audio).max())), RATE)
    print(options.run / "arpeggio.wav")


if __name__ == "__main__":
    main()
