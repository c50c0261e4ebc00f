"""Make the recordings of `benchmarks/targets`: 60 notes of free samples, a test set for `benchmarks/match.py`.

    apt install fluidsynth fluid-soundfont-gm sonic-pi-samples
    python benchmarks/make_targets.py

48 notes come from Fluid (R3) GM by Frank Wen (MIT): as many programs, drawn by a seed from the 112 with a pitch, less
those that served development; note, velocity and gate are drawn, too. 12 come from the samples of Sonic Pi (CC0): every
name with a pitch that served no development, in the order of a seed. Nobody listened before the draw, and nothing is
tuned on these recordings: they are measured for the table alone. `targets/index.csv` holds their sources and SHA-256.
"""

import argparse
import csv
import hashlib
import io
import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile

from ddx7.audio import read_audio, resample

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SONIC_PI = Path("/usr/share/sonic-pi/samples")
OUTPUT = Path(__file__).parent / "targets"
SAMPLE_RATE = 44_100
SEED = 2026
N_PROGRAMS, N_SAMPLES = 48, 12
N_PITCHED = 112
"""General MIDI programs before the percussive ones and the sound effects."""
USED_PROGRAMS = {7, 8, 10, 11, 35, 46, 56, 108}
"""Programs, counted from 0, of development sounds and of the demo."""
PITCHED_SAMPLES = (
    "ambi_drone ambi_glass_hum ambi_lunar_land ambi_piano ambi_soft_buzz bass_dnb_f bass_drop_c bass_hit_c "
    "bass_thick_c bass_voxy_c bass_voxy_hit_c bass_woodsy_c drum_cowbell elec_beep elec_blip elec_blip2 elec_bong "
    "elec_ping elec_plip elec_pop elec_triangle elec_twang elec_wood glitch_bass_g guit_harmonics perc_bell2 "
    "perc_till tabla_na_o tabla_tun1"
).split()
RANGES = {
    **dict.fromkeys(range(N_PITCHED), (48, 84)),
    **dict.fromkeys([9, 12, 13, 14], (60, 90)),  # glockenspiel, marimba, xylophone, tubular bells
    **dict.fromkeys(range(32, 40), (28, 55)),  # basses
    **dict.fromkeys([42, 43, 47, 57, 58, 67, 70], (36, 60)),  # low strings, timpani, low brass and reeds
    **dict.fromkeys([72, 73, 78], (67, 96)),  # piccolo, flute, whistle
}
"""Lowest and highest MIDI note of each program."""
VELOCITIES, GATES_S = (50, 80, 100, 120), (0.3, 0.8, 1.2)
LONGEST_S, FADE_S, PEAK = 2.0, 0.02, 0.7
AUDIBLE = 1e-3


def play(program: int, note: int, velocity: int, gate_s: float) -> np.ndarray:
    """A note of the sound font as mono sound [time], without reverb and chorus."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    track.append(mido.Message("program_change", program=program))
    track.append(mido.Message("note_on", note=note, velocity=velocity, time=100))
    track.append(mido.Message("note_off", note=note, time=round(1000 * gate_s)))
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "note.mid"), Path(folder, "note.wav")
        mido.MidiFile(type=0, ticks_per_beat=1000, tracks=[track]).save(midi)
        dry = ["-o", "synth.reverb.active=0", "-o", "synth.chorus.active=0"]
        form = ["-r", str(SAMPLE_RATE), "-O", "float", "-T", "wav", "-F", str(wav)]
        subprocess.run(
            ["fluidsynth", "-qni", *dry, *form, str(SOUND_FONT), str(midi)], check=True, stdout=subprocess.DEVNULL
        )
        return soundfile.read(wav, dtype="float64", always_2d=True)[0].mean(axis=1)


def cut(samples: np.ndarray) -> np.ndarray:
    """The audible part, of at most `LONGEST_S`, faded out, at `PEAK`."""
    samples = samples / np.abs(samples).max()
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    first = max(audible[0] - round(0.02 * SAMPLE_RATE), 0)
    samples = samples[first : min(audible[-1] + 1, first + round(LONGEST_S * SAMPLE_RATE))].copy()
    fade = round(FADE_S * SAMPLE_RATE)
    samples[-fade:] *= np.linspace(1, 0, fade)
    return PEAK * samples


def sound_font_notes(rng: np.random.Generator) -> list[tuple[dict[str, object], np.ndarray]]:
    """Rows of the index and sounds."""
    programs = rng.permutation([k for k in range(N_PITCHED) if k not in USED_PROGRAMS])[:N_PROGRAMS]
    found = []
    for program in sorted(map(int, programs)):
        low, high = RANGES[program]
        note, velocity, gate_s = int(rng.integers(low, high + 1)), int(rng.choice(VELOCITIES)), rng.choice(GATES_S)
        source = f"FluidR3_GM.sf2, program {program}, note {note}, velocity {velocity}, gate {gate_s:g} s"
        row = {"file": f"fluid_{program:03}_{note}.flac", "note": note, "source": source, "licence": "MIT"}
        found.append((row, play(program, note, velocity, float(gate_s))))
    return found


def samples(rng: np.random.Generator) -> list[tuple[dict[str, object], np.ndarray]]:
    """Rows of the index and sounds."""
    found = []
    for name in sorted(rng.permutation(PITCHED_SAMPLES)[:N_SAMPLES]):
        recording = read_audio(SONIC_PI / f"{name}.flac")
        row = {"file": f"sonicpi_{name}.flac", "note": "", "source": f"sonic-pi-samples, {name}", "licence": "CC0-1.0"}
        found.append((row, resample(recording.samples, recording.sample_rate, SAMPLE_RATE)))
    return found


def main() -> None:
    """Write the recordings and their index."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=OUTPUT)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    rows = []
    for row, sound in [*sound_font_notes(rng), *samples(rng)]:
        buffer = io.BytesIO()
        soundfile.write(buffer, cut(sound), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        (out / str(row["file"])).write_bytes(buffer.getvalue())
        rows.append(row | {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest()})
    with (out / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
