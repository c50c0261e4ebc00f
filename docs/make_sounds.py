"""Write `docs/sounds/` from the results of `ddx7 demo`: `ddx7 demo && python docs/make_sounds.py ddx7-demo`."""

import sys
from pathlib import Path

from ddx7.audio import read_audio, write_audio

SOUNDS = Path(__file__).with_name("sounds")

if __name__ == "__main__":
    demo = Path(sys.argv[1])
    for name in ("target", "match"):
        recording = read_audio(demo / f"{name}.wav")
        write_audio(SOUNDS / f"trumpet_{name}.flac", recording.samples, recording.sample_rate, force=True)
