"""Teach an instrument from a minute of sound, and score it on the end of the session that it did not learn from.

The recordings of one session are joined. The last seconds are held out, after a gap, or the first ones (`--first`).
`ddx7 train resynth` learns from the rest, and the held-out part is played as `ddx7 resynth` plays it. Scores: the
multi-scale spectral distance, and KAD by YAMNet with windows every 0.1 s; the held-out recording is the reference.

    python experiments/resynthesis/minute.py SOLO_1.flac SOLO_2.flac -o run --minutes 15 --yamnet yamnet.tflite
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from ddx7.audio.features import HOP, extract
from ddx7.audio.files import Recording, read_audio, write_audio
from ddx7.audio.limiter import limit_level
from ddx7.audio.metrics import load_embedding, loudness_error, multi_scale_spectral_distance, score_sets
from ddx7.cli.train_resynth import Resynth
from ddx7.files import atomic_write
from ddx7.resynthesis import Instrument, load, transfer

RATE, GAP_S, KAD_HOP_S = 16_000, 2.0, 0.1


def play(folder: Path, instrument: Instrument) -> tuple[np.ndarray, np.ndarray]:
    """Play the held-out seconds of a folder with an instrument, into the folder; those seconds, and what was played."""
    target = read_audio(folder / "held_out.wav")
    played = transfer(Recording(target.samples, RATE, target.path), instrument)
    sound = limit_level(played.audio, RATE).samples  # as in the file that ddx7 resynth writes
    write_audio(folder / "played.wav", sound, RATE, force=True)
    return target.samples, sound


def main() -> None:
    """Cut, train, play, score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--held-out", type=float, default=14.0, help="seconds")
    parser.add_argument("--first", action="store_true", help="hold out the first seconds, not the last")
    parser.add_argument("--learn", type=float, default=float("inf"), help="seconds to learn from, of those before")
    parser.add_argument("--config", default="fm-tcn")
    parser.add_argument("--instrument", help="whose operators a configuration of the paper has")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--from", dest="start", help="an instrument to start from, or none")
    parser.add_argument("--score", help="score this instrument instead of training one")
    parser.add_argument("--yamnet", type=Path, required=True)
    options = parser.parse_args()

    sound = np.concatenate([read_audio(path, sample_rate=RATE).samples for path in options.recordings])
    n, gap = round(options.held_out * RATE), round(GAP_S * RATE)
    held_out, rest = (sound[:n], sound[n + gap :]) if options.first else (sound[-n:], sound[: -n - gap])
    learned = rest[: int(min(options.learn * RATE, len(rest)))]
    options.output.mkdir(parents=True, exist_ok=True)
    for name, samples in (("learned", learned), ("held_out", held_out)):
        write_audio(options.output / f"{name}.wav", samples, RATE, force=True)
    score = options.score
    if score is None:
        command = Resynth(
            options.output / "learned.wav",
            options.output / "run",
            instrument=options.instrument,
            config=options.config,
            steps=options.steps,
            minutes=options.minutes,
            start=options.start,
            seed=options.seed,
        )
        score = str(command.learn())

    instrument = load(score)
    target, sound = play(options.output, instrument)
    embedding = replace(load_embedding("yamnet", options.yamnet), hop=round(KAD_HOP_S * RATE))
    measured = extract(sound[: len(sound) // HOP * HOP], RATE, "yin")
    scores = {
        "steps": instrument.card.get("step"),
        "seconds": round(len(learned) / RATE, 1),
        "mss": multi_scale_spectral_distance(target, sound, RATE),
        "kad": score_sets([target], [sound], embedding=embedding, sample_rate=RATE).kad.value,
        "loudness_db": loudness_error(
            extract(target, RATE, "yin").loudness_db[: len(measured.loudness_db)], measured.loudness_db
        ).mean_db,
    }
    atomic_write(options.output / "scores.json", json.dumps(scores, indent=1).encode(), force=True)
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
