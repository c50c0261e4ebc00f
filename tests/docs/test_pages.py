"""Every name, command, path and link in the pages exists."""

import contextlib
import io
import re
from functools import cache, reduce
from importlib import import_module
from pathlib import Path

import pytest
import tyro
from pages import PAGES, ROOT, commands, dotted_names, links, paths

from ddx7.cli.app import COMMANDS, command_module

IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def resolve(name: str) -> object:
    """What a dotted name stands for: a module, or an attribute of one.

    Raises:
      AttributeError, ModuleNotFoundError: nothing has that name.
    """
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            return reduce(getattr, parts[k:], import_module(".".join(parts[:k])))
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_names_import(page: Path) -> None:
    for name in sorted(dotted_names(page)):
        if not name.endswith((".md", ".py")):
            resolve(name)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_paths_exist(page: Path) -> None:
    missing = [path for path in paths(page) if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@cache
def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_of_ddx7_parse(page: Path) -> None:
    for program, *words in (command.words for command in commands(page) if command.whole):
        if program == "ddx7":
            parse(words)


def parse(words: list[str]) -> str:
    """Parse a command line as `ddx7` does, and return what the parser prints, which is its help where it is asked for.

    Raises:
      Failed: the parser refuses the words.
    """
    name, *rest = words
    assert name in COMMANDS, words
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            tyro.cli(command_module(name).Command, args=rest, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as stop:
        if stop.code:
            pytest.fail(f"{words}: {printed.getvalue()}")
    return printed.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_mentioned_commands_have_these_options(page: Path) -> None:
    for program, *words in (command.words for command in commands(page) if not command.whole):
        if program != "ddx7" or words[0].isupper() or words[0].startswith("-"):
            continue
        n = 2 if words[0] == "train" and words[1:] and words[1].islower() else 1
        used = {word.partition("=")[0] for word in words[n:] if re.match(r"--?[a-z]", word)}
        assert not used - options_of(*words[:n]), words


@cache
def options_of(*name: str) -> frozenset[str]:
    """Options in the help of a command."""
    return frozenset(re.findall(r"(?<![\w-])--?[a-z][\w-]*", parse([*name, "--help"])))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_scripts_have_these_options(page: Path) -> None:
    for program, *words in (command.words for command in commands(page)):
        if program != "python" or not words[0].endswith(".py"):
            continue
        text = (ROOT / words[0]).read_text(encoding="utf-8")
        for option in (word.partition("=")[0] for word in words[1:] if word.startswith("--")):
            field = option.removeprefix("--").replace("-", "_")
            assert f'"{option}"' in text or re.search(rf"^    {field}: ", text, re.MULTILINE), words


def test_files_that_pages_include_are_written_as_the_site_reads_them() -> None:
    included = [line for page in PAGES for line in page.read_text("utf-8").splitlines() if line.startswith("--8")]
    named = [re.fullmatch('--8<-- "(.+)"', line) for line in included]
    assert len(included) >= 6
    assert [line for line, name in zip(included, named, strict=True) if name is None] == []
    assert [name[1] for name in named if name and not (ROOT / name[1]).is_file()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 1000


def test_every_topic_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]
    assert not [str(page) for page in pages if f" {page}\n" not in navigation]


def test_pages_name_no_folder_of_one_machine() -> None:
    assert not [str(page) for page in PAGES if re.search(r"/home/|/work/|/root/", page.read_text(encoding="utf-8"))]


def test_pictures_are_compact() -> None:
    large = [path.name for path in (ROOT / "docs" / "img").iterdir() if path.stat().st_size > 250_000]
    assert not large
