// A voice: 155 numbers of the edit form. Offsets, ranges and words come from the server's parameter table.

import { api } from "./api.js";

let table = null;

/** Load the table once; the other functions need it. */
export async function loadTable() {
  table ||= await api.get("/api/parameters");
  return table;
}

export const fields = () => table.fields;
export const algorithms = () => table.algorithms;
export const initVoice = () => [...table.init];

/** The field of a parameter: `field("output_level", 3)` for an operator 1-6, `field("rates", 3, 0)` for one of four. */
export function field(name, operator = 0, index = 0) {
  const found = table.fields.find((f) => f.name === name && f.operator === operator && f.index === index);
  if (!found) throw new Error(`no parameter ${name} ${operator} ${index}`);
  return found;
}

/** Value on the panel. */
export const value = (vced, name, operator = 0, index = 0) => { const f = field(name, operator, index); return vced[f.offset] + f.panel; };

/** A copy of a voice with one parameter changed, on the panel's scale; clipped to its range. */
export function withValue(vced, name, panelValue, operator = 0, index = 0) {
  const f = field(name, operator, index), next = [...vced];
  next[f.offset] = Math.min(f.maximum, Math.max(f.minimum, Math.round(panelValue - f.panel)));
  return next;
}

/** The voice's name as text. */
export function nameOf(vced) {
  const special = { 0x5c: "¥", 0x7e: "→", 0x7f: "←" };
  return vced.slice(145, 155).map((c) => special[c] || String.fromCharCode(c < 32 ? 32 : c)).join("").trimEnd();
}

/** A copy with another name: ten characters at most; what the DX7 lacks becomes a space. */
export function renamed(vced, name) {
  const special = { "¥": 0x5c, "→": 0x7e, "←": 0x7f };
  const codes = [...name].slice(0, 10).map((c) => special[c] ?? (c.charCodeAt(0) >= 32 && c.charCodeAt(0) < 127 ? c.charCodeAt(0) : 32));
  return [...vced.slice(0, 145), ...codes, ...Array(10 - codes.length).fill(32)];
}
