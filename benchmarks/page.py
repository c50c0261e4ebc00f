"""Speed of the page: CPU time of its renders; with `--address`, first sound, keys and scrolling in Chromium.

python benchmarks/page.py [--address ADDRESS_OF_A_RUNNING_DDX7_UI]
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddx7 import Operator, Voice
from ddx7.engine import render

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

REPEATS, FIRST_SOUNDS = 9, 5
VOICE = Voice(
    operators=(Operator(output_level=99), *(Operator(output_level=75, coarse=k) for k in range(1, 6))),
    algorithm=5,
    feedback=6,
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--autoplay-policy=no-user-gesture-required")
MEASURE_KEYS = """async () => {
  const { app } = await import("/static/js/app.js");
  const found = [];
  for (let k = 0; k < 24; k++) {
    const changed = [...app.voice];
    changed[16] = 50 + k;  // an edit, so that nothing is cached
    app.setVoice(changed);
    await app.player.noteOn(48 + k, 100);
    found.push(app.player.latencyMs);
    app.player.noteOff(48 + k);
  }
  return found;
}"""


FRAMES = 180
# A list of 20,000 rows, scrolled by three rows in each frame.
MEASURE_SCROLL = """async (frames) => {
  const { virtualList } = await import("/static/js/virtual_list.js");
  const { h } = await import("/static/js/dom.js");
  const list = virtualList({ label: "measured", height: 44, onchoose() {},
    make(row) { row.append(...Array.from({ length: 8 }, () => h("div", { class: "cell" }, h("span", {})))); },
    fill(row, k) { for (const cell of row.children) cell.firstChild.textContent = `voice ${k}`; } });
  list.style.cssText = "position:fixed;inset:0;height:600px;z-index:99";
  document.body.append(list);
  list.setItems(20000);
  for (let k = 0; k < frames; k++) {
    list.scrollTop += 132;
    await new Promise(requestAnimationFrame);
  }
  list.remove();
}"""


def timed(work) -> dict[str, float]:
    """Median wall and CPU milliseconds of some work, after a first run that compiles."""
    work()
    wall, cpu = [], []
    for _ in range(REPEATS):
        before, before_cpu = time.perf_counter(), time.process_time()
        work()
        wall.append(1000 * (time.perf_counter() - before))
        cpu.append(1000 * (time.process_time() - before_cpu))
    return {"wall_ms": round(statistics.median(wall), 1), "cpu_ms": round(statistics.median(cpu), 1)}


def in_a_browser(address: str) -> dict[str, dict[str, float]]:
    """Milliseconds from opening the page to its first sound, from an edit and a key to its sound, and of a frame."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        first = []
        for _ in range(FIRST_SOUNDS):
            context = browser.new_context()
            page = context.new_page()
            before = time.perf_counter()
            page.goto(address)
            page.locator(".transport .button.primary:not([disabled])").first.click()
            page.get_by_role("button", name="Pause", exact=True).first.wait_for()
            first.append(1000 * (time.perf_counter() - before))
            context.close()
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        keys = page.evaluate(MEASURE_KEYS)
        # CPU time of the page's main thread: script, style, layout and painting.
        cdp = page.context.new_cdp_session(page)
        cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.evaluate(MEASURE_SCROLL, 30)
        before_s = _task_s(cdp)
        page.evaluate(MEASURE_SCROLL, FRAMES)
        frame_ms = 1000 * (_task_s(cdp) - before_s) / FRAMES
        browser.close()
    return {
        "page to first sound of the demo, in Chromium": {"wall_ms": round(statistics.median(first), 1)},
        "edit and key to sound, in Chromium": {"wall_ms": round(statistics.median(keys[4:]), 1)},
        "a frame of a list of 20,000 rows that scrolls": {"cpu_ms": round(frame_ms, 1)},
    }


def _task_s(cdp: "CDPSession") -> float:
    metrics = cdp.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", help="of a running ddx7 ui, to measure in Chromium, too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = {
        "one note, 5.1 s": timed(lambda: render(VOICE, 60, 100, 5.0, 5.1)),
        "61 keys, 1.5 s each": timed(lambda: render(VOICE, np.arange(36, 97), 100, 1.0, 1.5)),
    }
    for name, row in rows.items():
        print(f"{name:22} {row['wall_ms']:8.1f} ms wall {row['cpu_ms']:8.1f} ms CPU")
    for name, row in (in_a_browser(arguments.address) if arguments.address else {}).items():
        rows[name] = row
        print(f"{name:46} " + ", ".join(f"{key} {value}" for key, value in row.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
