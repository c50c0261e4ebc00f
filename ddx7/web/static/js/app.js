// The page: its session, its views, the bar above and the piano below.
//
// A view is a module in views/ that exports
//   view = { id, title, hint, mount(root, app) }
// `mount` runs once, when the view is first opened, and builds everything into `root`. It returns what the page may call:
//   { show(), hide(), receive(message), acceptFiles(files, transfer), key(event) }   all of them optional.
// `show` and `hide` when its tab opens and closes; `receive` for what another view sent with `app.go(id, message)`;
// `acceptFiles` when files are dropped anywhere; `key` for keys that the page did not use, true if it used the key.
//
// `app` offers:
//   app.path(rest)            address below the session: app.path("sounds/demo")
//   app.store(id, initial)    the view's Store: kept in the session, back after a reload, undone with Ctrl-Z
//   app.jobs                  Map of id to job; app.onJob(kind, f) calls f(job) whenever one of that kind changes
//   app.startJob(path, json)  POST that begins a job; returns it
//   app.stopJob(job), app.cancelJob(job)
//   app.setVoice(vced, from)  the voice that the piano plays; app.voice; app.onVoice(f)
//   app.sounds()              recordings of the session, oldest first
//   app.go(id, message)       open another view
//   app.player, app.piano     notes of the present voice
//   app.toast(text, options), app.name(title) names the session
//   app.health                limits and version from /api/health

import { api, follow } from "./api.js";
import { VoicePlayer, getVolume, setVolume } from "./audio.js";
import { h, later, show } from "./dom.js";
import { createPiano, openMidi, playFromMidi, typing } from "./keys.js";
import { Store } from "./store.js";
import { button, dialog, icon, slider, toast } from "./ui.js";
import { initVoice, loadTable, nameOf } from "./voice.js";
import { view as match } from "../views/match.js";
import { view as voice } from "../views/voice.js";
import { view as instruments } from "../views/instruments.js";
import { view as library } from "../views/library.js";
import { view as make } from "../views/make.js";
import { view as send } from "../views/send.js";

const VIEWS = [match, voice, library, make, instruments, send];
const KEPT = "ddx7.session";

class App {
  jobs = new Map();
  player = new VoicePlayer();
  health = {};
  #session = null; #stores = new Map(); #mounted = new Map(); #jobListeners = []; #voiceListeners = new Set();
  #voice = null; #current = null; #savers = new Map();

  async start() {
    let kept = [];
    try {
      const [health, sessions] = await Promise.all([api.get("/api/health"), api.get("/api/sessions"), loadTable()]);
      this.health = health;
      kept = sessions.sessions;
      await this.#openSession(sessionStorage.getItem(KEPT));
    } catch (error) {
      show(document.getElementById("main"), h("div", { class: "empty" }, h("h1", {}, "ddx7"), h("p", { role: "alert" }, error.message)));
      return;
    }
    const appStore = this.store("app", { voice: null });
    this.#voice = appStore.state.voice || initVoice();
    this.player.setVoice(this.#voice);
    this.#buildTop();
    this.#buildDock();
    this.#offer(kept.filter((s) => s.id !== this.#session.id));
    follow(this.path("events"), (event) => this.#onEvent(event), (state) => this.#onConnection(state));
    addEventListener("hashchange", () => this.#open(location.hash.slice(1)));
    addEventListener("keydown", (event) => this.#onKey(event));
    addEventListener("pagehide", () => { for (const save of this.#savers.values()) save.flush(); });
    for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
    addEventListener("drop", (event) => { if (event.dataTransfer?.files.length) this.#mounted.get(this.#current)?.acceptFiles?.([...event.dataTransfer.files], event.dataTransfer); });
    this.#open(location.hash.slice(1));
    document.documentElement.dataset.ready = "true";
  }

  get voice() { return this.#voice; }
  get session() { return this.#session; }
  path(rest = "") { return `/api/sessions/${this.#session.id}${rest ? `/${rest}` : ""}`; }

  store(id, initial) {
    if (this.#stores.has(id)) return this.#stores.get(id);
    const store = new Store({ ...initial, ...(this.#session.views[id] || {}) });
    this.#stores.set(id, store);
    let saving = Promise.resolve();
    const save = later((state) => {
      saving = saving.then(() => api.put(this.path(`views/${id}`), { state, title: this.#session.title })).catch((error) => {
        if (error.status !== 404) setTimeout(() => save(store.state), 3000);
      });
    }, 400);
    this.#savers.set(id, save);
    store.subscribe((state) => { save(state); this.#paintUndo?.(); });
    return store;
  }

  onJob(kind, f) {
    this.#jobListeners.push([kind, f]);
    for (const job of this.jobs.values()) if (job.kind === kind) f(job);
  }

  async startJob(path, json) {
    show(document.getElementById("banner")); // who has begun something new is past the offer of the last session
    const job = await api.post(this.path(path), json);
    this.#onEvent({ type: "job", job });
    return job;
  }
  stopJob(job) { return api.post(this.path(`jobs/${job.id}/stop`)); }
  cancelJob(job) { return api.delete(this.path(`jobs/${job.id}`)); }

  setVoice(vced, from = "") {
    this.#voice = vced;
    this.player.setVoice(vced);
    this.store("app").set({ voice: vced });
    for (const f of this.#voiceListeners) f(vced, from);
  }
  onVoice(f) { this.#voiceListeners.add(f); return () => this.#voiceListeners.delete(f); }

  /** Recordings of the session, oldest first: those that it began with, and what the views added. */
  sounds() {
    const added = this.#stores.get("match")?.state.sounds || this.#session.views.match?.sounds || [];
    return added.length ? added : Object.values(this.#session.sounds || {}).filter((s) => s.kind === "recording");
  }

  go(id, message) { this.#open(id); if (message !== undefined) this.#mounted.get(id)?.receive?.(message); }
  toast(text, options) { toast(text, options); }
  name(title) { this.#session.title = title; }

  // ---- session --------------------------------------------------------------------------------------------------------

  async #openSession(id) {
    try {
      this.#session = id ? await api.get(`/api/sessions/${id}`) : await api.post("/api/sessions");
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#session = await api.post("/api/sessions");
    }
    sessionStorage.setItem(KEPT, this.#session.id);
    for (const job of this.#session.jobs || []) this.jobs.set(job.id, job);
  }

  #offer(kept) {
    this.kept = kept;
    const place = document.getElementById("banner");
    if (!kept.length || Object.keys(this.#session.views).length) return;
    const [last] = kept;
    show(place, h("section", { class: "banner", "aria-label": "Last session" }, icon("folder"),
      h("span", {}, `Last time you worked on ${last.title || "a session"}, ${when(last.changed)}.`),
      button("Go on with it", { kind: "primary", onclick: () => this.#resume(last.id) }),
      button("Start fresh", { kind: "quiet", onclick: () => show(place) })));
  }

  async #resume(id) { for (const save of this.#savers.values()) save.flush(); sessionStorage.setItem(KEPT, id); location.reload(); }

  async #sessionsDialog() {
    const { sessions } = await api.get("/api/sessions");
    const list = h("ul", { class: "session-list" }, sessions.map((s) => {
      const row = h("li", {}, h("div", {}, h("strong", {}, s.title || "Untitled"), h("span", { class: "hint" }, `${when(s.changed)} · ${s.sounds_kept} sounds`)),
        s.id === this.#session.id ? h("span", { class: "hint" }, "open here") : button("Open", { onclick: () => this.#resume(s.id) }),
        s.id === this.#session.id ? null : button(`Delete ${s.title}`, { icon: "close", kind: "quiet", iconOnly: true, onclick: async () => { await api.delete(`/api/sessions/${s.id}`); row.remove(); } }));
      return row;
    }));
    dialog("Sessions", h("p", { class: "hint" }, `Kept in ${this.health.folder}`), sessions.length ? list : h("p", {}, "None yet."),
      h("div", { class: "actions" }, button("New session", { icon: "plus", kind: "primary", onclick: () => { sessionStorage.removeItem(KEPT); location.reload(); } }))).showModal();
  }

  #onEvent(event) {
    if (event.type !== "job") return;
    this.jobs.set(event.job.id, event.job);
    for (const [kind, f] of this.#jobListeners) if (kind === event.job.kind) f(event.job);
  }

  #onConnection(state) {
    const line = document.getElementById("connection");
    if (!line) return;
    line.hidden = state === "open";
    line.textContent = state === "lost" ? "ddx7 does not answer. Is it still running in the terminal?" : state === "gone" ? "This session was deleted. Reload the page to begin a new one."
      : state === "restarted" ? "ddx7 was started again. Open the new address that it printed." : "";
  }

  // ---- bar and views --------------------------------------------------------------------------------------------------

  #paintUndo = null;

  #buildTop() {
    const tabs = h("nav", { class: "tabs", "aria-label": "Views" }, VIEWS.map((v) =>
      h("a", { href: `#${v.id}`, class: "tab", id: `tab-${v.id}`, title: v.hint }, icon(v.id, 19), h("span", {}, v.title))));
    const undo = button("Undo", { icon: "undo", kind: "quiet", iconOnly: true, onclick: () => this.#undo("undo") });
    const redo = button("Redo", { icon: "redo", kind: "quiet", iconOnly: true, onclick: () => this.#undo("redo") });
    this.#paintUndo = () => {
      const store = this.#stores.get(this.#current);
      undo.disabled = !store?.canUndo;
      redo.disabled = !store?.canRedo;
      undo.title = store?.canUndo ? `Undo: ${store.canUndo}` : "Undo";
      redo.title = store?.canRedo ? `Redo: ${store.canRedo}` : "Redo";
    };
    const theme = button("Dark or light", { icon: "sun", kind: "quiet", iconOnly: true, onclick: () => {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      localStorage.setItem("ddx7.theme", next);
      document.dispatchEvent(new Event("themechange"));
    } });
    const volume = slider("Volume", { min: 0, max: 1, step: 0.01, value: getVolume(), format: (v) => `${Math.round(v * 100)} %`, oninput: setVolume });
    volume.classList.add("volume");
    show(document.getElementById("top"),
      h("a", { class: "brand", href: "#match", "aria-label": "ddx7" }, h("span", { class: "brand-d" }, "ddx"), h("span", { class: "brand-7" }, "7")),
      tabs,
      h("div", { class: "top-tools" }, undo, redo, volume,
        button("Sessions", { icon: "folder", kind: "quiet", iconOnly: true, onclick: () => this.#sessionsDialog() }),
        theme, button("Keys and help", { icon: "help", kind: "quiet", iconOnly: true, onclick: () => this.#help() })),
      h("p", { id: "connection", class: "connection", role: "alert", hidden: true }));
  }

  #open(id) {
    const chosen = VIEWS.find((v) => v.id === id) || VIEWS[0];
    if (this.#current === chosen.id) return;
    this.#mounted.get(this.#current)?.hide?.();
    const main = document.getElementById("main");
    this.#current = chosen.id;
    if (!this.#mounted.has(chosen.id)) {
      const root = h("div", { class: `view view-${chosen.id}`, id: `view-${chosen.id}`, role: "region", "aria-labelledby": `tab-${chosen.id}` });
      main.append(root);
      this.#mounted.set(chosen.id, { ...chosen.mount(root, this), root });
    }
    for (const [own, { root }] of this.#mounted) root.hidden = own !== chosen.id;
    for (const v of VIEWS) {
      const tab = document.getElementById(`tab-${v.id}`);
      if (v.id === chosen.id) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
    }
    if (location.hash.slice(1) !== chosen.id) history.replaceState(null, "", `#${chosen.id}`);
    document.title = `${chosen.title} · ddx7`;
    this.#mounted.get(chosen.id).show?.();
    this.#paintUndo?.();
  }

  #undo(which) {
    const store = this.#stores.get(this.#current), what = store?.[which]();
    if (what) toast(`${which === "undo" ? "Undone" : "Done again"}: ${what}`);
    this.#paintUndo?.();
  }

  #onKey(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && !typing(event) && event.key.toLowerCase() === "z") { this.#undo(event.shiftKey ? "redo" : "undo"); event.preventDefault(); return; }
    if (command && !typing(event) && event.key.toLowerCase() === "y") { this.#undo("redo"); event.preventDefault(); return; }
    if (typing(event) || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (this.#mounted.get(this.#current)?.key?.(event)) event.preventDefault();
  }

  // ---- piano ----------------------------------------------------------------------------------------------------------

  #buildDock() {
    this.piano = createPiano(this.player);
    let open = (localStorage.getItem("ddx7.piano") ?? String(innerWidth > 700 && innerHeight > 620)) === "true";
    const name = h("span", { class: "lcd dock-voice", "aria-live": "polite" }, nameOf(this.#voice));
    this.onVoice((vced) => { name.textContent = nameOf(vced); });
    const midi = button("MIDI keyboard", { icon: "piano", kind: "quiet", "aria-label": "MIDI keyboard", onclick: async () => {
      const { access, inputs, problem } = await openMidi();
      if (problem) { toast(problem, { kind: "bad" }); return; }
      playFromMidi(access, this.piano);
      midi.classList.add("on");
      toast(inputs.length ? `Play on ${inputs.map((i) => i.name).join(", ")}.` : "Web MIDI is on. Plug in a keyboard and play.");
    } });
    const fold = button("Hide the piano", { icon: "minus", kind: "quiet", iconOnly: true, onclick: () => { open = !open; localStorage.setItem("ddx7.piano", String(open)); paint(); } });
    const velocity = slider("Velocity", { min: 1, max: 127, step: 1, value: 100, format: (v) => String(v), oninput: (v) => this.piano.setVelocity(v) });
    velocity.classList.add("dock-velocity");
    const bar = h("div", { class: "dock-bar" }, name,
      h("span", { class: "hint dock-hint" }, "Play with the keys Z to / and Q to P; minus and equals shift the octave"),
      velocity,
      h("div", { class: "dock-octave" }, button("Octave down", { icon: "minus", kind: "quiet", iconOnly: true, onclick: () => this.piano.shift(-12) }),
        h("span", { class: "hint" }, "Octave"), button("Octave up", { icon: "plus", kind: "quiet", iconOnly: true, onclick: () => this.piano.shift(12) })),
      midi, fold);
    const dock = h("section", { class: "dock", "aria-label": "Piano" }, bar, this.piano.element);
    show(document.getElementById("dock"), dock);
    const paint = () => {
      dock.classList.toggle("folded", !open);
      const words = open ? "Hide the piano" : "Show the piano";
      fold.setAttribute("aria-label", words);
      fold.title = words;
      fold.replaceChildren(icon(open ? "minus" : "plus"));
      this.piano.reveal();
    };
    paint();
  }

  #help() {
    const rows = [["Space", "Play or pause"], ["Alt 1, Alt 2 ...", "Hear the recording, the best voice, the next one"], ["Z S X D C ... and Q 2 W 3 E ...", "Play notes"],
      ["Minus, equals", "An octave down or up"], ["Arrows, Enter, Shift Enter", "In the library's list: play, put in the bank, star"], ["Delete, Alt arrows", "In the bank: empty a place, move a voice"], ["Up, down, Delete", "On a knob: turn it, set it back"], ["Ctrl Z, Ctrl Shift Z", "Undo, redo"], ["Tab, arrows", "Reach and move every control"]];
    dialog("Keys", h("dl", { class: "keys-list" }, rows.flatMap(([k, what]) => [h("dt", {}, k), h("dd", {}, what)])),
      h("p", { class: "hint" }, `ddx7 ${this.health.version}. Everything stays on this machine, in ${this.health.folder}.`)).showModal();
  }
}

function when(seconds) {
  const date = new Date(seconds * 1000), days = Math.floor((Date.now() - date) / 86400000);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return days < 1 ? `today at ${time}` : days < 2 ? `yesterday at ${time}` : date.toLocaleDateString();
}

export const app = new App();
app.start();
