"""Every figure that ddx7 draws, for library users as well as the command line.

Each `*_figure` function returns a matplotlib figure that belongs to no window. `figure_bytes` encodes one as PNG, SVG
or PDF. Names resolve when they are first used, because matplotlib and JAX take seconds to load.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ddx7.plot.algorithm import algorithm_text as algorithm_text

if TYPE_CHECKING:
    from ddx7.plot.axes import figure_bytes as figure_bytes
    from ddx7.plot.comparison import comparison_figure as comparison_figure
    from ddx7.plot.corpus import corpus_figure as corpus_figure
    from ddx7.plot.export import NoteLevels as NoteLevels
    from ddx7.plot.export import export_figure as export_figure
    from ddx7.plot.gallery import gallery_figure as gallery_figure
    from ddx7.plot.notebook import bank_html as bank_html
    from ddx7.plot.notebook import comparison_html as comparison_html
    from ddx7.plot.notebook import voice_html as voice_html
    from ddx7.plot.resynthesis import resynthesis_figure as resynthesis_figure
    from ddx7.plot.traces import NoteTraces as NoteTraces
    from ddx7.plot.traces import trace_note as trace_note
    from ddx7.plot.voice import draw_algorithm as draw_algorithm
    from ddx7.plot.voice import traces_figure as traces_figure
    from ddx7.plot.voice import voice_figure as voice_figure

_HOMES = {
    "NoteLevels": "export",
    "NoteTraces": "traces",
    "bank_html": "notebook",
    "comparison_figure": "comparison",
    "comparison_html": "notebook",
    "corpus_figure": "corpus",
    "draw_algorithm": "voice",
    "export_figure": "export",
    "figure_bytes": "axes",
    "gallery_figure": "gallery",
    "resynthesis_figure": "resynthesis",
    "trace_note": "traces",
    "traces_figure": "voice",
    "voice_figure": "voice",
    "voice_html": "notebook",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
