"""Make the recording of ``ddx7 demo``: a short trumpet phrase, played by a sampled instrument.

    apt install fluidsynth fluid-soundfont-gm
    python benchmarks/make_demo_recording.py

The sound font is Fluid (R3) GM by Frank Wen, released under the MIT licence and sampled from real instruments.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import mido
import numpy as np
import soundfile

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
OUTPUT = Path(__file__).parents[1] / "ddx7/cli/demo/trumpet.flac"
SAMPLE_RATE = 44_100
TRUMPET = 56  # General MIDI programme, from 0
VELOCITY = 100
PHRASE = ((67, 0.25), (72, 0.25), (70, 1.2))  # MIDI note and gate in seconds
GAP_S = 0.45  # the release of one note ends well before the next
AUDIBLE = 1e-3  # of the peak; the file begins and ends at this level
MARGIN_S = 0.02
FADE_S = 0.01
PEAK = 0.7

TICKS_PER_BEAT, BEAT_US = 1000, 1_000_000  # a tick is a millisecond


def phrase() -> mido.MidiFile:
    """The notes as a MIDI file."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=BEAT_US)])
    track.append(mido.Message("program_change", program=TRUMPET))
    wait_s = 0.1
    for note, gate_s in PHRASE:
        track.append(mido.Message("note_on", note=note, velocity=VELOCITY, time=round(1000 * wait_s)))
        track.append(mido.Message("note_off", note=note, time=round(1000 * gate_s)))
        wait_s = GAP_S
    return mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])


def play(song: mido.MidiFile, sound_font: Path) -> np.ndarray:
    """The notes as mono sound [time], without reverb and chorus."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "phrase.mid"), Path(folder, "phrase.wav")
        song.save(midi)
        dry = ["-o", "synth.reverb.active=0", "-o", "synth.chorus.active=0"]
        form = ["-r", str(SAMPLE_RATE), "-O", "float", "-T", "wav", "-F", str(wav)]
        subprocess.run(["fluidsynth", "-ni", *dry, *form, str(sound_font), str(midi)], check=True)
        return soundfile.read(wav, dtype="float64", always_2d=True)[0].mean(axis=1)


def cut(samples: np.ndarray) -> np.ndarray:
    """Cut from just before the first audible sample to just after the last, fade out, and set the peak."""
    samples = samples / np.abs(samples).max()
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    margin = round(MARGIN_S * SAMPLE_RATE)
    samples = samples[max(0, audible[0] - margin) : audible[-1] + margin].copy()
    fade = round(FADE_S * SAMPLE_RATE)
    samples[-fade:] *= np.linspace(1, 0, fade)
    return PEAK * samples


def main() -> None:
    """Play, cut and write the phrase."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    sound = cut(play(phrase(), arguments.sound_font))
    soundfile.write(arguments.output, sound, SAMPLE_RATE, subtype="PCM_16")
    print(f"{arguments.output}: {len(sound) / SAMPLE_RATE:.2f} s, {arguments.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
