// A map of timbre: voices that sound alike lie beside each other. Dragging over it plays what lies there.

import { clamp, h, show } from "../js/dom.js";
import { canvas, colour, isDark } from "../js/plot.js";
import { button } from "../js/ui.js";

const MARGIN = 22, REACH = 42, WANDER_MS = 110;

/** A colour for each category; grey for none. */
export function categoryColour(category) {
  if (category < 0) return isDark() ? "#6f665e" : "#a5988a";
  const hue = (category * 137.5 + 20) % 360;
  return isDark() ? `oklch(0.76 0.12 ${hue})` : `oklch(0.56 0.13 ${hue})`;
}

/** `hear(row)` plays a voice; `pick(category)` filters. */
export function libraryMap(library, { hear, pick }) {
  let shown = [], inside = new Set(), chosen = null, hovered = null, view = { x: 0, y: 0, size: 1 }, last = 0, drag = false;

  const place = (k, width, height) => [
    MARGIN + ((library.x(k) - view.x) / view.size) * (width - 2 * MARGIN),
    height - MARGIN - ((library.y(k) - view.y) / view.size) * (height - 2 * MARGIN),
  ];

  const picture = canvas((context, width, height) => {
    context.font = `11px ${colour("--mono")}`;
    context.fillStyle = colour("--soft");
    context.fillText("dark", 10, height - 10);
    const bright = "bright";
    context.fillText(bright, width - 10 - context.measureText(bright).width, height - 10);
    const radius = clamp(26 / Math.sqrt(library.places2d || 1) / view.size * 4, 1.8, 6.5);
    context.globalAlpha = 0.22;
    context.fillStyle = colour("--faint");
    for (let k = 0; k < library.places2d; k++) {
      if (inside.has(k)) continue;
      const [x, y] = place(k, width, height);
      context.fillRect(x - 1, y - 1, 2, 2);
    }
    context.globalAlpha = 0.92;
    const groups = new Map();
    for (const k of shown) { const c = library.category(k); if (!groups.has(c)) groups.set(c, []); groups.get(c).push(k); }
    for (const [category, rows] of groups) {
      context.fillStyle = categoryColour(category);
      context.beginPath();
      for (const k of rows) { const [x, y] = place(k, width, height); context.moveTo(x + radius, y); context.arc(x, y, radius, 0, 7); }
      context.fill();
    }
    context.globalAlpha = 1;
    for (const [k, ink] of [[hovered, "--soft"], [chosen, "--accent"]]) {
      if (k === null || k >= library.places2d) continue;
      const [x, y] = place(k, width, height);
      context.strokeStyle = colour(ink);
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, radius + 5, 0, 7);
      context.stroke();
      const name = library.name(k).trim() || "(no name)", w = context.measureText(name).width + 14, left = clamp(x - w / 2, 4, width - w - 4), top = y > 40 ? y - radius - 32 : y + radius + 10;
      context.fillStyle = colour("--lcd");
      context.beginPath();
      context.roundRect(left, top, w, 21, 5);
      context.fill();
      context.fillStyle = colour("--lcd-ink");
      context.fillText(name, left + 7, top + 14.5);
    }
  }, { label: "Map of timbre. Arrows walk to the next voice and play it.", class: "sound-map" });
  picture.tabIndex = 0;
  picture.setAttribute("role", "application");

  function nearest(event) {
    const box = picture.getBoundingClientRect(), mx = event.clientX - box.left, my = event.clientY - box.top;
    let best = null, least = REACH * REACH;
    for (const k of shown) {
      const [x, y] = place(k, box.width, box.height), d = (x - mx) ** 2 + (y - my) ** 2;
      if (d < least) { least = d; best = k; }
    }
    return best;
  }
  function wander(event) {
    const k = nearest(event), now = performance.now();
    if (k === null || k === chosen || now - last < WANDER_MS) return;
    last = now;
    hear(k);
  }
  picture.addEventListener("pointerdown", (event) => { drag = true; picture.setPointerCapture(event.pointerId); const k = nearest(event); if (k !== null) { last = performance.now(); hear(k); } });
  picture.addEventListener("pointermove", (event) => { const k = nearest(event); if (k !== hovered) { hovered = k; picture.paint(); } if (drag) wander(event); });
  for (const kind of ["pointerup", "pointercancel"]) picture.addEventListener(kind, () => { drag = false; });
  picture.addEventListener("pointerleave", () => { hovered = null; picture.paint(); });
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = picture.getBoundingClientRect();
    zoom(Math.exp(event.deltaY * 0.004), (event.clientX - box.left - MARGIN) / (box.width - 2 * MARGIN), 1 - (event.clientY - box.top - MARGIN) / (box.height - 2 * MARGIN));
  }, { passive: false });
  picture.addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] || [0, 0];
    if (event.key === "+" || event.key === "=") zoom(0.7);
    else if (event.key === "-") zoom(1 / 0.7);
    else if (dx || dy) step(dx, dy);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** The nearest voice in a direction, within a quarter turn. */
  function step(dx, dy) {
    const from = chosen !== null && inside.has(chosen) ? [library.x(chosen), library.y(chosen)] : [view.x + view.size / 2, view.y + view.size / 2];
    let best = null, least = Infinity;
    for (const k of shown) {
      const x = library.x(k) - from[0], y = library.y(k) - from[1], along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
      if (along <= 1e-6 || across > along) continue;
      const d = x * x + y * y;
      if (d < least) { least = d; best = k; }
    }
    if (best !== null) hear(best);
  }
  function zoom(factor, px = 0.5, py = 0.5) {
    const size = clamp(view.size * factor, 0.05, 1), x = view.x + px * (view.size - size), y = view.y + py * (view.size - size);
    view = { x: clamp(x, 0, 1 - size), y: clamp(y, 0, 1 - size), size };
    picture.paint();
  }

  const legend = h("div", { class: "map-legend", role: "group", "aria-label": "Categories" });
  const tools = h("div", { class: "actions map-tools" }, button("Zoom in", { icon: "plus", kind: "quiet", iconOnly: true, onclick: () => focusZoom(0.6) }), button("Zoom out", { icon: "minus", kind: "quiet", iconOnly: true, onclick: () => focusZoom(1 / 0.6) }));
  /** Zoom towards the chosen voice. */
  function focusZoom(factor) {
    const at = chosen !== null && chosen < library.places2d ? [(library.x(chosen) - view.x) / view.size, (library.y(chosen) - view.y) / view.size] : [0.5, 0.5];
    zoom(factor, clamp(at[0], 0, 1), clamp(at[1], 0, 1));
  }
  const waiting = h("p", { class: "hint map-waiting" }, "The map appears when all voices are measured.");

  return {
    element: h("div", { class: "map-frame" }, h("div", { class: "well" }, picture, tools, waiting), legend),
    show(rows, category) {
      shown = rows.filter((k) => k < library.places2d);
      inside = new Set(shown);
      waiting.hidden = library.places2d > 0;
      const present = new Map();
      for (let k = 0; k < library.places2d; k++) { const c = library.category(k); present.set(c, (present.get(c) || 0) + 1); }
      const names = library.columns.names.categories;
      show(legend, [...present].filter(([c]) => c >= 0).sort((a, b) => a[0] - b[0]).map(([c, count]) => {
        const dot = h("span", { class: "dot" });
        dot.style.background = categoryColour(c);
        return h("button", { type: "button", class: "legend-chip", "aria-pressed": names[c] === category ? "true" : "false", onclick: () => pick(names[c] === category ? "" : names[c]) }, dot, names[c], h("span", { class: "badge" }, String(count)));
      }));
      picture.paint();
    },
    choose(k) { chosen = k; picture.paint(); },
  };
}
