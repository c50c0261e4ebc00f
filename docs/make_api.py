"""Write the pages of `docs/api/` from the public names of the packages: `python docs/make_api.py`.

A name is public if the package's `__init__.py` imports it under the same name (`from x import name as name`).
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = {
    "voice": "voice",
    "engine": "engine",
    "audio": "audio",
    "metrics": "audio/metrics",
    "plot": "plot",
    "training": "training",
    "library": "library",
    "resynthesis": "resynthesis",
    "encoder": "encoder",
    "matching": "matching",
    "generation": "generation",
    "cli": "cli",
}
"""Page to package."""

INDEX = """# API reference

`import ddx7` loads no heavy module; each name loads its package on first use. These names stand at the top:

| name | documented at |
|---|---|
{rows}

Each package has a page with all of its public names: {pages}.

## Errors

{errors}"""


def documents(root: Path = ROOT) -> dict[str, str]:
    """Every page of the reference, by file name."""
    pages = {f"{page}.md": document(root, page, folder) for page, folder in PAGES.items()}
    rows = "\n".join(
        f"| `ddx7.{name}` | [`{home}.{name}`][{found_in(root, home, name)}] |" for name, home in top_names(root)
    )
    links = ", ".join(f"[{page}]({page}.md)" for page in PAGES)
    errors = "\n".join(f"::: {home}.{name}\n" for name, home in top_names(root) if home == "ddx7.errors")
    return {"index.md": INDEX.format(rows=rows, pages=links, errors=errors), **pages}


def found_in(root: Path, home: str, name: str) -> str:
    """The identifier of a top name in the package that documents it."""
    init = root / home.replace(".", "/") / "__init__.py"
    return identifier(home, name, public_names(init)[name]) if init.exists() else f"{home}.{name}"


def document(root: Path, page: str, folder: str) -> str:
    """The page of one package."""
    package = "ddx7." + folder.replace("/", ".")
    init = root / "ddx7" / folder / "__init__.py"
    summary = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
    entries = (entry(package, name, module) for name, module in sorted(public_names(init).items()))
    return f"# {package}\n\n{summary}\n\n" + "\n".join(entries)


def entry(package: str, name: str, module: str) -> str:
    """The directive that documents a name."""
    if identifier(package, name, module) == f"{package}.{name}":
        return f"::: {package}.{name}\n"
    heading = f"    options:\n      heading: {package}.{name}\n"
    return f"::: {identifier(package, name, module)}\n{heading}"


def identifier(package: str, name: str, module: str) -> str:
    """Where the reference finds a name; of a function with its module's name it needs the whole path."""
    return f"{module}.{name}" if module == f"{package}.{name}" else f"{package}.{name}"


def public_names(init: Path) -> dict[str, str]:
    """Names that a package's `__init__.py` re-exports, and the module of each."""
    tree = ast.parse(init.read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.asname == alias.name
    }


def top_names(root: Path) -> list[tuple[str, str]]:
    """Names of `ddx7` itself, each with the package that documents it, or with its module where no package does."""
    return sorted(public_names(root / "ddx7" / "__init__.py").items())


if __name__ == "__main__":
    for name, text in documents().items():
        (ROOT / "docs" / "api" / name).write_text(text, encoding="utf-8")
