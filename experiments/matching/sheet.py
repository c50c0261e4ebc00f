"""Show the results of `ddx7 match` for some recordings on one sheet, the worst first.

    ddx7 match ../shared/audio/oneshots/wav44k/*.wav -o matches
    python experiments/matching/sheet.py matches/* -o sheet

Writes `sheet.png`, a row for each recording: the log-mel spectra that the quoted distance compares, recording left and
voice right, down to 80 dB under the recording's highest level, and their differences in words; and for each row a WAV
with the recording, a short silence, and the voice.
"""

import argparse
import io
import json
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
from matplotlib.figure import Figure

from ddx7.audio import read_audio
from ddx7.audio.distance import HIGHEST_HZ, HOP, LOWEST_HZ, N_FFT, N_MELS, RANGE_DB
from ddx7.audio.files import write_audio
from ddx7.audio.spectra_numpy import log_mel
from ddx7.files import atomic_write

BETWEEN_S = 0.4
MEL = {"n_fft": N_FFT, "hop": HOP, "n_mels": N_MELS, "lowest_hz": LOWEST_HZ, "highest_hz": HIGHEST_HZ}
ROW_INCHES, TICKS_HZ = 1.9, (100, 300, 1_000, 3_000, 10_000)


class MatchFolder(NamedTuple):
    """One folder that `ddx7 match` wrote.

    Attributes:
      name: of the folder.
      distance_db: of the best voice.
      words: differences of the voice.
      target: the recording, float32 [sample].
      match: the voice, likewise.
      sample_rate: of both, in Hz.
    """

    name: str
    distance_db: float
    words: str
    target: np.ndarray
    match: np.ndarray
    sample_rate: int


def read_folder(folder: Path) -> MatchFolder:
    """Read a folder."""
    numbers = json.loads((folder / "match.json").read_text())
    target, match = (read_audio(folder / f"{name}.wav") for name in ("target", "match"))
    distance_db, words = numbers["candidates"][0]["distance_db"], ", ".join(numbers["differences"])
    return MatchFolder(folder.name, distance_db, words, target.samples, match.samples, target.sample_rate)


def sheet(rows: list[MatchFolder]) -> bytes:
    """Draw the sheet as PNG."""
    figure = Figure(figsize=(13, ROW_INCHES * len(rows)), dpi=80, layout="constrained")
    grid = figure.subplots(len(rows), 2, squeeze=False)
    bands_hz = librosa.mel_frequencies(N_MELS + 2, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)[1:-1]
    places = np.interp(TICKS_HZ, bands_hz, np.arange(N_MELS))
    for axes, row in zip(grid, rows, strict=True):
        mels = [log_mel(sound, row.sample_rate, **MEL).T for sound in (row.target, row.match)]
        seconds, highest = len(row.target) / row.sample_rate, mels[0].max()
        for place, mel in zip(axes, mels, strict=True):
            place.imshow(
                mel, origin="lower", aspect="auto", cmap="magma", vmin=highest - RANGE_DB, vmax=highest,
                extent=(0, seconds, -0.5, N_MELS - 0.5),
            )  # fmt: skip
            place.set_yticks(places, [f"{hz:,}" for hz in TICKS_HZ], fontsize=7)
            place.tick_params(axis="x", labelsize=7)
        left, right = (place.set_title for place in axes)
        left(f"{row.name}   {row.distance_db:.1f} dB", loc="left", fontsize=9, parse_math=False)
        right(row.words or "nothing that is clearly audible", loc="left", fontsize=8)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def main() -> None:
    """Write the sheet and the sounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders of `ddx7 match`; others are skipped")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--force", action="store_true", help="replace an earlier sheet")
    arguments = parser.parse_args()
    rows = [read_folder(folder) for folder in arguments.folders if (folder / "match.json").exists()]
    if not rows:
        parser.error("found no folder of `ddx7 match`")
    rows.sort(key=lambda row: -row.distance_db)
    for place, row in enumerate(rows, 1):
        silence = np.zeros(round(BETWEEN_S * row.sample_rate), np.float32)
        sound = np.concatenate([row.target, silence, row.match])
        write_audio(arguments.out / f"{place:02d}_{row.name}.wav", sound, row.sample_rate, force=arguments.force)
        print(f"{place:2d} {row.distance_db:4.1f} dB  {row.name}: {row.words}")
    atomic_write(arguments.out / "sheet.png", sheet(rows), force=arguments.force)


if __name__ == "__main__":
    main()
