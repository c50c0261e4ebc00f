"""Write `docs/parameters.md` from the parameter table: `python docs/make_parameters.py`."""

from pathlib import Path

from ddx7.voice.spec import (
    FIELDS,
    INIT_OUTPUT_LEVEL_OP1,
    OPERATOR_PARAMETERS,
    VCED_SIZE,
    VMEM_SIZE,
    VOICE_PARAMETERS,
    Parameter,
)

TARGET = Path(__file__).with_name("parameters.md")

PAGE = """# The parameters of a voice

Written by `docs/make_parameters.py` from `ddx7/voice/spec.py`, where every offset and range has its one place. VCED is
the edit form of {vced_size} bytes, VMEM the packed form of {vmem_size}. *Panel* is the range as the DX7 shows it and as
`Voice` holds it; where the byte differs, its own range stands in brackets.

## Each operator

OP6 comes first: operator n starts at VCED byte {vced_block} x (6 - n) and at VMEM byte {vmem_block} x (6 - n).
The offsets below are inside that block. In INIT VOICE all operators are alike but for OP1, whose level is {level}.

{operator}
## The whole voice

{voice}"""

HEADER = "| name | VCED | VMEM | panel | INIT VOICE | meaning of a step | gradient |\n|---|---|---|---|---|---|---|\n"


def document() -> str:
    """The whole page."""
    first = {field.operator: field for field in reversed(FIELDS)}
    return PAGE.format(
        vced_size=VCED_SIZE,
        vmem_size=VMEM_SIZE,
        vced_block=first[5].vced - first[6].vced,
        vmem_block=first[5].vmem - first[6].vmem,
        level=INIT_OUTPUT_LEVEL_OP1,
        operator=table(OPERATOR_PARAMETERS),
        voice=table(VOICE_PARAMETERS),
    )


def table(rows: tuple[Parameter, ...]) -> str:
    """One Markdown table."""
    return HEADER + "".join(line(row) for row in rows)


def line(row: Parameter) -> str:
    """One parameter as a line of its table."""
    cells = (
        f"`{row.name}`",
        span(row.vced, row.count),
        span(row.vmem, row.count) + bits(row),
        panel(row),
        initial(row),
        meaning(row),
        "no" if row.categorical or not row.audible else "yes",
    )
    return f"| {' | '.join(cells)} |\n"


def span(first: int, count: int) -> str:
    """Byte or bytes that a row covers."""
    return str(first) if count == 1 else f"{first}–{first + count - 1}"


def bits(row: Parameter) -> str:
    """Which bits of the packed byte, where it shares one."""
    if row.bits == 7:
        return ""
    last = row.shift + row.bits - 1
    return f", bit {row.shift}" if row.bits == 1 else f", bits {row.shift}–{last}"


def panel(row: Parameter) -> str:
    """Range as the panel shows it."""
    if row.kind == "text":
        return f"{row.count} characters"
    shown = f"{row.minimum + row.panel} to {row.maximum + row.panel}"
    return f"{shown} ({row.minimum} to {row.maximum})" if row.panel else shown


def initial(row: Parameter) -> str:
    """Value in INIT VOICE, as the panel shows it."""
    if row.kind == "text":
        return bytes(row.defaults).decode()
    values = row.defaults if len(set(row.defaults)) > 1 else row.defaults[:1]
    return ", ".join(str(value + row.panel) for value in values)


def meaning(row: Parameter) -> str:
    """Words for the values, or the unit of a step."""
    if row.labels:
        return ", ".join(f"{value} {label}" for value, label in enumerate(row.labels))
    return row.unit


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
