// The library as the server keeps it: a column for each fact, and the rows that pass the filters.

import { api } from "../js/api.js";
import { nameOf } from "../js/voice.js";

const SIZE = 155, ALGORITHM = 134;
export const FAULTS = {
  silent: "silent", clipped: "clips", "stuck-note": "stuck note", noise: "no pitch", "off-pitch": "out of tune", quiet: "very quiet", loud: "very loud", shrieks: "shrill",
};

export class Library {
  n = 0; measured = 0; columns = { names: { categories: [], faults: [] } };
  #vced = new Uint8Array(0); #names = [];

  /** Read it anew; the bytes of the voices only if there are others. */
  async load(app) {
    const columns = await api.get(app.path("library"));
    if (columns.n !== this.n || columns.token !== this.columns.token) {
      this.#vced = new Uint8Array((await api.bytes(app.path("library/voices"))).data);
      this.#names = Array.from({ length: this.#vced.length / SIZE }, (_, k) => nameOf(this.vced(k)));
    }
    this.columns = columns;
    this.n = Math.min(columns.n, this.#names.length);
    this.measured = columns.measured;
    const repaired = new Set(columns.repaired);
    this.repaired = (k) => repaired.has(k);
  }

  vced(k) { return [...this.#vced.subarray(k * SIZE, (k + 1) * SIZE)]; }
  name(k) { return this.#names[k]; }
  algorithm(k) { return this.#vced[k * SIZE + ALGORITHM] + 1; }
  path(k) { return this.columns.paths[this.columns.path[k]]; }
  source(k) { return `${this.path(k)}, voice ${this.columns.index[k]}`; }
  places(k) { return this.columns.places[k] || [[this.path(k), this.columns.index[k]]]; }
  timesSeen(k) { return this.columns.times_seen[k]; }
  levelDb(k) { return k < this.measured ? this.columns.level_db[k] : null; }
  categories(k) { return this.columns.names.categories.filter((_, c) => this.columns.category[k] & (1 << c)); }
  /** Number of its first category; -1 for none. */
  category(k) { const mask = this.columns.category[k]; return mask ? 31 - Math.clz32(mask & -mask) : -1; }
  faults(k) { return k < this.measured ? this.columns.names.faults.filter((_, f) => this.columns.fault[k] & (1 << f)).map((code) => FAULTS[code] || code) : []; }
  /** Words for its sound. */
  words(k) { return k < this.measured ? this.columns.names.descriptors.filter((_, d) => this.columns.descriptor[k] & (1 << d)) : []; }
  get places2d() { return this.columns.x?.length || 0; }
  x(k) { return this.columns.x[k]; }
  y(k) { return this.columns.y[k]; }
  /** Files whose faults were repaired on reading, with the sentences: Map of path to list. */
  repairsOf(path) { return this.columns.repairs?.filter(([own]) => own === path).map(([, sentence]) => sentence) || []; }

  /** Rows that pass, in order. `distances`: Map of row to dB, or null. */
  rows(filter, distances) {
    const words = filter.query.trim().toLowerCase().split(/\s+/).filter(Boolean), stars = new Set(filter.stars);
    const bit = this.columns.names.categories.indexOf(filter.category), levels = filter.low > LOWEST_DB || filter.high < HIGHEST_DB;
    const seen = new Set(), found = [];
    for (let k = 0; k < this.n; k++) {
      if (distances && !distances.has(k)) continue;
      if (filter.starred && !stars.has(k)) continue;
      if (bit >= 0 && !(this.columns.category[k] & (1 << bit))) continue;
      if (filter.algorithm && this.algorithm(k) !== filter.algorithm) continue;
      if (levels && (k >= this.measured || this.columns.level_db[k] < filter.low || this.columns.level_db[k] > filter.high)) continue;
      if (words.length) {
        const text = `${this.#names[k]} ${this.path(k)}`.toLowerCase();
        if (!words.every((w) => text.includes(w))) continue;
      }
      if (filter.repeated && this.timesSeen(k) < 2) continue;
      if (filter.once && k < this.columns.cluster.length) {
        if (seen.has(this.columns.cluster[k])) continue;
        seen.add(this.columns.cluster[k]);
      }
      found.push(k);
    }
    const by = distances ? (k) => distances.get(k) : { name: null, loudness: (k) => -(this.levelDb(k) ?? -999), brightness: (k) => -(this.columns.centre_hz[k] ?? -1), algorithm: (k) => this.algorithm(k) }[filter.sort];
    if (by) found.sort((a, b) => by(a) - by(b) || a - b);
    else if (filter.sort === "name") found.sort((a, b) => this.#names[a].localeCompare(this.#names[b]) || a - b);
    return found;
  }
}

export const LOWEST_DB = -60, HIGHEST_DB = 0;
export const SORTS = [["found", "As found"], ["name", "Name"], ["loudness", "Loudness"], ["brightness", "Brightness"], ["algorithm", "Algorithm"]];
