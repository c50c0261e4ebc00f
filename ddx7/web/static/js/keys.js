// Playing: a piano on the page, the computer's keyboard, and MIDI keyboards (Web MIDI). All end in noteOn and noteOff.

import { clamp, h, noteName } from "./dom.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
// Rows of a computer keyboard by the place of the key, so that every layout works: two octaves and a bit.
const PLACES = ["KeyZ", "KeyS", "KeyX", "KeyD", "KeyC", "KeyV", "KeyG", "KeyB", "KeyH", "KeyN", "KeyJ", "KeyM", "Comma", "KeyL", "Period", "Semicolon", "Slash"];
const UPPER = ["KeyQ", "Digit2", "KeyW", "Digit3", "KeyE", "KeyR", "Digit5", "KeyT", "Digit6", "KeyY", "Digit7", "KeyU", "KeyI", "Digit9", "KeyO", "Digit0", "KeyP"];
const STEP = new Map([...PLACES.map((code, k) => [code, k]), ...UPPER.map((code, k) => [code, k + 12])]);

/** Whether keys now belong to a text field. */
export const typing = (event) => {
  const at = event.target;
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) && !/^(range|checkbox|radio|button|file|color)$/.test(at.type));
};

/**
 * A piano. `player`: `{ noteOn(note, velocity), noteOff(note), allOff() }`. Returns
 * `{ element, press(note, velocity), lift(note), setRange(low, high), octave() }`.
 */
export function createPiano(player, { low = 36, high = 96 } = {}) {
  const held = new Map();
  let base = 48, velocity = 100;
  const keys = new Map();
  const board = h("div", { class: "piano-keys", role: "group", "aria-label": "Piano" });
  const scroller = h("div", { class: "piano-scroll" }, board);
  const element = h("div", { class: "piano" }, scroller);

  function press(note, strength = velocity) {
    if (held.has(note)) return;
    held.set(note, true);
    keys.get(note)?.classList.add("down");
    player.noteOn(note, strength);
    element.dispatchEvent(new CustomEvent("played", { detail: note }));
  }
  function lift(note) {
    if (!held.delete(note)) return;
    keys.get(note)?.classList.remove("down");
    player.noteOff(note);
  }
  const liftAll = () => { for (const note of [...held.keys()]) lift(note); };

  function build() {
    keys.clear();
    const whites = [];
    for (let note = low; note <= high; note++) if (!BLACK.has(note % 12)) whites.push(note);
    board.style.setProperty("--whites", whites.length);
    board.replaceChildren(...Array.from({ length: high - low + 1 }, (_, k) => {
      const note = low + k, black = BLACK.has(note % 12);
      const before = whites.filter((w) => w < note).length;
      const key = h("button", {
        class: black ? "key black" : "key white", type: "button", tabindex: -1, "aria-label": noteName(note), dataset: { note },
      }, note % 12 === 0 ? h("span", { class: "key-name" }, noteName(note)) : null);
      key.style.setProperty("--at", before);
      keys.set(note, key);
      return key;
    }));
  }

  // A pointer that slides over the keys plays them; where it hits a key, decides the velocity.
  const pointers = new Map();
  const at = (event) => {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".key");
    return key && board.contains(key) ? { note: Number(key.dataset.note), box: key.getBoundingClientRect() } : null;
  };
  board.addEventListener("pointerdown", (event) => {
    const hit = at(event);
    if (!hit) return;
    event.preventDefault();
    board.setPointerCapture(event.pointerId);
    const strength = Math.round(clamp(40 + 87 * ((event.clientY - hit.box.top) / hit.box.height), 1, 127));
    pointers.set(event.pointerId, { note: hit.note, strength });
    press(hit.note, strength);
  });
  board.addEventListener("pointermove", (event) => {
    const pointer = pointers.get(event.pointerId), hit = pointer && at(event);
    if (!hit || hit.note === pointer.note) return;
    lift(pointer.note);
    pointer.note = hit.note;
    press(hit.note, pointer.strength);
  });
  for (const kind of ["pointerup", "pointercancel"]) board.addEventListener(kind, (event) => {
    const pointer = pointers.get(event.pointerId);
    if (pointer) lift(pointer.note);
    pointers.delete(event.pointerId);
  });

  const byCode = new Map();
  function keydown(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector("dialog[open]")) return;
    if (event.code === "Minus" || event.code === "Equal") { shift(event.code === "Minus" ? -12 : 12); event.preventDefault(); return; }
    const step = STEP.get(event.code);
    if (step === undefined) return;
    const note = clamp(base + step, 0, 127);
    byCode.set(event.code, note);
    press(note);
    event.preventDefault();
  }
  function keyup(event) {
    const note = byCode.get(event.code);
    if (note !== undefined) { byCode.delete(event.code); lift(note); }
  }
  function shift(by) { liftAll(); base = clamp(base + by, 0, 108); element.dispatchEvent(new CustomEvent("octave", { detail: base })); reveal(); }
  function reveal() {
    const key = keys.get(base);
    if (key) scroller.scrollTo({ left: key.offsetLeft - 24, behavior: "instant" });
  }
  window.addEventListener("keydown", keydown);
  window.addEventListener("keyup", keyup);
  window.addEventListener("blur", liftAll);

  build();
  requestAnimationFrame(reveal);
  return {
    element, press, lift, liftAll, shift, reveal,
    octave: () => base,
    setVelocity: (v) => { velocity = v; },
    setRange: (a, b) => { low = a; high = b; build(); },
  };
}

/**
 * Web MIDI, or why there is none. Asks once, at a gesture. Returns `{ access, inputs, outputs, problem }`; `problem` is a
 * sentence, or empty. `sysex` asks for the right to send voices, too.
 */
let asked = null;
export async function openMidi({ sysex = false } = {}) {
  if (!navigator.requestMIDIAccess) return { access: null, inputs: [], outputs: [], problem: "This browser has no Web MIDI. Chrome, Edge and Firefox have it." };
  try {
    if (!asked || (sysex && !asked.sysexEnabled)) asked = await navigator.requestMIDIAccess({ sysex });
    return { access: asked, inputs: [...asked.inputs.values()], outputs: [...asked.outputs.values()], problem: "" };
  } catch {
    return { access: null, inputs: [], outputs: [], problem: "The browser was not allowed to use MIDI. Allow it in the site's settings and try again." };
  }
}

/** Play from all MIDI inputs, those that are plugged in later included. Returns a function that ends it. */
export function playFromMidi(access, piano) {
  const listen = (input) => {
    input.onmidimessage = ({ data: [status, note, velocity] }) => {
      const kind = status & 0xf0;
      if (kind === 0x90 && velocity > 0) piano.press(note, velocity);
      else if (kind === 0x80 || kind === 0x90) piano.lift(note);
      else if (kind === 0xb0 && (note === 120 || note === 123)) piano.liftAll();
    };
  };
  const all = () => { for (const input of access.inputs.values()) listen(input); };
  all();
  access.onstatechange = all;
  return () => { access.onstatechange = null; for (const input of access.inputs.values()) input.onmidimessage = null; };
}
