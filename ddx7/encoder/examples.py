"""Training examples for the preset model: real voices and their mutations, rendered on two notes, in shards on disk.

Uniformly random voices train poorly: in a published comparison the accuracy on real voices falls from 0.79 to 0.23.
Every example therefore starts from a real voice. A shard depends only on the voices, the settings, a seed and its
number. Each shard is written atomically, and a folder is bound to its voices and settings.
"""

import inspect
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Bool, Float, Float32, Num, UInt8

from ddx7.audio.pitch import midi_to_hz
from ddx7.encoder.spectrogram import BANDS, FRAMES, RATE, SPAN_S, log_frequency_spectrogram
from ddx7.encoder.tokens import to_tokens
from ddx7.engine import Patch, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write
from ddx7.programs import StoredProgram
from ddx7.runtime import ONE_THREAD, in_groups
from ddx7.training import fingerprint
from ddx7.training.checkpoint import bind_run
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX, VCED_MIN
from ddx7.voice.spec import FIELDS
from ddx7.voice.symmetry import OPERATOR_COLUMNS

NOTES_PER_VOICE = 2
"""One note is enough to propose a voice; two show the effect of level scaling and velocity."""
SHARD_SIZE = 4096
"""Rendered voices of a shard, inaudible ones included."""
AUDIBLE_PEAK = 1e-3
"""Lowest peak of each note of an example: 40 dB below one carrier at full level."""
RELEASE_S = 1.1
"""Rendered seconds after key-off."""

_GROUP = 64
_BATCH = 2048
_CATEGORICAL = np.array([f.parameter.categorical or f.parameter.name == "coarse" for f in FIELDS])
_NEVER_MUTATED = np.array([f.parameter.name in ("name", "osc_sync") for f in FIELDS])


@dataclass(frozen=True, eq=False)
class ExampleShard:
    """Examples.

    Attributes:
      tokens: of the voices.
      spectrograms: of two notes of each voice, as `log_frequency_spectrogram` makes them.
      note_events: MIDI note, velocity and gate in seconds of each note.
    """

    tokens: UInt8[np.ndarray, "example token"]
    spectrograms: UInt8[np.ndarray, "example note frame band"]
    note_events: Float32[np.ndarray, "example note 3"]

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.tokens)

    def __getitem__(self, rows: slice | np.ndarray) -> "ExampleShard":
        """The examples of some rows."""
        return ExampleShard(self.tokens[rows], self.spectrograms[rows], self.note_events[rows])

    @classmethod
    def concatenate(cls, shards: Sequence["ExampleShard"]) -> "ExampleShard":
        """The examples of several shards in one."""
        columns = zip(*((s.tokens, s.spectrograms, s.note_events) for s in shards), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def fingerprint(self) -> str:
        """A hash of all examples."""
        parts = [self[first : first + SHARD_SIZE] for first in range(0, len(self), SHARD_SIZE)]
        return fingerprint([vars(part) for part in parts])  # in parts, because hashing copies an array


def make_shards(
    vced: UInt8[np.ndarray, "voice 155"],
    folder: Path,
    n_shards: int,
    *,
    seed: int = 0,
    mutate: bool = True,
    size: int = SHARD_SIZE,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Render the shards that are missing from a folder, and those whose file is damaged.

    Args:
      vced: real voices, legal bytes.
      folder: for the shards; made if missing.
      n_shards: number of shards.
      seed: of the random numbers.
      mutate: whether to mutate the voices; held-out voices stay as they are.
      size: rendered voices of a shard; inaudible ones are left out.
      progress: called with the number of finished shards.

    Returns:
      paths of the shards, in order.

    Raises:
      Ddx7Error: the folder holds shards of other voices or settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bind_run(
        folder,
        {
            "voices": fingerprint(vced),
            "seed": seed,
            "mutate": mutate,
            "size": size,
            "spectrogram": [NOTES_PER_VOICE, FRAMES, BANDS],
        },
    )
    paths = [folder / f"shard-{seed}-{k:04}.npz" for k in range(n_shards)]
    for k, path in enumerate(paths):
        if not _is_whole(path):
            shard = make_shard(vced, np.random.default_rng([seed, k]), size, mutate=mutate)
            packed = BytesIO()
            np.savez(packed, **vars(shard))
            atomic_write(path, packed.getvalue(), force=True)
        if progress:
            progress(k + 1)
    return paths


def load_shards(paths: Sequence[Path]) -> ExampleShard:
    """Read shards into memory, about 15 kB per example.

    Raises:
      Ddx7Error: a file is missing or damaged.
    """
    return ExampleShard.concatenate([_read(path) for path in paths])


def _read(path: Path) -> ExampleShard:
    # Reading an array compares its checksum.
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return ExampleShard(arrays["tokens"], arrays["spectrograms"], arrays["note_events"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise Ddx7Error(f"{path}: found no examples ({error}), wanted a shard; remove it to render it again") from None


def _is_whole(path: Path) -> bool:
    try:
        return path.exists() and len(_read(path)) >= 0
    except Ddx7Error:
        return False


def make_shard(
    vced: UInt8[np.ndarray, "voice 155"], rng: np.random.Generator, n: int, *, mutate: bool = True
) -> ExampleShard:
    """Render examples of real voices.

    Args:
      vced: voices to choose from.
      rng: random generator.
      n: rendered voices; inaudible ones are left out.
      mutate: whether to mutate the voices.
    """
    chosen = vced[rng.integers(0, len(vced), n)]
    if mutate:
        chosen = mutate_voices(rng, chosen, vced)
    note_events = sample_note_events(rng, n)
    rendered = [render_spectrograms(chosen, note_events[:, note]) for note in range(NOTES_PER_VOICE)]
    audible = np.all([peaks > AUDIBLE_PEAK for _, peaks in rendered], axis=0)
    spectrograms = np.stack([spectrograms for spectrograms, _ in rendered], axis=1)
    return ExampleShard(to_tokens(chosen)[audible], spectrograms[audible], note_events[audible])


def render_spectrograms(
    vced: UInt8[np.ndarray, "voice 155"], note_events: Num[np.ndarray, "voice 3"]
) -> tuple[UInt8[np.ndarray, "voice frame band"], Float32[np.ndarray, " voice"]]:
    """Render one note of each voice and compute its spectrogram.

    Args:
      vced: legal bytes.
      note_events: MIDI note, velocity and gate in seconds.

    Returns:
      spectrograms, and peaks of the audio.
    """
    order = np.argsort(note_events[:, 2], kind="stable")  # notes of similar length share a batch
    spectrograms, peaks = [], []
    for first in range(0, len(order), _BATCH):
        rows = order[first : first + _BATCH]
        note, velocity, gate_s = note_events[rows].T
        gate = first_block_at(gate_s, RATE)
        n_samples = np.round(np.minimum(gate_s + RELEASE_S, SPAN_S) * RATE).astype(int)
        plans = plan(Patch.from_vced(vced[rows]), note.astype(int), velocity.astype(int), gate, RATE)
        audio = play(plans, n_samples)
        spectrograms.append(batch_spectrograms(audio, np.asarray(midi_to_hz(note)), gate_s))
        peaks.append(np.abs(audio).max(axis=1))
    inverse = np.argsort(order)
    return np.concatenate(spectrograms)[inverse], np.concatenate(peaks)[inverse]


# A program that is stored chooses its own options of the compiler.
_spectrograms = StoredProgram(
    "log-frequency-spectrogram", lambda: inspect.unwrap(log_frequency_spectrogram), compiler_options=ONE_THREAD
)


def batch_spectrograms(
    audio: Float[np.ndarray, "note sample"], f0_hz: Float[np.ndarray, " note"], gate_s: Float[np.ndarray, " note"]
) -> UInt8[np.ndarray, "note frame band"]:
    """`log_frequency_spectrogram` of any number of notes, with one compilation and on all cores."""
    n = round(SPAN_S * RATE)

    def group(members: np.ndarray) -> np.ndarray:
        part = audio[members, :n]
        part = np.pad(part, ((0, 0), (0, n - part.shape[1])))
        f0, gate = f0_hz[members].astype(np.float32), gate_s[members].astype(np.float32)
        return np.asarray(_spectrograms(part, f0, gate))

    return in_groups(group, len(audio), _GROUP)


def sample_note_events(rng: np.random.Generator, n: int) -> Float32[np.ndarray, "{n} note 3"]:
    """Random MIDI notes, velocities and gates in seconds, distributed as in recordings."""
    note = np.clip(np.round(rng.normal(58, 12, n)), 24, 96)
    other = np.clip(note + rng.integers(-19, 20, n) * (rng.random(n) < 0.7), 24, 96)
    shape = (n, NOTES_PER_VOICE)
    velocity = np.where(rng.random(shape) < 0.6, 100, rng.integers(25, 128, shape))
    gate_s = np.exp(rng.uniform(np.log(0.1), np.log(2.8), shape))
    return np.stack([np.stack([note, other], axis=1), velocity, gate_s], axis=-1).astype(np.float32)


def mutate_voices(
    rng: np.random.Generator, vced: UInt8[np.ndarray, "voice 155"], pool: UInt8[np.ndarray, "other 155"]
) -> UInt8[np.ndarray, "voice 155"]:
    """Mutate real voices; half of them keep all but their transposition.

    Args:
      rng: random generator.
      vced: voices to mutate.
      pool: voices that bytes and operators are copied from.

    Returns:
      legal voices.
    """
    n = len(vced)
    mutated = vced.copy()
    donors = pool[rng.integers(0, len(pool), n)]
    mutated = _swap_operators(rng, mutated, donors)

    # A few bytes move a little, or take the donor's value.
    share = np.where(rng.random((n, 1)) < 0.4, np.exp(rng.uniform(np.log(0.007), np.log(0.1), (n, 1))), 0)
    changes = (rng.random(vced.shape) < share) & ~_NEVER_MUTATED
    step = np.round(rng.normal(0, 0.12, vced.shape) * VCED_MAX)
    moved = np.clip(mutated + step, VCED_MIN, VCED_MAX).astype(np.uint8)
    takes_donor: Bool[np.ndarray, "voice 155"] = _CATEGORICAL | (rng.random(vced.shape) < 0.3)
    mutated = np.where(changes, np.where(takes_donor, donors, moved), mutated)

    # Half of all real voices are transposed, and a recording does not show which note was played.
    column = VCED_COLUMNS["transpose"]
    mutated[:, column] = np.where(rng.random(n) < 0.6, 24, mutated[:, column])
    return mutated


def _swap_operators(rng: np.random.Generator, vced: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """Voices with whole operators of others, so that each operator stays as a person programmed it."""
    n = len(vced)
    swapped = (rng.random((n, 6)) < 0.3) & (rng.random((n, 1)) < 0.15)
    columns, rows = OPERATOR_COLUMNS[None], np.arange(n)[:, None, None]
    result = vced.copy()
    result[rows, columns] = np.where(swapped[:, :, None], donors[rows, columns], vced[rows, columns])
    return result
