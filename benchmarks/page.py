"""Speed of the page: CPU time of its renders, and the time from a key to its sound in Chromium.

python benchmarks/page.py [--browser]
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from ddx7 import Operator, Voice
from ddx7.engine import render

REPEATS = 9
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


def keys_in_a_browser(address: str) -> float:
    """Median milliseconds from a key after an edit to its sound being scheduled."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        found = page.evaluate(MEASURE_KEYS)
        browser.close()
    return round(statistics.median(found[4:]), 1)


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", help="of a running ddx7 ui, to measure keys in Chromium, too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = {
        "one note, 5.1 s": timed(lambda: render(VOICE, 60, 100, 5.0, 5.1)),
        "61 keys, 1.5 s each": timed(lambda: render(VOICE, np.arange(36, 97), 100, 1.0, 1.5)),
    }
    for name, row in rows.items():
        print(f"{name:22} {row['wall_ms']:8.1f} ms wall {row['cpu_ms']:8.1f} ms CPU")
    if arguments.address:
        rows["edit and key to sound, in Chromium"] = {"wall_ms": keys_in_a_browser(arguments.address)}
        print(f"{'edit and key to sound':22} {rows['edit and key to sound, in Chromium']['wall_ms']:8.1f} ms wall")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
