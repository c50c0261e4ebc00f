"""Write trained runs as instruments of the package: parameters in half precision, and a card with their origin.

python experiments/resynthesis/ship.py DATA RUNS --config fm-tcn --table table.json
"""

import argparse
import csv
import json
from pathlib import Path

from table import load_run

from ddx7.resynthesis.dataset import load_segments
from ddx7.resynthesis.instrument import SHIPPED, Instrument, save
from ddx7.resynthesis.recordings import find_recordings
from ddx7.resynthesis.transfer import learned_range

SOURCES = "recordings of notes and phrases, 16 kHz, pitch by pyin; none of them is in the package"


def licences(index: Path, instrument: str) -> list[str]:
    """Licences of the recordings that an instrument learned from, as the list names them."""
    if not index.exists():
        return []
    with index.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("instrument") == instrument and row["split"] == "train"]
    return sorted({row["license"] for row in rows if row.get("license")})


def main() -> None:
    """Write the instruments of one configuration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--config", default="fm-tcn")
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    table = json.loads(options.table.read_text()) if options.table else {}
    for folder in sorted(p for p in options.runs.iterdir() if (p / options.config).is_dir()):
        instrument = folder.name
        segments, report = load_segments(find_recordings(options.data, instrument), "train")
        trained, metrics = load_run(folder / options.config, instrument, options.config)
        command = f"ddx7 train resynth DATA --instrument {instrument} --config {options.config} -o RUN"
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
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
