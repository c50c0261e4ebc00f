"""Make the pictures in `docs/img/` and the sounds in `docs/sounds/` with the commands that stand beside them.

python docs/make_pictures.py FOLDER

FOLDER gets the results of the commands. What is there already is not made again.
"""

import os
import sys
from pathlib import Path

from PIL import Image

from ddx7.audio import read_audio, write_audio
from ddx7.cli.app import main
from ddx7.engine import render
from ddx7.plot import figure_bytes, gallery_figure
from ddx7.voice import load

DOCS = Path(__file__).parent.resolve()
COMMANDS = {
    "ddx7-demo": "demo -o ddx7-demo",
    "voice.png": "show ddx7-demo/trumpet.syx --plot voice.png",
    "bells.syx": "generate --category bell --seed 7 -o bells.syx",
    "steps.syx": "morph bells.syx:3 bells.syx:9 -o steps.syx",
    "out": "resynth ddx7-demo/target.wav --model trumpet -o out",
}
"""What each command makes, and the command."""
PICTURES = {
    "match": "ddx7-demo/compare.png",
    "voice": "voice.png",
    "generate": "bells.png",
    "morph": "steps.png",
    "instrument": "out/target.png",
}
"""Name of each picture of the pages, and the file that it is made from."""
RATE, GATE_S, DURATION_S = 44_100, 1.0, 2.0


def draw_morph(bank: Path, target: Path, n_steps: int = 7) -> None:
    """Draw the steps of a morph like a generated bank."""
    voices = load(bank)[:n_steps]
    audio = render(voices, note=60, gate=GATE_S, duration=DURATION_S)
    caption = f"C3 at velocity 100, held {GATE_S:g} s of {DURATION_S:g} s"
    target.write_bytes(figure_bytes(gallery_figure(voices, audio, RATE, GATE_S, caption)))


def save_compact(source: Path, target: Path) -> None:
    """Write a picture with 128 colours."""
    with Image.open(source) as picture:
        picture.convert("RGB").quantize(128).save(target, optimize=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    for made, command in COMMANDS.items():
        if not Path(made).exists() and (code := main(command.split())):
            sys.exit(code)
    draw_morph(Path("steps.syx"), Path("steps.png"))
    for name, source in PICTURES.items():
        save_compact(Path(source), DOCS / "img" / f"{name}.png")
    for name in ("target", "match"):
        recording = read_audio(Path("ddx7-demo", f"{name}.wav"))
        write_audio(DOCS / "sounds" / f"trumpet_{name}.flac", recording.samples, recording.sample_rate, force=True)
