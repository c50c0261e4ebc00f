"""How near `ddx7 match` comes to real one-shots, beside the best of as many random voices.

    python benchmarks/match.py --shared ../shared [--seconds 10] [--json match.json] [--out FOLDER]

Each row is one recording. The distance is `ddx7.audio.log_mel_distance` in dB at 44.1 kHz. "Random" draws as many
voices as the search rendered, from the same distribution that the search starts with, tuned to the recording's key and
partials, and keeps the one that the search's own distance likes best; "one draw" is the median of 16 of them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from timing import machine

from ddx7.audio import log_mel_distance
from ddx7.inference import Match, match
from ddx7.inference.folder import write_match
from ddx7.inference.match import RATE, SEARCH_RATE, prepare

BATCH = 512


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path, help="keep every match's folder here")
    arguments = parser.parse_args()
    recordings = sorted((arguments.shared / "audio" / "oneshots" / "wav44k").glob("*.flac"))
    print(f"{machine()}\n")
    print("| recording | match | best of as many random | one random draw | voices rendered |\n|---|---|---|---|---|")
    rows = []
    for recording in recordings:
        found = match(recording, seconds=arguments.seconds, seed=0)
        best, one = random_voices(found)
        row = {
            "recording": recording.stem,
            "match": found.distances[0],
            "random": best,
            "draw": one,
            "renders": found.report["renders"],
            "stages": found.report["stages"],
        }
        rows.append(row)
        print(f"| {row['recording']} | {row['match']:.1f} | {best:.1f} | {one:.1f} | {row['renders']:,} |", flush=True)
        if arguments.out:
            write_match(found, arguments.out / recording.stem, recording.stem, force=True)
        if arguments.json:
            arguments.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2))
    match_db, random_db, draw_db = (np.median([row[key] for row in rows]) for key in ("match", "random", "draw"))
    print(f"| **median of {len(rows)}** | **{match_db:.1f}** | {random_db:.1f} | {draw_db:.1f} | |")
    nearer = sum(row["match"] < row["random"] for row in rows)
    ratio = np.median([row["match"] / row["random"] for row in rows])
    print(f"\nNearer than the best random voice on {nearer} of {len(rows)}; median ratio {ratio:.2f}.")


def random_voices(found: Match) -> tuple[float, float]:
    """Distance of the best of as many random voices as the search rendered, and the median of a few."""
    full, prior = prepare(found.target, found.note)
    half = full.at(SEARCH_RATE)
    rng = np.random.default_rng(1)
    drawn = np.concatenate([prior.draw(rng, BATCH) for _ in range(-(-found.report["renders"] // BATCH))])
    drawn = drawn[: found.report["renders"]]
    near = np.concatenate([half.distances(drawn[k : k + BATCH]) for k in range(0, len(drawn), BATCH)])
    voices = np.concatenate([drawn[[np.argmin(near)]], drawn[:16]])
    distances = [log_mel_distance(full.target, sound, RATE) for sound in full.hear(voices)]
    return distances[0], float(np.median(distances[1:]))


if __name__ == "__main__":
    main()
