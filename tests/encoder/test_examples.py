"""Training examples: what is rendered, how voices are mutated, and shards that are kept, bound and repaired."""

import numpy as np
import pytest

from ddx7.encoder.examples import (
    AUDIBLE_PEAK,
    load_shards,
    make_shard,
    make_shards,
    mutate_voices,
    render_spectrograms,
    sample_note_events,
)
from ddx7.errors import Ddx7Error
from ddx7.voice.packing import VCED_COLUMNS, in_range, random_vced

N = 6


@pytest.fixture(scope="module")
def note_events():
    """One note for each voice, of all lengths."""
    return sample_note_events(np.random.default_rng(1), N)[:, 0]


def test_a_shard_depends_on_seed_and_number_alone_and_is_kept(plain, tmp_path):
    first = make_shards(plain[:5], tmp_path / "a", 2, seed=3, size=N)
    second = make_shards(plain[:5], tmp_path / "b", 1, seed=3, size=N)
    assert first[0].read_bytes() == second[0].read_bytes()
    assert first[0].read_bytes() != first[1].read_bytes()
    modified = first[0].stat().st_mtime_ns
    make_shards(plain[:5], tmp_path / "a", 2, seed=3, size=N)
    assert first[0].stat().st_mtime_ns == modified
    assert len(load_shards(first)) == sum(len(np.load(path)["tokens"]) for path in first)


def test_a_folder_of_shards_belongs_to_its_voices_and_settings(plain, tmp_path):
    make_shards(plain[:5], tmp_path, 1, size=N)
    for voices, options in ((plain[5:10], {}), (plain[:5], {"seed": 1}), (plain[:5], {"mutate": False})):
        with pytest.raises(Ddx7Error, match="holds another run") as error:
            make_shards(voices, tmp_path, 1, **{"size": N, **options})
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["torn", "changed", "empty"])
def test_a_damaged_shard_is_rendered_again(plain, tmp_path, damage):
    [path] = make_shards(plain[:5], tmp_path, 1, size=N)
    whole = path.read_bytes()
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"torn": whole[:middle], "changed": changed, "empty": b""}[damage])
    with pytest.raises(Ddx7Error, match=r"found no examples .* wanted a shard"):
        load_shards([path])
    make_shards(plain[:5], tmp_path, 1, size=N)
    assert path.read_bytes() == whole


def test_inaudible_voices_are_left_out(plain, note_events):
    vced = plain[:N].copy()
    vced[:2, VCED_COLUMNS["output_level"]] = 0
    _, peaks = render_spectrograms(vced, note_events)
    np.testing.assert_array_equal(peaks > AUDIBLE_PEAK, [False, False, True, True, True, True])
    silent = make_shard(vced[:2], np.random.default_rng(0), N, mutate=False)
    assert len(silent) == 0


def test_each_voice_is_rendered_with_its_own_note(plain, note_events):
    """Sorting by length within a batch does not mix voices up."""
    together, _ = render_spectrograms(plain[:N], note_events)
    order = np.random.default_rng(2).permutation(N)
    shuffled, _ = render_spectrograms(plain[:N][order], note_events[order])
    assert np.abs(together[order].astype(int) - shuffled.astype(int)).mean() < 0.05
    apart = [np.abs(together[a].astype(int) - together[b]).mean() for a in range(N) for b in range(a)]
    assert min(apart) > 1


def test_mutations_are_legal_half_unchanged_and_mostly_untransposed():
    voices = random_vced(np.random.default_rng(0), 400)
    mutated = mutate_voices(np.random.default_rng(1), voices, voices)
    assert in_range(mutated).all()
    columns = np.arange(155) != VCED_COLUMNS["transpose"]
    unchanged = (mutated[:, columns] == voices[:, columns]).all(axis=1).mean()
    assert 0.4 < unchanged < 0.7
    assert (mutated[:, VCED_COLUMNS["transpose"]] == 24).mean() > 0.55
