"""The pages of the project, and what they name."""

import ast
import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "ddx7").rglob("*.md")])


class CodeBlock(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str


def code_blocks(page: Path) -> list[CodeBlock]:
    """Fenced blocks of a page."""
    found, opened, lines = [], None, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if opened is None and (match := re.fullmatch(r"```(\w+).*", line)):
            opened, lines = (number, match[1]), []
        elif opened is not None and line.startswith("```"):
            found.append(CodeBlock(page, opened[0], opened[1], "\n".join(lines) + "\n"))
            opened = None
        else:
            lines.append(line)
    return found


class Command(NamedTuple):
    """A shell command of a page.

    Attributes:
      words: from the program on.
      whole: whether it is an example to be typed, not a mention in a sentence.
    """

    words: list[str]
    whole: bool


PROGRAM = r"(?:ddx7|python|pip)"


def commands(page: Path) -> list[Command]:
    """Indented lines, and code in backticks, that begin with a program."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    typed = re.findall(rf"^ {{4,}}(?:[A-Z_]+=\S+ |taskset -c 0 )?({PROGRAM} .+)$", text, re.MULTILINE)
    named = re.findall(rf"`({PROGRAM} [^`]+)`", text)
    return [
        Command(shlex.split(part), whole)
        for lines, whole in ((typed, True), (named, False))
        for line in lines
        for part in re.split(r"&&|\s{3,}(?=\S)", re.sub(r"\s+#.*", "", line))
        if re.match(PROGRAM, part.strip())
    ]


def dotted_names(page: Path) -> set[str]:
    """Names such as `ddx7.engine.render` in a page."""
    return set(re.findall(r"(?<![\w/.-])ddx7(?:\.[A-Za-z_]\w*)+", page.read_text(encoding="utf-8")))


def links(page: Path) -> list[str]:
    """Targets of links and images that are not on the web."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    return [link for link in found if not link.startswith(("http://", "https://"))]


def paths(page: Path) -> set[str]:
    """Files and folders of the repository that a page names in backticks."""
    text = page.read_text(encoding="utf-8")
    return set(re.findall(r"`((?:ddx7|docs|tests|experiments|benchmarks|examples)/[\w./-]*)`", text))


def public_names(init: Path) -> set[str]:
    """Names that a package's `__init__.py` re-exports."""
    tree = ast.parse(init.read_text(encoding="utf-8"))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in imports for alias in node.names if alias.asname == alias.name}
