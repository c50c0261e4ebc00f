"""Whatever the bytes: voices, or one clear error. Never another exception."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lookalikes import bank, random_voices, single, yamaha

from ddx7.errors import SysexError
from ddx7.voice import Voice, read_bytes

VCEDS = random_voices(32, seed=21)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.syx", single(VCEDS[0]))
        file.writestr("b.json", Voice().to_json())
    return buffer.getvalue()


VALID = {
    "bank": bank(VCEDS),
    "single": single(VCEDS[0]),
    "volca": single(VCEDS[0], tail=b"\x3f\x00"),
    "several": single(VCEDS[0]) + yamaha(6, bytes(1120)) + bank(VCEDS[:3]) + single(VCEDS[1]),
    "bare": bank(VCEDS)[6:-2],
    "edit form": b"".join(VCEDS[:4]),
    "json": f"[{Voice().to_json()}, {Voice.from_vced(VCEDS[3]).to_json()}]".encode(),
    "zip": _zip(),
}


def check(data: bytes) -> None:
    try:
        found = read_bytes(data, "fuzzed")
    except SysexError as error:
        sentences = [str(error)]
    else:
        assert len(found) > 0
        sentences = ["fuzzed: ", *found.repairs]
    assert sentences[0].startswith("fuzzed: ")
    assert all(sentence and "\n" not in sentence for sentence in sentences)


@given(st.binary(max_size=700))
def test_any_bytes(data):
    check(data)


@given(
    st.sampled_from([bank([])[:6], single(VCEDS[0])[:6], b"PK\x03\x04", b"{", b"[{", b"\xf0\x43"]),
    st.binary(max_size=5000),
)
def test_any_bytes_behind_a_good_start(start, data):
    check(start + data)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5000))
def test_long_noise(seed, size):
    check(np.random.default_rng(seed).bytes(size))


@settings(max_examples=300)
@given(st.sampled_from(sorted(VALID)), st.data())
def test_mutations_of_good_files(kind, data):
    content = bytearray(VALID[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        match data.draw(st.sampled_from(["overwrite", "delete", "insert", "cut", "repeat"])):
            case "overwrite":
                content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "delete":
                del content[at : at + data.draw(st.integers(1, 200))]
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=20))
            case "cut":
                del content[at:]
            case "repeat":
                content += content[: min(at, 5000)]
    check(bytes(content))


@pytest.mark.parametrize("kind", sorted(VALID))
def test_files_cut_anywhere(kind):
    content = VALID[kind]
    step = 1 if len(content) < 1000 else 61
    for size in {*range(0, len(content), step), *range(max(0, len(content) - 10), len(content))}:
        check(content[:size])


def test_a_bank_cut_anywhere_gives_exactly_its_whole_voices():
    content = VALID["bank"]
    for size in range(6 + 128, len(content), 61):
        n_whole = min(32, (size - 6) // 128)
        assert read_bytes(content[:size]).to_vced().tobytes() == b"".join(VCEDS[:n_whole])
