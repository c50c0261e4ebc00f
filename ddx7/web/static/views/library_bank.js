// A bank of 32 places: filled by dragging or by keyboard, evened out, and written for each instrument.

import { api } from "../js/api.js";
import { download, h, show } from "../js/dom.js";
import { button, labelled, panel, problemLine, select } from "../js/ui.js";
import { initVoice, nameOf } from "../js/voice.js";
import { DRAGGED } from "./library_list.js";

export const PLACES = 32;
const COLUMNS = 2, TX816 = 8;
const TARGETS = [["syx", "DX7, a bank of 32"], ["tx816", "TX816, 8 modules"], ["volca", "Volca FM, single voices"], ["minidexed", "MiniDexed, SD card"], ["minidexed-unison", "MiniDexed, in unison"], ["json", "JSON"]];

/** `read(row)` gives `{ vced, from, repairs }` of a row of the library; `hear(vced)` plays a voice. */
export function libraryBank(app, store, { read, hear, fillFrom }) {
  const problem = problemLine(), status = h("p", { class: "hint", role: "status" });
  const slots = [];
  const bank = () => store.state.bank;
  const change = (next, label) => store.set({ bank: next }, label);
  const filled = () => bank().filter(Boolean);

  function put(k, entry) {
    const next = [...bank()];
    next[k] = entry;
    change(next, `put ${nameOf(entry.vced)} in place ${k + 1}`);
  }
  /** Put a voice in the first free place. */
  function add(entry) {
    const k = bank().findIndex((e) => !e);
    if (k < 0) { app.toast("All 32 places are taken. Drag the voice onto the place that it is to replace."); return; }
    put(k, entry);
    slots[k].classList.add("just");
    setTimeout(() => slots[k].classList.remove("just"), 600);
  }
  function move(from, to) {
    if (to < 0 || to >= PLACES || from === to) return;
    const next = [...bank()];
    [next[from], next[to]] = [next[to], next[from]];
    change(next, `move place ${from + 1} to ${to + 1}`);
    slots[to].focus();
  }

  const grid = h("div", { class: "bank-grid", role: "group", "aria-label": "Places of the bank: Delete empties one, Alt and arrows move it" },
    Array.from({ length: PLACES }, (_, k) => {
      const slot = h("button", { type: "button", class: "slot", draggable: true, tabindex: k ? -1 : 0 }, h("span", { class: "slot-number", dataset: { number: k + 1 } }), h("span", { class: "slot-name mono" }));
      slots.push(slot);
      slot.addEventListener("click", () => { const entry = bank()[k]; if (entry) hear(entry.vced); });
      slot.addEventListener("focus", () => { for (const s of slots) s.tabIndex = s === slot ? 0 : -1; });
      slot.addEventListener("keydown", (event) => {
        const by = { ArrowDown: 1, ArrowUp: -1, ArrowRight: PLACES / COLUMNS, ArrowLeft: -PLACES / COLUMNS }[event.key];
        if (by && event.altKey) move(k, k + by);
        else if (by) slots[Math.min(PLACES - 1, Math.max(0, k + by))].focus();
        else if ((event.key === "Delete" || event.key === "Backspace") && bank()[k]) { const next = [...bank()]; next[k] = null; change(next, `empty place ${k + 1}`); } else return;
        event.preventDefault();
        event.stopPropagation();
      });
      slot.addEventListener("dragstart", (event) => {
        if (!bank()[k]) { event.preventDefault(); return; }
        event.dataTransfer.setData(DRAGGED, JSON.stringify({ slot: k }));
      });
      slot.addEventListener("dragover", (event) => { if ([...event.dataTransfer.types].includes(DRAGGED)) { event.preventDefault(); slot.classList.add("over"); } });
      slot.addEventListener("dragleave", () => slot.classList.remove("over"));
      slot.addEventListener("drop", (event) => {
        slot.classList.remove("over");
        const data = event.dataTransfer.getData(DRAGGED);
        if (!data) return;
        event.preventDefault();
        event.stopPropagation();
        const { row, slot: from } = JSON.parse(data);
        if (from !== undefined) move(from, k); else put(k, read(row));
      });
      return slot;
    }));

  const name = h("input", { type: "text", maxlength: 40, spellcheck: "false", autocomplete: "off", placeholder: "my bank" });
  name.addEventListener("change", () => store.set({ bankName: name.value }, "name the bank"));
  const target = select("For", TARGETS, store.state.target, (v) => store.set({ target: v }, "choose the instrument"));
  const save = button("Save", { icon: "save", kind: "primary", onclick: write });
  const level = button("Even out levels", { icon: "volume", onclick: even });
  const fill = button("Fill from the list", { icon: "library", onclick: () => {
    const next = [...bank()], known = new Set(next.filter(Boolean).map((e) => e.vced.join())), free = next.flatMap((e, k) => (e ? [] : [k]));
    for (const entry of fillFrom(PLACES * 2)) { if (!free.length) break; if (!known.has(entry.vced.join())) next[free.shift()] = entry; }
    change(next, "fill the bank");
  } });
  const clear = button("Empty", { kind: "quiet", onclick: () => change(Array(PLACES).fill(null), "empty the bank") });
  const send = button("Send", { icon: "send", kind: "quiet", onclick: () => app.go("send", { bank: voices(), name: store.state.bankName || "my bank" }) });

  /** Voices in order; free places before the last one hold INIT VOICE. */
  function voices() {
    const last = bank().findLastIndex(Boolean);
    return bank().slice(0, last + 1).map((entry) => entry?.vced || initVoice());
  }

  async function write() {
    problem.say("");
    const form = store.state.target, whole = form === "syx" || form === "json", own = whole ? voices() : filled().map((e) => e.vced);
    if (form === "tx816" && own.length > TX816) { problem.say(`A TX816 has ${TX816} modules, and the bank holds ${own.length} voices. Take some out.`); return; }
    try {
      const { data, headers } = await api.bytes("/api/voices/save", { voices: own, bank: true, format: form, name: store.state.bankName || "my bank" });
      const file = /filename="([^"]+)"/.exec(headers.get("content-disposition"))?.[1] || "bank.syx";
      download(data, file);
      status.textContent = `${file} was saved with ${filled().length} voices.`;
    } catch (error) { problem.say(error.message); }
  }

  async function even() {
    problem.say("");
    level.disabled = true;
    status.textContent = "Measuring …";
    try {
      const entries = filled(), found = await api.post("/api/voices/level", { voices: entries.map((e) => e.vced) });
      let k = 0;
      change(bank().map((entry) => (entry ? { ...entry, vced: found.voices[k++].vced } : null)), "even out levels");
      const off = found.after_db.filter((db) => Math.abs(db - found.target_db) > 1).length;
      status.textContent = `Levels were ${Math.min(...found.before_db).toFixed(0)} to ${Math.max(...found.before_db).toFixed(0)} dB and are ${Math.min(...found.after_db).toFixed(0)} to ${Math.max(...found.after_db).toFixed(0)} dB.`
        + (off ? ` ${off} ${off === 1 ? "voice has" : "voices have"} no room to become louder.` : "");
    } catch (error) { problem.say(error.message); status.textContent = ""; }
    paint(store.state);
  }

  const repairs = h("details", { class: "more", hidden: true });
  function paint(state) {
    slots.forEach((slot, k) => {
      const entry = state.bank[k], words = entry ? nameOf(entry.vced) || "(no name)" : "";
      slot.classList.toggle("full", Boolean(entry));
      slot.lastChild.textContent = words;
      slot.setAttribute("aria-label", entry ? `Place ${k + 1}: ${words}` : `Place ${k + 1}, free`);
      slot.title = entry ? `${words}, from ${entry.from}` : "Drop a voice here";
    });
    const n = filled().length;
    for (const b of [save, level, clear, send]) b.disabled = !n;
    count.textContent = `${n} of ${PLACES}`;
    if (document.activeElement !== name) name.value = state.bankName;
    target.set(state.target);
    const repaired = state.bank.map((entry, k) => [entry, k]).filter(([entry]) => entry?.repairs?.length);
    repairs.hidden = !repaired.length;
    show(repairs, h("summary", {}, `${repaired.length} ${repaired.length === 1 ? "voice was" : "voices were"} repaired on reading`), h("ul", { class: "plain-list" }, repaired.map(([entry, k]) => h("li", {}, `Place ${k + 1}, ${nameOf(entry.vced).trim()}: ${entry.repairs.join("; ")}`))));
  }

  const count = h("span", { class: "badge" });
  const element = panel("Bank", { class: "bank", actions: [count, clear] }, grid,
    h("div", { class: "actions" }, level, fill, send), repairs,
    h("div", { class: "bank-out" }, labelled("Name of the file", name), target, save), status, problem.element,
    h("p", { class: "hint" }, "Drag voices here, or press Enter in the list. Delete empties a place."));
  return { element, add, paint };
}
