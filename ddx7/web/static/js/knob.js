// A knob: drag up or down, turn the wheel, or use the arrow keys; a double click sets it back.

import { clamp, h, newId, svg } from "./dom.js";

const SWEEP = 270, PIXELS = 180, RADIUS = 24;

function arc(from, to) {
  const at = (degrees) => { const a = ((degrees - 225) * Math.PI) / 180; return [30 + RADIUS * Math.cos(a), 30 + RADIUS * Math.sin(a)]; };
  const [x0, y0] = at(from), [x1, y1] = at(to);
  return `M${x0.toFixed(2)} ${y0.toFixed(2)} A${RADIUS} ${RADIUS} 0 ${to - from > 180 ? 1 : 0} 1 ${x1.toFixed(2)} ${y1.toFixed(2)}`;
}

/** `from` is where the arc begins (its neutral place). Returns the element; `element.set(value)` moves it silently. */
export function knob(label, { min, max, step = 1, value, reset = value, from = min, format = String, oninput }) {
  let now = value;
  const fill = svg("path", { class: "knob-fill" }), pointer = svg("line", { x1: 30, y1: 30, x2: 30, y2: 13, class: "knob-pointer" });
  const dial = svg("svg", { viewBox: "0 0 60 60", class: "knob-dial", "aria-hidden": "true" }, svg("path", { d: arc(0, SWEEP), class: "knob-track" }), fill, svg("circle", { cx: 30, cy: 30, r: 17, class: "knob-cap" }), pointer);
  const words = h("span", { class: "knob-label", id: newId("knob") }, label), output = h("span", { class: "knob-value mono" });
  const turn = h("div", { class: "knob-turn", role: "slider", tabindex: 0, "aria-labelledby": words.id, "aria-valuemin": min, "aria-valuemax": max }, dial);
  const share = (v) => ((v - min) / (max - min)) * SWEEP;
  function paint() {
    const a = share(from), b = share(now);
    fill.setAttribute("d", Math.abs(a - b) < 0.5 ? "" : arc(Math.min(a, b), Math.max(a, b)));
    pointer.setAttribute("transform", `rotate(${share(now) - SWEEP / 2} 30 30)`);
    output.textContent = format(now);
    turn.setAttribute("aria-valuenow", now);
    turn.setAttribute("aria-valuetext", format(now));
  }
  function change(v) {
    const next = clamp(Number((Math.round(v / step) * step).toFixed(6)), min, max);
    if (next === now) return;
    now = next;
    paint();
    oninput(now);
  }
  let held = null;
  turn.addEventListener("pointerdown", (event) => { turn.setPointerCapture(event.pointerId); turn.focus(); held = { y: event.clientY, x: event.clientX, value: now }; event.preventDefault(); });
  turn.addEventListener("pointermove", (event) => { if (held) change(held.value + ((held.y - event.clientY + (event.clientX - held.x) * 0.5) / PIXELS) * (max - min)); });
  for (const kind of ["pointerup", "pointercancel"]) turn.addEventListener(kind, () => { held = null; });
  turn.addEventListener("dblclick", () => change(reset));
  turn.addEventListener("wheel", (event) => { if (document.activeElement !== turn) return; event.preventDefault(); change(now - Math.sign(event.deltaY) * step); }, { passive: false });
  turn.addEventListener("keydown", (event) => {
    const by = { ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step, PageUp: (max - min) / 8, PageDown: (min - max) / 8 }[event.key];
    if (by) change(now + by);
    else if (event.key === "Home") change(min);
    else if (event.key === "End") change(max);
    else if (event.key === "Delete") change(reset);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  paint();
  return Object.assign(h("div", { class: "knob", title: "Drag up or down; a double click sets it back" }, turn, words, output), { set(v) { now = v; paint(); } });
}
