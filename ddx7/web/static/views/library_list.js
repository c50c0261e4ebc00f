// The list of the library: every voice with its facts, played as one walks over it.

import { h, show } from "../js/dom.js";
import { button, icon } from "../js/ui.js";
import { virtualList } from "../js/virtual_list.js";
import { categoryColour } from "./library_map.js";

export const DRAGGED = "application/x-ddx7-voice";
const ROW = 44;

/** `actions`: `{ hear(row), star(row), place(row), like(row), edit(row) }`. */
export function libraryList(library, actions) {
  let rows = [], stars = new Set(), distances = null, unit = "";

  const list = virtualList({
    label: "Voices: arrows play them, Enter puts one in the bank, Shift and Enter stars it",
    height: ROW,
    make(row) {
      row.draggable = true;
      row.addEventListener("dragstart", (event) => {
        event.dataTransfer.setData(DRAGGED, JSON.stringify({ row: rows[row.at] }));
        event.dataTransfer.setData("text/plain", library.name(rows[row.at]));
        event.dataTransfer.effectAllowed = "copy";
      });
      const cell = (own, ...children) => h("div", { class: `cell ${own}`, role: "gridcell" }, children);
      const quick = (label, name, f) => button(label, { icon: name, kind: "quiet", iconOnly: true, tabindex: -1, onclick: () => f(rows[row.at]) });
      const parts = {
        star: quick("Star", "star", actions.star), name: h("span", { class: "voice-name mono" }), swatch: h("span", { class: "dot", "aria-hidden": "true" }), category: h("span", {}),
        words: h("span", { class: "hint" }), fault: h("span", { class: "fault" }), algorithm: h("span", { class: "badge" }), level: h("span", { class: "level-fill" }), db: h("span", { class: "badge" }),
        copies: h("span", { class: "badge copies" }), near: h("span", { class: "badge near" }), source: h("span", { class: "hint source" }),
      };
      row.parts = parts;
      row.append(cell("c-star", parts.star), cell("c-name", parts.name, parts.copies), cell("c-category", parts.swatch, parts.category), cell("c-words", parts.near, parts.words, parts.fault),
        cell("c-algorithm", parts.algorithm), cell("c-level", h("span", { class: "level", "aria-hidden": "true" }, parts.level), parts.db), cell("c-source", parts.source),
        cell("c-actions", quick("Put in the bank", "plus", actions.place)));
    },
    fill(row, at) {
      const k = rows[at], parts = row.parts, db = library.levelDb(k), starred = stars.has(k), categories = library.categories(k), seen = library.timesSeen(k);
      parts.name.textContent = library.name(k).padEnd(10) || " ";
      parts.star.classList.toggle("starred", starred);
      parts.star.setAttribute("aria-label", `${starred ? "Unstar" : "Star"} ${library.name(k)}`);
      parts.star.setAttribute("aria-pressed", starred ? "true" : "false");
      parts.category.textContent = categories.join(", ");
      parts.swatch.style.background = categoryColour(library.category(k));
      parts.words.textContent = library.words(k).join(", ");
      parts.fault.textContent = library.faults(k).join(", ");
      parts.algorithm.textContent = `alg ${library.algorithm(k)}`;
      parts.level.style.transform = `scaleX(${db === null ? 0 : Math.max(0.02, Math.min(1, (db + 60) / 50))})`;
      parts.db.textContent = db === null ? "" : `${db.toFixed(0)} dB`;
      parts.copies.textContent = seen > 1 ? `×${seen}` : "";
      parts.copies.title = seen > 1 ? `The same sound in ${seen} places` : "";
      parts.near.textContent = distances ? `${distances.get(k).toFixed(1)}${unit}` : "";
      parts.source.textContent = library.source(k);
      parts.source.title = library.source(k);
    },
    onchoose: (at) => actions.hear(rows[at]),
    onkey(event, at) {
      const k = rows[at];
      if (event.key === "Enter") (event.shiftKey ? actions.star : actions.place)(k);
      else if (event.key === " ") actions.hear(k);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
  });
  const head = h("div", { class: "list-head", "aria-hidden": "true" }, ["", "Name", "Category", "Sound", "Algorithm", "Loudness", "File", ""].map((words, k) => h("span", { class: ["c-star", "c-name", "c-category", "c-words", "c-algorithm", "c-level", "c-source", "c-actions"][k] }, words)));

  return {
    element: h("div", { class: "list-frame" }, head, list), list,
    rows: () => rows,
    show(found, state, near, keep, unitOfDistances = "") {
      rows = found;
      stars = new Set(state.stars);
      distances = near;
      unit = unitOfDistances;
      list.setItems(rows.length, rows.indexOf(keep));
    },
    stars(state) { stars = new Set(state.stars); list.paint(); },
    choose(k, quiet) { const at = rows.indexOf(k); if (at >= 0) list.choose(at, quiet); },
  };
}

/** What is known about one voice. `actions` as above. */
export function voiceDetails(library, actions) {
  const element = h("section", { class: "voice-details", "aria-label": "The chosen voice", hidden: true });
  return {
    element,
    show(k, starred) {
      element.hidden = k === null || k >= library.n;
      if (element.hidden) return;
      const places = library.places(k), seen = library.timesSeen(k), repairs = library.repaired(k) ? library.repairsOf(places[0][0]) : [];
      show(element,
        h("div", { class: "details-head" }, h("span", { class: "lcd big" }, library.name(k).padEnd(10)),
          h("div", { class: "details-words" }, h("span", {}, [...library.categories(k), ...library.words(k)].join(", ") || "no category yet"),
            h("span", { class: "hint" }, places.map(([path, index]) => `${path}, voice ${index}`).join(" · "), seen > places.length ? ` · and ${seen - places.length} more` : ""))),
        h("div", { class: "actions" },
          button(starred ? "Unstar" : "Star", { icon: "star", "aria-pressed": starred ? "true" : "false", onclick: () => actions.star(k) }),
          button("Like this one", { icon: "search", onclick: () => actions.like(k), disabled: k >= library.measured }),
          button("Put in the bank", { icon: "plus", kind: "primary", onclick: () => actions.place(k) }),
          button("Edit", { icon: "voice", kind: "quiet", onclick: () => actions.edit(k) })),
        library.faults(k).length ? h("p", { class: "hint fault" }, icon("help", 16), ` This voice: ${library.faults(k).join(", ")}.`) : null,
        repairs.length ? h("p", { class: "hint" }, `Repaired on reading: ${repairs.join("; ")}.`) : null);
    },
  };
}
