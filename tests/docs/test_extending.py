"""The code of the page on extensions runs."""

import re
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT, CodeBlock, code_blocks

import ddx7
from ddx7 import cli
from ddx7.audio.f0 import EXTRACTORS
from ddx7.audio.metrics import EMBEDDINGS
from ddx7.cli.app import COMMANDS
from ddx7.resynthesis import model as resynthesis_model

PAGE = ROOT / "docs" / "extending.md"


def sections() -> dict[str, list[CodeBlock]]:
    """Code blocks of the page by the heading above them."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    found: dict[str, list[CodeBlock]] = {}
    for block in code_blocks(PAGE):
        heading = next(line for line in reversed(lines[: block.line]) if line.startswith("## "))
        found.setdefault(heading.removeprefix("## "), []).append(block)
    return found


def test_every_kind_of_extension_has_a_section() -> None:
    kinds = ["A command", "An embedding", "A pitch extractor", "A synthesizer", "A profile"]
    assert list(sections()) == kinds


@pytest.mark.parametrize("name", sections())
def test_a_section_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registries: tuple[dict[str, Any], ...] = (COMMANDS, EMBEDDINGS, EXTRACTORS, resynthesis_model.SYNTHESIZERS)
    before = [dict(registry) for registry in registries]
    monkeypatch.chdir(tmp_path)
    ddx7.save(ddx7.Voice(name="BRASS"), "brass.syx")
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    namespace: dict[str, Any] = {"__name__": "extension"}
    try:
        for block in sections()[name]:
            assert len(block.text.splitlines()) < 30
            first = PAGE.read_text(encoding="utf-8").splitlines()[block.line - 1]
            if title := re.search(r'title="ddx7/cli/(\w+\.py)"', first):
                (tmp_path / title[1]).write_text(block.text, encoding="utf-8")
            else:
                exec(compile(block.text, f"{PAGE.name}:{block.line}", "exec"), namespace)
    finally:
        for registry, content in zip(registries, before, strict=True):
            registry.clear()
            registry.update(content)
