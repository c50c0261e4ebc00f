import stat
import sys
from pathlib import Path

import pytest

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write, check_folder, write_files


def test_writes_and_makes_folders(tmp_path: Path):
    path = tmp_path / "a" / "b" / "c.bin"
    assert atomic_write(str(path), b"abc") == path
    assert path.read_bytes() == b"abc"
    assert [p.name for p in path.parent.iterdir()] == ["c.bin"]


def test_never_overwrites_unasked(tmp_path: Path):
    path = tmp_path / "x"
    atomic_write(path, b"old")
    with pytest.raises(Ddx7Error, match=r"x: exists already"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    atomic_write(path, b"new", force=True)
    assert path.read_bytes() == b"new"


def test_a_dangling_link_counts_as_a_file(tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(Ddx7Error, match="exists already"):
        atomic_write(link, b"")


def test_a_folder_is_never_replaced(tmp_path: Path):
    with pytest.raises(Ddx7Error, match="found a folder"):
        atomic_write(tmp_path, b"", force=True)


def test_a_file_in_place_of_a_folder_is_a_clear_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "deep" / "x"):
        with pytest.raises(Ddx7Error, match="cannot be written, because a folder of this path is a file"):
            atomic_write(path, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file size limit")
def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path):
    import resource

    path = tmp_path / "x"
    atomic_write(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(Ddx7Error, match="cannot be written"):
            atomic_write(path, bytes(1_000_000), force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_files_get_the_usual_permissions(tmp_path: Path):
    usual, ours = tmp_path / "usual", tmp_path / "ours"
    usual.write_bytes(b"")
    atomic_write(ours, b"")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_several_files_are_checked_before_the_first_is_written(tmp_path: Path):
    (tmp_path / "b").write_bytes(b"old")
    files = {tmp_path / "a": b"1", tmp_path / "b": b"2"}
    with pytest.raises(Ddx7Error, match="b: exists already"):
        write_files(files)
    assert not (tmp_path / "a").exists()
    assert write_files(files, force=True) == list(files)
    assert (tmp_path / "b").read_bytes() == b"2"


def test_a_folder_is_tried_for_writing_and_left_as_it_was(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(Ddx7Error, match=r"file: found a file, wanted a folder to write to"):
        check_folder(tmp_path / "file" / "b")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(Ddx7Error, match=r"out: cannot be written to \(No space left on device\)"):
        check_folder(tmp_path / "out")
