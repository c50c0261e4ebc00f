"""Some of the damaged files of `benchmarks/fuzz.py`, the same ones in every run."""

import pytest
from fuzzing.sound import READERS
from hypothesis import given, settings

OF_LIBSNDFILE = [reader for reader in READERS if reader.name != "m4a"]


@pytest.mark.parametrize("reader", OF_LIBSNDFILE, ids=lambda reader: reader.name)
def test_no_damage_ends_in_a_traceback_or_goes_unsaid(tmp_path, reader):
    outcomes = set()

    @settings(max_examples=25, derandomize=True, database=None)
    @given(reader.files)
    def read(file):
        path = tmp_path / f"a{reader.suffix}"
        path.write_bytes(file.data)
        outcomes.add(reader.read(path, file))

    read()
    assert len(outcomes) > 1
