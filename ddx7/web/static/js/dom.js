// Builds elements. `h("button", { class: "x", onclick: f, "aria-label": "Play" }, "Play")`; null and false children are
// left out. Text is always text: nothing here parses markup, and the page's policy would refuse it.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** Replace what an element holds. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

/** Call `f` at most once a frame, with its newest arguments. */
export function eachFrame(f) {
  let waiting = null;
  return (...args) => {
    if (waiting === null) requestAnimationFrame(() => { const now = waiting; waiting = null; f(...now); });
    waiting = args;
  };
}

/** Call `f` once, `ms` after the last call. `flush()` calls it now if it waits. */
export function later(f, ms) {
  let timer = 0, waiting = null;
  const run = () => { clearTimeout(timer); const args = waiting; waiting = null; if (args) f(...args); };
  const call = (...args) => { waiting = args; clearTimeout(timer); timer = setTimeout(run, ms); };
  call.flush = run;
  return call;
}

let lastId = 0;
/** An id for a label and its control. */
export const newId = (stem = "id") => `${stem}-${++lastId}`;

export const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const NOTES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
/** Name of a MIDI note as the DX7 counts: 60 is C3. */
export const noteName = (note) => `${NOTES[((note % 12) + 12) % 12]}${Math.floor(note / 12) - 2}`;
/** MIDI note of a name such as "C3" or "f#2", or of a number; null for anything else. */
export function noteNumber(text) {
  const found = /^\s*([A-Ga-g])([#b]?)(-?\d)\s*$/.exec(text);
  const number = found
    ? { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 }[found[1].toUpperCase()] + ({ "#": 1, b: -1 }[found[2]] || 0) + 12 * (Number(found[3]) + 2)
    : /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : NaN;
  return number >= 0 && number <= 127 ? number : null;
}
/** Seconds as 0:01.23. */
export const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(2).padStart(5, "0")}`;

/** Bring an element into view, without movement where the player wants none. */
export const reveal = (element, block = "start") => element?.scrollIntoView({ block, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });

/** Offer bytes as a file to keep. */
export function download(bytes, name, type = "application/octet-stream") {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
