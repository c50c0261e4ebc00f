"""The API reference has every public name."""

import re
import sys
from pathlib import Path

import pytest
from pages import ROOT, public_names

sys.path.insert(0, str(ROOT / "docs"))
from make_api import PAGES, documents

PACKAGES = sorted(init.parent for init in (ROOT / "ddx7").rglob("__init__.py") if public_names(init))


@pytest.mark.parametrize("package", PACKAGES, ids=[str(p.relative_to(ROOT)) for p in PACKAGES])
def test_a_page_has_every_public_name_of_a_package(package: Path) -> None:
    if package.name == "ddx7":
        page, pattern = "index", r"^\| `ddx7\.(\w+)`"
    else:
        folder = str(package.relative_to(ROOT / "ddx7"))
        page = next(page for page, documented in PAGES.items() if documented == folder)
        pattern = rf"^::: ddx7\.{folder.replace('/', '.')}\.(?:\w+\.)?(\w+)$"
    text = (ROOT / "docs" / "api" / f"{page}.md").read_text(encoding="utf-8")
    assert set(re.findall(pattern, text, re.MULTILINE)) == public_names(package / "__init__.py"), (
        "run: python docs/make_api.py"
    )


@pytest.mark.parametrize("name", documents())
def test_a_page_is_what_the_script_writes(name: str) -> None:
    written = (ROOT / "docs" / "api" / name).read_text(encoding="utf-8")
    assert written == documents()[name], "run: python docs/make_api.py"
