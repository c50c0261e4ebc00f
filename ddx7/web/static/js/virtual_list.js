// A list of any length of which only the visible rows exist. Rows are made once and filled again while it scrolls.

import { clamp, eachFrame, h, newId } from "./dom.js";

const SPARE = 6;

/**
 * `make(row)` builds an empty row (an element) and `fill(row, k, chosen)` fills it with item `k`. `onchoose(k)` is called
 * when another item is chosen, by a click or the arrow keys; `onkey(event, k)` for other keys.
 * Returns the element with `setItems(n)`, `choose(k, quiet)`, `paint()` and `chosen`.
 */
export function virtualList({ label, height, make, fill, onchoose, onkey = () => {} }) {
  const spacer = h("div", { class: "list-spacer" });
  const element = h("div", { class: "virtual-list", role: "grid", tabindex: 0, "aria-label": label }, spacer);
  element.style.setProperty("--row", `${height}px`);
  const rows = [];
  let n = 0, chosen = -1;

  const paint = eachFrame(() => {
    const first = Math.max(0, Math.floor(element.scrollTop / height) - SPARE / 2), wanted = Math.min(n - first, Math.ceil(element.clientHeight / height) + SPARE);
    while (rows.length < wanted) {
      const row = h("div", { class: "list-row", role: "row", id: newId("row") });
      row.addEventListener("click", (event) => { if (!event.target.closest("button")) choose(row.at); });
      make(row);
      spacer.append(row);
      rows.push(row);
    }
    let active = null;
    rows.forEach((row, k) => {
      const at = first + k;
      row.hidden = k >= wanted;
      if (row.hidden) return;
      row.at = at;
      row.style.transform = `translateY(${at * height}px)`;
      row.setAttribute("aria-rowindex", at + 1);
      row.setAttribute("aria-selected", at === chosen ? "true" : "false");
      fill(row, at, at === chosen);
      if (at === chosen) active = row.id;
    });
    if (active) element.setAttribute("aria-activedescendant", active); else element.removeAttribute("aria-activedescendant");
  });

  function reveal(k) {
    const top = k * height, bottom = top + height - element.clientHeight;
    if (element.scrollTop > top) element.scrollTop = top; else if (element.scrollTop < bottom) element.scrollTop = bottom;
  }
  function choose(k, quiet = false) {
    if (!n) return;
    chosen = clamp(k, 0, n - 1);
    reveal(chosen);
    paint();
    if (!quiet) onchoose(chosen);
  }
  element.addEventListener("scroll", paint, { passive: true });
  element.addEventListener("keydown", (event) => {
    if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(element.clientHeight / height) - 1);
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + page, PageUp: chosen - page, Home: 0, End: n - 1 }[event.key];
    if (to !== undefined) { choose(to); event.preventDefault(); event.stopPropagation(); } else if (n && chosen >= 0) onkey(event, chosen);
  });
  new ResizeObserver(paint).observe(element);
  return Object.assign(element, {
    setItems(count, keep = -1) {
      n = count;
      chosen = keep;
      spacer.style.height = `${n * height}px`;
      element.setAttribute("aria-rowcount", n);
      if (keep < 0) element.scrollTop = Math.min(element.scrollTop, Math.max(0, n * height - element.clientHeight));
      paint();
    },
    choose, paint,
    chosen: () => chosen,
  });
}
