"""SysEx as text, as monitors, dump tools, programs and people write it."""

import pytest
from lookalikes import bank, random_voices, single

from ddx7.errors import NotVoicesError
from ddx7.voice import load, read_bytes

VCEDS = random_voices(33, seed=71)
DATA = bank(VCEDS[:32]) + single(VCEDS[32])


def lines(form: str, width: int = 16) -> str:
    """Lines of bytes; the form takes the offset, the number of the line, its bytes and its characters."""
    out = []
    for n, at in enumerate(range(0, len(DATA), width)):
        row = DATA[at : at + width]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        pairs = " ".join(row[k : k + 2].hex() for k in range(0, len(row), 2))
        decimal = ", ".join(map(str, row))
        out.append(
            form.format(
                at=at, n=n + 1, hex=row.hex(" ").upper(), text=text, pairs=pairs, decimal=decimal, row=row.hex()
            )
        )
    return "\n".join(out)


FORMS = {
    "plain": lines("{hex}"),
    "one line": DATA.hex(" "),
    "without spaces": DATA.hex(),
    "monitor": "TIMESTAMP  IN PORT\r\n" + lines("{hex}").replace("\n", "\r\n"),
    "xxd": lines("{at:08x}: {pairs:<39}  {text}"),
    "xxd -p": lines("{row}", 30),
    "hexdump -C": lines("{at:08x}  {hex:<47}  |{text}|"),
    "od octal": lines("{at:07o} {hex}"),
    "od decimal": lines("{at:07d} {hex}"),
    "hex editor": lines("{at:08X}  {hex:<47}  {text}"),
    "line numbers": lines("{n}: {hex}"),
    "line numbers alone": lines("{n} {hex}", 24),
    "C array": "const unsigned char bank[] = {\n"
    + ",\n".join(", ".join(f"0x{b:02X}" for b in DATA[k : k + 12]) for k in range(0, len(DATA), 12))
    + "\n};\n",
    "string": "".join(f"\\x{byte:02x}" for byte in DATA),
    "assembler": ",".join(f"{byte:02X}h" for byte in DATA),
    "dollars": " ".join(f"${byte:02x}" for byte in DATA),
    "hyphens": DATA.hex("-"),
    "decimal": lines("{decimal}"),
    "JSON": "[" + ", ".join(map(str, DATA)) + "]",
    "prose": "My best bank, enjoy!\n\n" + lines("{hex}") + "\n\nBye, Ada\n",
    "spoken": lines("SysEx: {hex}"),
    "times": lines("00:01:02.345  SysEx  {hex}"),
    "spreadsheet": lines("{n},{hex}").replace(" ", ","),
    "comments": lines("{hex} ; line {n}"),
    "one in a line": lines("{hex}", 1),
    "one in a line with offsets": lines("{at}: {hex}", 1),
    "web page": f"<html><pre>{DATA.hex(' ')}</pre></html>",
    "RTF": "{\\rtf1\\ansi " + DATA.hex(" ") + "\\par}",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form, tmp_path):
    (tmp_path / "bank.txt").write_text(FORMS[form], encoding="utf-8")
    found = load(tmp_path / "bank.txt")
    assert found.to_vced().tobytes() == b"".join(VCEDS)
    assert found.repairs == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "latin-1"])
def test_encodings(encoding):
    assert len(read_bytes(("Für Elise\n" + lines("{hex}") + "\n\x1a").encode(encoding))) == 33


def test_bytes_without_a_header():
    assert len(read_bytes(DATA[1:4104].hex(" ").encode())) == 32
    assert "no SysEx header" in read_bytes(DATA[6:4102].hex(" ").encode()).repairs[0]


def test_a_text_cut_short_gives_whole_voices():
    text = FORMS["xxd"]
    found = read_bytes(text[: len(text) // 2].encode())
    assert found.to_vced().tobytes() == b"".join(VCEDS[: len(found)])
    assert len(found) > 10


@pytest.mark.parametrize(
    "text", ["Dear diary", "F0 43", "F0 43 00 09 20 00 and so on", "12 " * 500, "240 67 0 9 32 0", "f0" * 5000]
)
def test_other_texts_are_no_voices(text):
    with pytest.raises(NotVoicesError, match="found text"):
        read_bytes(text.encode())
