"""Write trained runs as instruments of the package: parameters in half precision, and a card with their origin.

    python experiments/resynthesis/ship.py DATA RUNS --config fm-tcn --table table.json

It also renews what tests/test_recorded.py expects of the instruments, in tests/recorded/values.npz. DATA holds only
recordings whose licence allows that weights learned from them are shared (docs/data.md).
"""

import argparse
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from table import load_run

from ddx7.files import atomic_write
from ddx7.resynthesis import PlaybackControls, load
from ddx7.resynthesis.configs import BASE
from ddx7.resynthesis.dataset import load_segments
from ddx7.resynthesis.instrument import SHIPPED, Instrument, save
from ddx7.resynthesis.recordings import find_recordings
from ddx7.resynthesis.transfer import learned_range

RECORDED = Path(__file__).parents[2] / "tests" / "recorded" / "values.npz"
SOURCES = "recordings of notes and phrases, 16 kHz, pitch by pyin; none of them is in the package"


def licences(index: Path, instrument: str) -> list[str]:
    """Licences of the recordings that an instrument learned from, as the list names them."""
    if not index.exists():
        return []
    with index.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("instrument") == instrument and row["split"] == "train"]
    return sorted({row["license"] for row in rows if row.get("license")})


def renew_recorded(names: list[str]) -> None:
    """Values of `tests/test_recorded.py`: the same notes, wet and dry."""
    times_s = np.arange(500) / 250
    f0_hz = (440 * 2 ** (np.floor(times_s * 2) / 12)).astype(np.float32)
    loudness_db = (-30 + 10 * np.sin(3 * times_s)).astype(np.float32)
    values: dict[str, Any] = dict(np.load(RECORDED))
    for name in names:
        instrument = load(name)
        for kind, controls in (("resynthesis", PlaybackControls()), ("resynthesis_dry", PlaybackControls(reverb=0))):
            if f"{kind}_{name}" in values:
                sound = instrument(f0_hz, loudness_db, controls)[::7]
                values[f"{kind}_{name}"] = sound.astype(values[f"{kind}_{name}"].dtype)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **values)
    atomic_write(RECORDED, buffer.getvalue(), force=True)


def main() -> None:
    """Write the instruments of one configuration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--config", default="fm-tcn")
    parser.add_argument("--table", type=Path)
    parser.add_argument(
        "--schedule", type=int, help="steps that the runs were to take, where they ended before the last"
    )
    options = parser.parse_args()
    table = json.loads(options.table.read_text()) if options.table else {}
    names = []
    for folder in sorted(p for p in options.runs.iterdir() if (p / options.config).is_dir()):
        instrument = folder.name
        segments, report = load_segments(find_recordings(options.data, instrument), "train")
        trained, metrics = load_run(folder / options.config, instrument, options.config)
        bound = json.loads((folder / options.config / "settings.json").read_text())["data"]
        words = f"--instrument {instrument} --config {options.config} --steps {options.schedule or metrics['step']:.0f}"
        command = f"ddx7 train resynth DATA {words} --from {BASE if 'start' in bound else 'none'} -o RUN"
        card = {
            "what": f"{instrument}, as ddx7 resynth plays it",
            "data": SOURCES,
            "data_licences": licences(options.data / "index.csv", instrument),
            "minutes": round(report.kept_s / 60, 1),
            "recordings": report.recordings,
            "command": command,
            "licence": "Apache-2.0",
            "range": learned_range(segments, report.gain),
            "steps": metrics["step"],
            "held_out_distance": metrics["best"],
            "scores": table.get(instrument, {}).get(options.config, {}),
        }
        path = SHIPPED / f"{instrument}.safetensors"
        save(path, Instrument(trained.model, trained.params, card))
        names.append(instrument)
        print(path, path.stat().st_size)
    renew_recorded(names)


if __name__ == "__main__":
    main()
