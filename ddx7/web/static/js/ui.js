// Controls that look and behave alike everywhere. Each has a name for screen readers and works by keyboard alone.

import { h, newId, show, svg } from "./dom.js";

// Icons: 24 by 24, drawn with one stroke; "fill" ones are filled.
const ICONS = {
  play: { fill: "M8 5.5v13l11-6.5z" },
  pause: { fill: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z" },
  stop: { fill: "M6.5 6.5h11v11h-11z" },
  loop: "M17 3l3 3-3 3M4 11V9a3 3 0 0 1 3-3h13M7 21l-3-3 3-3M20 13v2a3 3 0 0 1-3 3H4",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5 11a7 7 0 0 0 14 0M12 18v3",
  file: "M14 3H6v18h12V7zM14 3v4h4",
  upload: "M12 16V4M7 9l5-5 5 5M4 20h16",
  save: "M12 4v12M7 11l5 5 5-5M4 20h16",
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  zoomIn: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20M10.5 8v5M8 10.5h5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  star: "M12 4l2.5 5.2 5.7.7-4.2 4 1.1 5.6L12 16.8 6.9 19.5 8 13.9l-4.2-4 5.7-.7z",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M19 5l-1.4 1.4M6.4 17.6L5 19",
  volume: "M4 10v4h4l5 4V6L8 10zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
  piano: "M3.5 5h17v14h-17zM8 5v8M12 5v8M16 5v8M8 13v6M12 13v6M16 13v6",
  menu: "M4 7h16M4 12h16M4 17h16",
  help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  match: "M3 12h2l2-6 3 14 3-16 3 12 2-4h3",
  voice: "M5 4v16M12 4v16M19 4v16M3 9h4M10 15h4M17 7h4",
  library: "M5 4h4v16H5zM10 4h4v16h-4zM15.5 5l3.5-1 4 15-3.5 1z",
  make: "M12 3v5M12 16v5M3 12h5M16 12h5M6 6l3 3M15 15l3 3M18 6l-3 3M9 15l-3 3",
  instruments: "M9 18V6l11-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM20 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z",
  send: "M4 12h15M13 6l6 6-6 6",
  folder: "M3 6h6l2 2h10v11H3z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  wand: "M5 19L15 9M17 4v3M15.500 5.500h3M20 10v3M18.500 11.500h3M9 4v2M8 5h2",
};

export function icon(name, size = 20) {
  const shape = ICONS[name];
  return svg("svg", { viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": "true" },
    typeof shape === "string"
      ? svg("path", { d: shape, fill: "none", stroke: "currentColor", "stroke-width": 1.7, "stroke-linecap": "round", "stroke-linejoin": "round" })
      : svg("path", { d: shape.fill, fill: "currentColor" }));
}

/** A button. `kind`: "primary", "plain", "quiet" or "danger". An icon alone needs a `label`, too. */
export function button(label, { icon: name = "", kind = "plain", onclick, iconOnly = false, title = "", ...rest } = {}) {
  return h("button", { type: "button", class: `button ${kind}${iconOnly ? " icon-only" : ""}`, onclick, "aria-label": iconOnly ? label : null, title: title || (iconOnly ? label : null), ...rest },
    name ? icon(name) : null, iconOnly ? null : h("span", {}, label));
}

/** A label above a control. */
export function labelled(label, control, hint = "") {
  control.id ||= newId("control");
  const note = hint ? h("span", { class: "hint", id: newId("hint") }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "labelled" }, h("label", { for: control.id }, label), control, note);
}

/** A slider with its value beside it. Returns the element; `element.set(value)` moves it silently. */
export function slider(label, { min = 0, max = 1, step = 0.01, value = min, format = String, oninput = () => {}, onchange = () => {} } = {}) {
  const output = h("output", { class: "slider-value" }, format(value));
  const input = h("input", { type: "range", min, max, step, value, id: newId("slider"), "aria-valuetext": format(value) });
  const paint = () => {
    const now = Number(input.value);
    input.style.setProperty("--filled", `${(100 * (now - min)) / (max - min)}%`);
    output.textContent = format(now);
    input.setAttribute("aria-valuetext", format(now));
  };
  input.addEventListener("input", () => { paint(); oninput(Number(input.value)); });
  input.addEventListener("change", () => onchange(Number(input.value)));
  paint();
  const element = h("div", { class: "slider" }, h("label", { for: input.id }, label), input, output);
  element.set = (now) => { if (Number(input.value) !== now) { input.value = now; paint(); } };
  element.input = input;
  return element;
}

/** A row of choices of which one is on. `options`: `[[value, label], ...]`. */
export function segmented(label, options, value, onchange) {
  const name = newId("choice");
  const inputs = options.map(([own, words]) => {
    const input = h("input", { type: "radio", name, value: own, checked: own === value, id: newId("radio") });
    input.addEventListener("change", () => onchange(own));
    return [own, input, h("label", { for: input.id }, words)];
  });
  const element = h("div", { class: "segmented", role: "radiogroup", "aria-label": label }, inputs.flatMap(([, input, words]) => [input, words]));
  element.set = (now) => { for (const [own, input] of inputs) input.checked = own === now; };
  return element;
}

/** A switch. */
export function toggle(label, checked, onchange) {
  const input = h("input", { type: "checkbox", role: "switch", checked, id: newId("switch") });
  input.addEventListener("change", () => onchange(input.checked));
  const element = h("div", { class: "toggle" }, input, h("label", { for: input.id }, label));
  element.set = (now) => { input.checked = now; };
  return element;
}

/** A choice from a list. */
export function select(label, options, value, onchange) {
  const control = h("select", {}, options.map(([own, words]) => h("option", { value: own, selected: own === value }, words)));
  control.addEventListener("change", () => onchange(control.value));
  const element = labelled(label, control);
  element.set = (now) => { control.value = now; };
  element.control = control;
  return element;
}

/** A place to drop files or choose them. `onfiles(files)`. */
export function dropZone(label, { accept = "", multiple = true, onfiles, children = [] } = {}) {
  const input = h("input", { type: "file", accept, multiple, class: "visually-hidden", "aria-label": label });
  input.addEventListener("change", () => { if (input.files.length) onfiles([...input.files]); input.value = ""; });
  const element = h("div", { class: "drop" }, input, children);
  acceptDrops(element, onfiles);
  element.open = () => input.click();
  return element;
}

/** Let files be dropped on an element. */
export function acceptDrops(element, onfiles) {
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  element.addEventListener("dragenter", (event) => { if (!hasFiles(event)) return; event.preventDefault(); depth++; element.classList.add("dropping"); });
  element.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  element.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) element.classList.remove("dropping"); });
  element.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    depth = 0;
    element.classList.remove("dropping");
    if (event.dataTransfer.files.length) onfiles([...event.dataTransfer.files]);
  });
}

/** One sentence where a problem happened; empty hides it. Returns `{ element, say(sentence) }`. */
export function problemLine() {
  const element = h("p", { class: "problem", role: "alert", hidden: true });
  return { element, say(sentence) { element.textContent = sentence || ""; element.hidden = !sentence; } };
}

/** A short message at the edge of the page; `action`: `[label, f]`. */
export function toast(text, { action = null, kind = "" } = {}) {
  const place = document.getElementById("toasts");
  const element = h("div", { class: `toast ${kind}`, role: "status" }, h("span", {}, text),
    action ? button(action[0], { kind: "quiet", onclick: () => { action[1](); element.remove(); } }) : null,
    button("Close", { icon: "close", kind: "quiet", iconOnly: true, onclick: () => element.remove() }));
  place.append(element);
  while (place.children.length > 3) place.firstElementChild.remove();
  setTimeout(() => element.remove(), action ? 12000 : 6000);
}

/** A dialog. Returns the element; `dialog.showModal()` opens it. */
export function dialog(title, ...children) {
  const heading = h("h2", { id: newId("title") }, title);
  const element = h("dialog", { class: "dialog", "aria-labelledby": heading.id },
    h("header", {}, heading, button("Close", { icon: "close", kind: "quiet", iconOnly: true, onclick: () => element.close() })),
    h("div", { class: "dialog-body" }, children));
  element.addEventListener("close", () => element.remove());
  element.addEventListener("click", (event) => { if (event.target === element) element.close(); });
  document.body.append(element);
  return element;
}

/** A panel with a heading. */
export function panel(title, { actions = [], class: own = "", hint = "" } = {}, ...children) {
  const heading = h("h2", { id: newId("panel") }, title);
  return h("section", { class: `panel ${own}`, "aria-labelledby": heading.id },
    h("header", { class: "panel-head" }, heading, hint ? h("p", { class: "hint" }, hint) : null, actions.length ? h("div", { class: "actions" }, actions) : null), children);
}

/** What a view shows while it has nothing. */
export function empty(title, text, ...actions) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text), actions.length ? h("div", { class: "actions" }, actions) : null);
}

export { show };
