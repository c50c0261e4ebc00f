"""Conventions that hold over the whole package: names tell things apart, folders say what they are for."""

import ast
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import ddx7
from ddx7.engine.midi_file import MidiNote

PACKAGE = Path(ddx7.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 400


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_public_classes_have_names_that_tell_them_apart():
    homes = defaultdict(list)
    for path in MODULES:
        for node in parsed(path).body:
            # Each command of the command line is a `Command` of its own module.
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Command":
                homes[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(homes) > 100
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_module_names_are_unique_within_a_concern():
    for concern in PACKAGE.iterdir():
        names = [path.stem for path in concern.rglob("*.py") if path.stem != "__init__"]
        assert sorted(names) == sorted(set(names)), concern.name


def test_every_module_and_folder_says_what_it_is_for():
    missing = [path for path in MODULES if not ast.get_docstring(parsed(path)) and path.name != "__main__.py"]
    assert missing == []


def test_no_file_is_longer_than_a_reader_can_hold():
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in MODULES}
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def re_exports(path: Path) -> list[str]:
    """Names that a package's ``__init__`` offers, those that it loads late included."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            found += [alias.asname for alias in node.names if alias.asname and alias.asname == alias.name]
    return found


PACKAGES = [path for path in MODULES if path.name == "__init__.py" and re_exports(path)]


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_every_re_exported_name_is_there(path):
    parts = path.parent.relative_to(PACKAGE.parent).parts
    package = __import__(".".join(parts), fromlist=["_"])
    for name in re_exports(path):
        assert getattr(package, name) is not None


def measure_at_rate(rate):
    ddx7.audio.log_mel_distance(np.ones(8), np.ones(8), rate)


def test_tests_check_the_annotations_of_functions():
    with pytest.raises(TypeCheckError, match="sample_rate"):
        measure_at_rate("44100")


def test_tests_check_the_annotations_of_functions_that_were_called_in_earlier_tests():
    measure_at_rate(44100)
    with pytest.raises(TypeCheckError, match="sample_rate"):
        measure_at_rate("44100")


def test_tests_check_the_annotations_of_dataclasses():
    with pytest.raises(TypeCheckError, match="velocity"):
        MidiNote(60, "100", 0.0, 1.0)  # pyright: ignore[reportArgumentType]
