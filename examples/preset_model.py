"""Condition the preset model on a sound, sample voices, and keep the nearest.

The sound is a voice that the engine plays, or the first note of a recording (`--recording note.wav`).
"""

import argparse
from pathlib import Path

import numpy as np

import ddx7
from ddx7.audio import analyse_note, log_mel_distance, midi_to_hz, read_audio, resample
from ddx7.encoder import NoteInputs, load_default, log_frequency_spectrogram
from ddx7.encoder.spectrogram import RATE as MODEL_RATE

RATE = 44_100


def condition(audio: np.ndarray, note: int, gate_s: float) -> NoteInputs:
    """The model's input for one note: float32 [time] at 44.1 kHz, from its onset on."""
    sound = resample(audio, RATE, MODEL_RATE)[None]
    f0_hz = np.array([midi_to_hz(note)], np.float32)
    spectrogram = log_frequency_spectrogram(sound, f0_hz, np.array([gate_s], np.float32))
    return NoteInputs(np.asarray(spectrogram), np.array([[note, 100, gate_s]], np.float32))


def best_voices(
    audio: np.ndarray, note: int, gate_s: float, *, n_samples: int, seed: int = 0
) -> list[tuple[float, ddx7.Voice]]:
    """Sampled voices with their distances from the sound in dB, the nearest first."""
    vced = load_default().sample(condition(audio, note, gate_s), n_samples, seed=seed, temperature=0.6)
    voices = [ddx7.Voice.from_vced(row) for row in vced]
    sounds = ddx7.render(voices, note=note, gate=gate_s, duration=len(audio) / RATE)
    distances = [log_mel_distance(audio, sound) for sound in sounds]
    return [(distances[k], voices[k]) for k in np.argsort(distances)]


def main() -> None:
    """Sample, print, and save the nearest voice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--output", type=Path, default=Path("sampled.syx"))
    options = parser.parse_args()
    if options.recording:
        audio = read_audio(options.recording, sample_rate=RATE).samples
        found = analyse_note(audio, RATE)
        note, gate_s = found.note, found.gate_s
        audio = audio[round(found.onset_s * RATE) :]
    else:
        decaying = ddx7.Operator(output_level=85, rates=(99, 50, 35, 50), levels=(99, 70, 0, 0))
        note, gate_s = 60, 0.5
        audio = ddx7.render(ddx7.Voice(algorithm=5, operators=(decaying,) * 6), note=note, gate=gate_s, duration=1.0)
    ranked = best_voices(audio, note, gate_s, n_samples=options.samples)
    for distance, voice in ranked[:4]:
        print(f"{distance:.1f} dB  algorithm {voice.algorithm}")
    ddx7.save(ranked[0][1], options.output)


if __name__ == "__main__":
    main()
