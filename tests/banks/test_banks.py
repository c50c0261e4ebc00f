"""The banks of the repository, read by a reader of their own: offsets by hand, from Yamaha's data format."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

BANKS = Path(__file__).parents[2] / "banks"
FILES = sorted(BANKS.glob("*.syx"))
HEADER = bytes([0xF0, 0x43, 0x00, 0x09, 0x20, 0x00])  # Yamaha, channel 1, 32 voices, 4096 bytes follow
LARGEST_MB = 4.0


def packed_voices(path: Path) -> list[bytes]:
    """The 32 packed voices of a dump of 4,104 bytes: 128 bytes each, then a checksum and the end."""
    data = path.read_bytes()
    assert len(data) == 4104
    assert data[:6] == HEADER
    body, checksum, end = data[6:4102], data[4102], data[4103]
    assert end == 0xF7
    assert max(body) < 0x80
    assert (sum(body) + checksum) % 128 == 0
    return [body[128 * k : 128 * (k + 1)] for k in range(32)]


def name_of(voice: bytes) -> str:
    return voice[118:128].decode("ascii").rstrip()


def algorithm_of(voice: bytes) -> int:
    return (voice[110] & 0x1F) + 1


def test_there_are_ten_banks_by_kind_and_six_by_carriers() -> None:
    groups = [path for path in FILES if path.stem.startswith("carriers-")]
    assert (len(FILES), len(groups)) == (16, 6)
    size_mb = sum(path.stat().st_size for path in BANKS.iterdir() if path.is_file()) / 1e6
    assert size_mb < LARGEST_MB


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bank_is_a_legal_dump(path: Path) -> None:
    voices = packed_voices(path)
    for voice in voices:
        assert all(byte <= 99 for op in range(6) for byte in voice[17 * op : 17 * op + 11])  # rates, levels, scaling
        assert all(voice[17 * op + 14] <= 99 and voice[17 * op + 16] <= 99 for op in range(6))  # output level, fine
        assert all(byte <= 99 for byte in voice[102:110])  # pitch EG
        assert voice[117] <= 48  # transpose
    assert len({voice[:118] for voice in voices}) == 32


@pytest.mark.parametrize("path", [path for path in FILES if path.stem.startswith("carriers-")], ids=lambda p: p.stem)
def test_a_bank_by_carriers_has_only_its_algorithms(path: Path) -> None:
    # From the algorithm diagrams on the panel.
    of = {1: {16, 17, 18}, 3: {5, 6, 19, 20, 26, 27, 28}, 4: {21, 22, 23, 29, 30}, 5: {24, 25, 31}, 6: {32}}
    of[2] = set(range(1, 33)) - set().union(*of.values())
    assert {algorithm_of(voice) for voice in packed_voices(path)} == of[int(path.stem[-1])]


def test_no_two_voices_of_the_folder_share_a_name_and_those_of_a_bank_are_told_apart() -> None:
    names = {path.stem: [name_of(voice) for voice in packed_voices(path)] for path in FILES}
    every = [name for some in names.values() for name in some]
    assert len(set(every)) == len(every) == 512
    assert all(name and not any(c.isdigit() for c in name) for name in every)
    for some in names.values():
        assert min(_letters_apart(a, b) for a, b in combinations(some, 2)) >= 2


def test_every_bank_has_a_picture_and_a_line() -> None:
    page = (BANKS / "README.md").read_text()
    for path in FILES:
        assert path.with_suffix(".png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert f"[{path.name}]({path.name})" in page
        assert f"({path.stem}.png)" in page
    assert "CC0" in (BANKS / "LICENSE").read_text()


def _letters_apart(a: str, b: str) -> int:
    """Levenshtein's distance."""
    row = np.arange(len(b) + 1)
    for i, letter in enumerate(a, start=1):
        substituted = row[:-1] + np.array([letter != other for other in b])
        best = np.minimum(row[1:] + 1, substituted)
        row = np.array([i, *best])
        for j in range(1, len(row)):
            row[j] = min(row[j], row[j - 1] + 1)
    return int(row[-1])
