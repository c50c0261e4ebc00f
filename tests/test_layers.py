"""Imports go down the list of layers, never up; the light ones stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ddx7

PACKAGE = Path(ddx7.__file__).parent
BASE = {"display", "errors", "files", "machine_code", "programs", "runtime"}
_ENGINE = {"voice", "engine", "audio"}
_ENCODER = _ENGINE | {"library", "training", "encoder"}
MAY_IMPORT = {
    "voice": set(),
    "engine": {"voice"},
    "audio": set(),
    "plot": _ENGINE,
    "training": {"audio"},
    "library": _ENGINE | {"training"},
    "resynthesis": _ENGINE | {"training", "plot"},
    "encoder": _ENCODER,
    "matching": _ENCODER | {"plot"},
    "generation": _ENCODER,
    "web": _ENCODER | {"plot", "resynthesis", "matching", "generation"},
    "cli": _ENCODER | {"plot", "resynthesis", "matching", "generation", "web"},
}


def imported(path):
    """Layers that a module imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module] if node.module != "ddx7" else [f"ddx7.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("ddx7.")}
    return found


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_imports_go_down(layer):
    modules = list((PACKAGE / layer).rglob("*.py"))
    assert modules
    allowed = MAY_IMPORT[layer] | BASE | {layer} | ({"__version__"} if layer in ("cli", "web") else set())
    for path in modules:
        assert imported(path) <= allowed, path


def test_every_folder_of_the_package_is_a_layer():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(MAY_IMPORT)


@pytest.mark.parametrize("module", ["ddx7", "ddx7.voice", "ddx7.library", "ddx7.plot", "ddx7.cli"])
def test_reading_voices_starts_neither_jax_nor_librosa(module):
    heavy = "{'jax', 'librosa', 'matplotlib', 'flax'}"
    code = f"import sys, {module}; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
