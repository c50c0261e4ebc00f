"""What KAD of a resynthesis hangs on: edits of a recording and of its resynthesis, scored before anything is trained.

The recording is taken apart into harmonics and the rest. Parts of it are made smooth, left out, or exchanged with those
of the instrument. RUN is a folder of `minute.py`.

    python experiments/resynthesis/edits.py RUN run/fm-tcn.safetensors --yamnet yamnet.tflite
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import fftconvolve

from ddx7.audio.features import HOP
from ddx7.audio.files import Recording, read_audio
from ddx7.audio.metrics import load_embedding, multi_scale_spectral_distance, score_sets
from ddx7.resynthesis import PlaybackControls, load, transfer
from ddx7.resynthesis.transfer import measure

RATE, KAD_HOP_S = 16_000, 0.1
WINDOW, HARMONICS, HIGHEST_HZ = 512, 40, 7900
OFF_DB = -200.0
SMOOTH_MS, ROOMS = (40, 80, 160), ((-10, 0.2), (-6, 0.2), (-6, 0.4))


def amplitudes(sound: np.ndarray, cycles: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Complex amplitude of each harmonic at each sample [harmonic, time], in windows of `WINDOW` samples."""
    window = np.hanning(WINDOW + 1)
    window /= window.sum()
    numbers = [k for k in range(1, HARMONICS + 1) if (hz * k < HIGHEST_HZ).any()]
    return np.stack(
        [
            2 * fftconvolve(sound * np.exp(-2j * np.pi * k * cycles), window, "same") * (hz * k < HIGHEST_HZ)
            for k in numbers
        ]
    )


def harmonics(amplitude: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """The sound of harmonics."""
    return np.sum([(a * np.exp(2j * np.pi * k * cycles)).real for k, a in enumerate(amplitude, 1)], axis=0)


def in_a_room(sound: np.ndarray, level_db: float, rt60_s: float) -> np.ndarray:
    """The sound with decaying noise after it."""
    response = np.random.default_rng(1).standard_normal(RATE) * 10 ** (-3 * np.arange(RATE) / (rt60_s * RATE))
    response *= 10 ** (level_db / 20) / np.linalg.norm(response)
    response[0] = 1
    return fftconvolve(sound, response)[: len(sound)]


def main() -> None:
    """Edit and score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("weights", help="of an instrument with noise from OP1; in RUN, or anywhere")
    parser.add_argument("--yamnet", type=Path, required=True)
    options = parser.parse_args()
    embedding = replace(load_embedding("yamnet", options.yamnet), hop=round(KAD_HOP_S * RATE))
    target = read_audio(options.run / "held_out.wav").samples
    target = target[: len(target) // HOP * HOP]

    def score(name: str, sound: np.ndarray) -> None:
        sound = sound[: len(target)].astype(np.float32)
        kad = score_sets([target], [sound], embedding=embedding, sample_rate=RATE).kad.value
        print(
            f"{name:50s} KAD {kad:6.1f}   spectra {multi_scale_spectral_distance(target, sound, RATE):5.2f}", flush=True
        )

    weights = options.run / options.weights
    instrument = load(weights if weights.exists() else options.weights)
    recording = Recording(target, RATE, options.run / "held_out.wav")
    features = measure(recording, instrument)

    def play(*levels_db: float) -> np.ndarray:
        return transfer(recording, instrument, PlaybackControls(levels_db=levels_db), features=features).audio

    ours, tone, noise = play(*[0.0] * 6), play(OFF_DB, *[0.0] * 5), play(0.0, 0.0, OFF_DB, 0.0, 0.0, 0.0)
    hz = np.exp2(np.interp(np.arange(len(target)), np.arange(len(features.f0_hz)) * HOP, np.log2(features.f0_hz)))
    cycles = np.cumsum(hz) / RATE
    amplitude = amplitudes(target, cycles, hz)
    harmonic = harmonics(amplitude, cycles)
    rest = target - harmonic

    score("the instrument", ours)
    score("harmonics of the recording, noise of the instrument", harmonic + noise)
    score("tone of the instrument, rest of the recording", tone + rest)
    score("harmonics of the recording alone", harmonic)
    score("harmonics with their levels alone, and the rest", harmonics(np.abs(amplitude), cycles) + rest)
    for ms in SMOOTH_MS:
        smooth = uniform_filter1d(np.abs(amplitude), ms * RATE // 1000, axis=1)
        score(f"the same, levels smoothed over {ms} ms", harmonics(smooth, cycles) + rest)
    for level_db, rt60_s in ROOMS:
        score(f"the instrument in a room of {level_db} dB and {rt60_s} s", in_a_room(ours, level_db, rt60_s))


if __name__ == "__main__":
    main()
