import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pytest
from lookalikes import bank, random_voices, single

from ddx7.errors import NotVoicesError, SysexError
from ddx7.voice import Voice, archive, load, read_bytes
from ddx7.voice.reader import load_parts

VCEDS = random_voices(40, seed=11)
BANK = bank(VCEDS[:32])


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_all_voice_files_of_an_archive_are_read_in_order(method, tmp_path):
    members = {
        "pack/readme.txt": b"hello",
        "pack/b.SYX": BANK,
        "pack/": b"",
        "pack/a.sysex": single(VCEDS[32], tail=b"\x00"),
        "__MACOSX/pack/._b.syx": b"\x00\x05\x16\x07" + bytes(100),
        "pack/._a.syx": b"\x00\x05\x16\x07" + bytes(100),
        "pack/bare.bin": b"".join(VCEDS[33:39]),
        "v.json": Voice.from_vced(VCEDS[39]).to_json().encode(),
    }
    (tmp_path / "pack.zip").write_bytes(zipped(members, method))
    found = load(tmp_path / "pack.zip")
    assert found.to_vced().tobytes() == b"".join(VCEDS)
    assert found.repairs[-1] == "1 of 5 files in the zip hold no voices and are skipped: pack/readme.txt (text)"
    assert sorted({repair.split(": ")[0] for repair in found.repairs[:-1]}) == ["pack/a.sysex", "pack/bare.bin"]


def test_parts_are_the_voices_of_each_member(tmp_path):
    damaged = b"\x7f" * 145 + VCEDS[33][145:]
    members = {"b.syx": BANK, "no.syx": b"text", "a/two.syx": single(damaged) + single(VCEDS[32])}
    (tmp_path / "pack.zip").write_bytes(zipped(members))
    parts, notes = load_parts(tmp_path / "pack.zip")
    assert [part.member for part in parts] == ["b.syx", "a/two.syx"]
    assert parts[0].vced.tobytes() == b"".join(VCEDS[:32])
    assert parts[1].doubtful.tolist() == [True, False]
    assert notes == [repair for repair in load(tmp_path / "pack.zip").repairs if "no.syx" in repair]
    assert np.concatenate([part.vced for part in parts]).tolist() == load(tmp_path / "pack.zip").to_vced().tolist()


def test_members_that_cannot_be_read_are_noted_and_the_rest_is_read():
    inner = zipped({"x.syx": BANK})
    found = read_bytes(zipped({"deep.zip": inner, "bad.syx": b"text", "ok.syx": BANK}))
    assert len(found) == 32
    assert [repair.split(":")[0] for repair in found.repairs] == ["deep.zip", "bad.syx"]


def test_an_archive_without_voices_says_why():
    with pytest.raises(SysexError, match=r"x\.zip.*deep\.zip.*not opened"):
        read_bytes(zipped({"deep.zip": zipped({"x.syx": BANK})}), "x.zip")
    with pytest.raises(SysexError, match=r"without DX7 voices \(1 of 1 files .* readme.txt \(text\)\), wanted"):
        read_bytes(zipped({"readme.txt": b"no"}))
    with pytest.raises(SysexError, match="without DX7 voices, wanted"):
        read_bytes(zipped({}))
    with pytest.raises(SysexError, match="without DX7 voices"):
        read_bytes(zipped({}))


def test_a_refusal_is_short_however_much_is_wrong():
    members = {f"{k}.syx": b"\xf0\x43\x00\x06\x08\x60" + bytes(1121) + b"\xf7" for k in range(9)}
    members |= {f"{k}.png": b"\x89PNG" for k in range(30)}
    with pytest.raises(SysexError) as caught:
        read_bytes(zipped(members))
    assert "AMEM" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(read_bytes(zipped({"../../evil.syx": BANK, "/abs.syx": BANK}))) == 64
    assert list(tmp_path.iterdir()) == []


def test_a_member_that_swells_is_left_out():
    bomb = bytes(archive.MAX_MEMBER_BYTES)
    found = read_bytes(zipped({"bomb.syx": bomb, "ok.syx": BANK}))
    assert len(found) == 32
    assert f"grow more than {archive.MAX_RATIO} times" in found.repairs[0]


def test_a_member_that_is_too_long_is_left_out():
    found = read_bytes(
        zipped({"long.syx": b"\x01" * (archive.MAX_MEMBER_BYTES + 1), "ok.syx": BANK}, zipfile.ZIP_STORED)
    )
    assert len(found) == 32
    assert "unpacks to more than" in found.repairs[0]


def test_a_size_that_lies_does_not_lift_the_bound():
    data = bytearray(zipped({"bomb.syx": bytes(50 * 2**20)}))
    entry = data.index(b"PK\x01\x02")
    for offset in (22, entry + 24):  # the uncompressed size, in both headers
        data[offset : offset + 4] = (100).to_bytes(4, "little")
    with pytest.raises(SysexError, match="damaged"):
        read_bytes(bytes(data))


def test_the_total_is_bounded(monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 3 * len(BANK))
    found = read_bytes(zipped({f"{n}.syx": BANK for n in range(5)}))
    assert len(found) == 96
    assert len(found.repairs) == 2


def test_the_number_of_members_is_bounded(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    assert len(read_bytes(zipped({f"{n}.syx": BANK for n in range(3)}))) == 96
    with pytest.raises(SysexError, match="more than 3 members"):
        read_bytes(zipped({f"{n}.syx": BANK for n in range(4)}))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused(method):
    with pytest.raises(SysexError, match="compression method"):
        read_bytes(zipped({"a.syx": BANK}, method))


def test_encrypted_members_are_refused():
    data = bytearray(zipped({"a.syx": BANK}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(SysexError, match="encrypted"):
        read_bytes(bytes(data))


def test_damaged_archives_are_refused():
    data = zipped({"a.syx": BANK})
    for cut in (4, 30, len(data) // 2, len(data) - 1):
        with pytest.raises(SysexError, match="zip"):
            read_bytes(data[:cut])
    flipped = bytearray(data)
    flipped[200] ^= 0xFF
    with pytest.raises(SysexError, match="damaged"):
        read_bytes(bytes(flipped))


def test_strange_member_names():
    data = zipped({"aaaa.syx": BANK, "bbbb.syx": single(VCEDS[0], tail=b"\x00")})
    assert len(read_bytes(data.replace(b"aaaa.syx", b"\0" * 8))) == 33
    (repair,) = read_bytes(data.replace(b"bbbb.syx", b"b\n\x1bb.syx")).repairs
    assert repair.startswith("b??b.syx: voice 1: the checksum is 00")


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_the_content_of_members_decides_not_their_names():
    members = {
        "pack/BANK": BANK,
        "pack/one.SYS": single(VCEDS[32]),
        "pack/two.txt": single(VCEDS[33]).hex(" ").encode(),
        "pack/bare.rom": b"".join(VCEDS[34:40]),
        "cover.jpg": b"\xff\xd8\xff" + bytes(900),
        "loop.wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(2000),
        "empty": b"",
        "other.doc": b"\xd0\xcf\x11\xe0" + bytes(512),
    }
    found = read_bytes(zipped(members))
    assert found.to_vced().tobytes() == b"".join(VCEDS)
    assert found.repairs[-1].startswith("4 of 8 files in the zip hold no voices and are skipped: cover.jpg (a JPEG")
    assert all(word in found.repairs[-1] for word in ("loop.wav (a RIFF", "other.doc (a Microsoft", "empty (an empty"))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_are_read(mode):
    found = read_bytes(tarred({"a/bank": BANK, "a/readme": b"hello", "b.syx": single(VCEDS[32])}, mode))
    assert found.to_vced().tobytes() == b"".join(VCEDS[:33])
    assert found.repairs == ("1 of 3 files in the tar hold no voices and are skipped: a/readme (text)",)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_read(compress):
    assert read_bytes(compress(BANK)).to_vced().tobytes() == b"".join(VCEDS[:32])
    assert len(read_bytes(compress(zipped({"a": BANK})))) == 32
    assert len(read_bytes(compress(BANK) + compress(single(VCEDS[0])))) == 33


def test_a_compressed_file_cut_short_gives_what_is_there():
    found = read_bytes(gzip.compress(BANK * 20)[:-400])
    assert len(found) > 32
    assert "the gzip file is cut short" in found.repairs
    with pytest.raises(SysexError, match="damaged gzip"):
        read_bytes(b"\x1f\x8b\x08" + BANK)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_that_swells_is_refused(compress, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 10_000)
    with pytest.raises(SysexError, match="unpacks to more than 10,000 bytes"):
        read_bytes(compress(bytes(2**22)))


def test_a_damaged_tar_gives_what_comes_before_the_damage():
    data = tarred({"a.syx": BANK, "b.syx": BANK})
    for cut in (6000, 9000):
        assert len(read_bytes(data[:cut])) >= 32
    broken = bytearray(data)
    broken[512 + 4608 + 148 : 512 + 4608 + 156] = b"00000000"  # the checksum of the second header
    found = read_bytes(bytes(broken))
    assert len(found) == 32


def test_a_zip_that_unpacks_itself():
    for start in (b"MZ" + bytes(400), b"#!/bin/sh\n"):
        assert len(read_bytes(start + zipped({"a.syx": BANK}))) == 32


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x1b\x00-lh5-" + bytes(100), "an LHA archive"),
        (b"\x20\x7a-lh0-" + BANK, "an LHA archive"),
        (b"Rar!\x1a\x07\x00" + BANK, "a RAR archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive"),
        (b"SIT!" + bytes(100), "a StuffIt archive"),
        (b"\x60\xea" + bytes(100), "an ARJ archive"),
        (b"\x1a\x08BANK.SYX\x00" + bytes(100), "an ARC archive"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "a Zstandard archive"),
        (b"\r\n(This file must be converted with BinHex 4.0)\r\n:abc", "a BinHex file"),
    ],
)
def test_archives_that_cannot_be_opened_are_named(data, words):
    with pytest.raises(SysexError, match=f"found {words}, which is not opened") as caught:
        read_bytes(data)
    assert not isinstance(caught.value, NotVoicesError)
    found = read_bytes(zipped({"x": data, "ok": BANK}))
    assert (len(found), words in found.repairs[0]) == (32, True)
