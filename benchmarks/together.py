"""One voice for several recordings against the voice of one, on recordings that neither was made for.

    python benchmarks/together.py --shared ../shared [--effort 30] [--seed 0] [--sets cello violin ...] [--json FILE]

Each set is one instrument: a loud note, a soft note of the same pitch and a loud note of another pitch. "together"
is `ddx7.match` on all three, "single" the same effort on the loudest alone. Both voices play the left-out notes, of
other dynamics and pitches. Each is measured by `ddx7.audio.perceptual_distance`, and by the error of its level against
the loudest note, in dB. Real sets are Philharmonia notes; their velocities follow from their levels, 100 for the
loudest. DX7 sets are voices of the collection that answer to velocity and keyboard, at the velocities named here.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from timing import machine

import ddx7
from ddx7.matching.objective import NoteTarget
from ddx7.matching.prepare import Excerpt, prepare, read_excerpt
from ddx7.matching.target import VELOCITY
from ddx7.voice.packing import VCED_COLUMNS, in_range, unpack

RATE = 44_100
GATE_S, DURATION_S = 0.8, 1.5


@dataclass(frozen=True, eq=False)
class Played:
    """A recording of one note.

    Attributes:
      excerpt: the recording.
      note: MIDI note.
      velocity: MIDI velocity; None where its level decides.
    """

    excerpt: Excerpt
    note: int
    velocity: int | None = None

    @cached_property
    def level_db(self) -> float:
        """Level while the note is held, in dB."""
        return prepare(self.excerpt, note=self.note).plainest.notes[0].loudness_db


@dataclass(frozen=True, eq=False)
class InstrumentSet:
    """Recordings of one instrument.

    Attributes:
      name: of the instrument.
      given: the recordings that a voice is made for.
      left_out: the others.
    """

    name: str
    given: tuple[Played, ...]
    left_out: tuple[Played, ...]

    @property
    def loudest(self) -> Played:
        """The loudest of the given recordings."""
        return max(self.given, key=lambda played: played.level_db)


_PHILHARMONIA = {
    # Pitch and dynamics: three that are given, then those that are left out.
    "cello": (((52, "fortissimo"), (52, "pianissimo"), (44, "fortissimo")), ((44, "pianissimo"), (48, "forte"))),
    "violin": (((70, "fortissimo"), (70, "pianissimo"), (58, "fortissimo")), ((58, "pianissimo"), (66, "forte"))),
    "flute": (((70, "forte"), (70, "pianissimo"), (62, "forte")), ((62, "pianissimo"), (66, "mezzo-forte"))),
    "trumpet": (((58, "forte"), (58, "piano"), (70, "forte")), ((62, "piano"), (62, "forte"))),
}
_DX7_GIVEN, _DX7_LEFT_OUT = ((60, 110), (60, 50), (72, 110)), ((72, 50), (66, 80), (48, 80))
_DX7_SETS = 4


def instrument_sets(shared: Path) -> list[InstrumentSet]:
    """All sets; `shared` is the folder of recordings and of the collection of voices."""
    sets = []
    for name, parts in _PHILHARMONIA.items():
        given, left_out = (tuple(_philharmonia(shared, name, *which) for which in part) for part in parts)
        sets.append(InstrumentSet(name, given, left_out))
    for k, voice in enumerate(_voices_with_touch(shared / "corpus" / "voices.npz")):
        given, left_out = (tuple(_rendered(voice, *event) for event in part) for part in (_DX7_GIVEN, _DX7_LEFT_OUT))
        sets.append(InstrumentSet(f"dx7-{k + 1}", given, left_out))
    return sets


def _philharmonia(shared: Path, instrument: str, midi: int, dynamics: str) -> Played:
    octave, name = midi // 12 - 1, ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")[midi % 12]
    found = sorted(
        (shared / "audio" / instrument / "note").glob(f"ph_{instrument}_{name}{octave}_*_{dynamics}_*normal*")
    )
    return Played(read_excerpt(found[0]), midi)


def _rendered(voice: ddx7.Voice, note: int, velocity: int) -> Played:
    sound = ddx7.render(voice, note, velocity, GATE_S, DURATION_S, RATE)
    return Played(read_excerpt((sound, RATE)), note, velocity)


def _voices_with_touch(path: Path) -> list[ddx7.Voice]:
    """Voices of the collection that answer clearly to velocity, in level and in spectrum, and to the keyboard."""
    vced = unpack(np.load(path)["voices"])
    vced = vced[in_range(vced).all(axis=1)]
    sensitive = (vced[:, VCED_COLUMNS["velocity_sensitivity"]] >= 2).sum(axis=1) >= 3
    scaled = (vced[:, VCED_COLUMNS["right_depth"]] >= 15).sum(axis=1) >= 2
    rows = np.random.default_rng(7).permutation(np.flatnonzero(sensitive & scaled))
    chosen = []
    for row in rows:
        voice = ddx7.Voice.from_vced(vced[row])
        sounds = ddx7.render(voice, 60, [110, 50], GATE_S, DURATION_S, RATE)
        levels_db = 10 * np.log10(np.square(sounds).mean(axis=-1) + 1e-12)
        if levels_db[0] > -40 and 3 < levels_db[0] - levels_db[1] < 25:
            chosen.append(voice)
        if len(chosen) == _DX7_SETS:
            break
    return chosen


def scores(voice: ddx7.Voice, instrument: InstrumentSet) -> np.ndarray:
    """Distance and level error in dB of a voice on each left-out recording, float [recording, 2]."""
    vced = np.frombuffer(voice.to_vced(), np.uint8)[None]
    loudest = instrument.loudest
    reference = _note_target(loudest, loudest)

    def excess_db(target: NoteTarget) -> float:
        sound = target.render(vced)[0]
        return 10 * float(
            np.log10((np.mean(sound**2) + 1e-12) / (np.mean((target.target * target.window) ** 2) + 1e-12))
        )

    own = excess_db(reference)
    targets = [_note_target(played, loudest) for played in instrument.left_out]
    return np.array([(target.distances(target.render(vced))[0], abs(excess_db(target) - own)) for target in targets])


def _note_target(played: Played, loudest: Played) -> NoteTarget:
    if played.velocity is None:
        velocity = int(np.clip(round(VELOCITY * 10 ** ((played.level_db - loudest.level_db) / 40)), 1, 127))
    else:
        velocity = played.velocity
    return prepare(played.excerpt, note=played.note, velocity=velocity).plainest.note_target(0)


def made_for(played: Sequence[Played], effort: float, seed: int) -> ddx7.Match:
    """The match of one recording or of several together."""
    notes = [p.note for p in played]
    velocities = [p.velocity for p in played if p.velocity is not None] or None
    if len(played) == 1:
        velocity = velocities[0] if velocities else None
        return ddx7.match(played[0].excerpt, effort=effort, seed=seed, note=notes[0], velocity=velocity, notes="one")
    excerpts = [p.excerpt for p in played]
    return ddx7.match(excerpts, effort=effort, seed=seed, note=notes, velocity=velocities, notes="one")


def main() -> None:
    """Match every set both ways, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--effort", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    print("| set | left-out notes | single: distance | together | single: level error | together |")
    print("|---|---|---|---|---|---|")
    for instrument in instrument_sets(options.shared):
        if options.sets and instrument.name not in options.sets:
            continue
        result = {}
        for way, given in (("single", (instrument.loudest,)), ("together", instrument.given)):
            found = made_for(given, options.effort, options.seed)
            result[way] = scores(found.voices[0], instrument)
        rows.append({"set": instrument.name, **{way: value.tolist() for way, value in result.items()}})
        single, together = (result[way].mean(axis=0) for way in ("single", "together"))
        n = len(instrument.left_out)
        distances, errors = f"{single[0]:.1f} | {together[0]:.1f}", f"{single[1]:.1f} dB | {together[1]:.1f} dB"
        print(f"| {instrument.name} | {n} | {distances} | {errors} |", flush=True)
        if options.json:
            options.json.write_text(
                json.dumps({"effort": options.effort, "seed": options.seed, "sets": rows}, indent=2)
            )
    pairs = np.array([[np.mean(row[way], axis=0) for way in ("single", "together")] for row in rows])
    nearer = int((pairs[:, 1, 0] < pairs[:, 0, 0]).sum())
    ratio = np.median(pairs[:, 1, 0] / pairs[:, 0, 0])
    errors_db = np.median(pairs[:, :, 1], axis=0)
    errors = " | ".join(f"{error_db:.1f} dB" for error_db in errors_db)
    print(f"| median | {nearer} of {len(rows)} sets nearer | | x {ratio:.2f} | {errors} |")
    print(machine())


if __name__ == "__main__":
    main()
