"""docs/http.md names every route and no other."""

import re
from pathlib import Path

from ddx7.web.routes import ROUTES

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


def test_the_page_lists_every_route():
    listed = re.findall(r"^\| `([A-Z]+) (/api/\S+)` \|", PAGE.read_text(), re.MULTILINE)
    assert len(listed) == len(set(listed))
    served = {(method, route.path) for route in ROUTES for method in (route.methods or ()) if method != "HEAD"}
    assert set(listed) == served
