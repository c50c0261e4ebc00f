import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_table_says(tmp_path: Path) -> None:
    script = tmp_path / "make_parameters.py"
    script.write_text((DOCS / "make_parameters.py").read_text(encoding="utf-8"), encoding="utf-8")
    subprocess.run([sys.executable, script], check=True)
    assert (tmp_path / "parameters.md").read_text(encoding="utf-8") == (DOCS / "parameters.md").read_text(
        encoding="utf-8"
    ), "run: python docs/make_parameters.py"
