// Make: new voices from a mix of categories, variations of a voice, and the way from one voice to another.

import { api } from "../js/api.js";
import { clamp, download, h, show } from "../js/dom.js";
import { button, panel, problemLine, segmented, select, slider } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const HEARD_MS = 900, MOST_KEPT = 128, ALGORITHM = 134;
const LOCKS = [["algorithm", "Algorithm"], ["ratios", "Frequencies"], ["levels", "Output levels"], ["envelopes", "Envelopes"], ["modulation", "LFO"], ["scaling", "Keyboard scaling"]];

export const view = {
  id: "make",
  title: "Make",
  hint: "New voices, variations, and the way between two",

  mount(root, app) {
    const store = app.store("make", { way: "generate", categories: [], together: false, algorithm: 0, pad: "any", count: 16, steps: 9, seed: 1, amount: 0.2, locks: [], from: null, made: [], madeBy: "", kept: [], a: null, b: null, place: 0, job: null });
    const problem = problemLine(), status = h("p", { class: "hint", role: "status" });
    let job = null, lifting = 0;

    const hear = (vced) => {
      app.setVoice(vced, "make");
      clearTimeout(lifting);
      app.player.noteOff(60);
      app.player.noteOn(60, 100);
      lifting = setTimeout(() => app.player.noteOff(60), HEARD_MS);
    };
    const running = () => job && (job.state === "queued" || job.state === "running");
    const origin = () => store.state.from || app.voice;

    async function begin(body) {
      problem.say("");
      try {
        job = await app.startJob("make", body);
        store.set({ job: job.id });
      } catch (error) { problem.say(error.message); }
      paint();
    }
    app.onJob("make", (changed) => {
      if (changed.id !== store.state.job) return;
      job = changed;
      if (changed.state === "done") store.set({ made: changed.result.voices, madeBy: changed.title, place: 0, job: null }, changed.title);
      if (changed.state === "failed") { problem.say(`${changed.error[0].toUpperCase()}${changed.error.slice(1)}.`); store.set({ job: null }); }
      if (changed.state === "stopped") store.set({ job: null });
      paint();
    });

    // ---- what is wanted --------------------------------------------------------------------------------------------------

    const options = h("div", { class: "make-options" });
    const way = segmented("Way", [["generate", "Generate"], ["vary", "Vary"], ["morph", "Morph"]], store.state.way, (v) => store.set({ way: v }));
    const seed = () => {
      const control = slider("Seed", { min: 0, max: 999, step: 1, value: store.state.seed, onchange: (v) => store.set({ seed: v }, "change the seed") });
      return h("div", { class: "seed" }, control, button("Another seed", { icon: "loop", kind: "quiet", iconOnly: true, onclick: () => store.set({ seed: Math.floor(Math.random() * 1000) }, "take another seed") }));
    };
    const count = (key, most) => slider(key === "steps" ? "Steps" : "Voices", { min: 2, max: most, step: 1, value: Math.min(store.state[key], most), onchange: (v) => store.set({ [key]: v }, "change the number") });
    const chip = (words, on, f, own = "") => { const b = button(words, { kind: "quiet", "aria-pressed": on ? "true" : "false", onclick: f, icon: own }); b.classList.add(own ? "lock" : "choice"); return b; };
    const switched = (list, item) => (list.includes(item) ? list.filter((x) => x !== item) : [...list, item]);

    let categories = [];
    api.get("/api/categories").then((found) => { categories = found.categories; paintOptions(); }).catch((error) => problem.say(error.message));

    function paintOptions() {
      const s = store.state;
      const focused = options.contains(document.activeElement) ? [...options.querySelectorAll("button, input, select")].indexOf(document.activeElement) : -1;
      const go = (words, f, disabled = false) => running()
        ? button("Cancel", { icon: "stop", onclick: () => app.cancelJob(job) })
        : h("div", { class: "go" }, button(words, { icon: "make", kind: "primary", onclick: f, disabled }));
      if (s.way === "generate") {
        show(options,
          h("div", { role: "group", "aria-label": "Categories", class: "labelled" }, h("span", { class: "label" }, s.categories.length ? "Categories" : "Categories: any"),
            h("div", { class: "actions choices" }, categories.map((c) => chip(c, s.categories.includes(c), () => store.set({ categories: switched(s.categories, c) }, `choose ${c}`))))),
          s.categories.length > 1 ? segmented("Several categories", [[false, "A mix of them"], [true, "All at once"]], s.together, (v) => store.set({ together: v }, "mix categories")) : null,
          h("div", { class: "two" },
            select("Algorithm", [["0", "Any"], ...Array.from({ length: 32 }, (_, k) => [String(k + 1), String(k + 1)])], String(s.algorithm), (v) => store.set({ algorithm: Number(v) }, "choose an algorithm")),
            select("Pads", [["any", "Any"], ["yes", "Only pads"], ["no", "No pads"]], s.pad, (v) => store.set({ pad: v }, "choose pads"))),
          count("count", 32), seed(), go("Generate", () => begin({ way: "generate", count: s.count, seed: s.seed, categories: s.categories, together: s.together, algorithm: s.algorithm, pad: s.pad })));
      } else if (s.way === "vary") {
        show(options,
          h("div", { class: "actions" }, h("span", { class: "lcd" }, nameOf(origin()) || "(no name)"), button("Hear it", { icon: "play", kind: "quiet", onclick: () => hear(origin()) }),
            button("Take the present voice", { kind: "quiet", onclick: () => store.set({ from: app.voice }, "choose the voice to vary") })),
          slider("How far", { min: 0.02, max: 1, step: 0.01, value: s.amount, format: (v) => `${Math.round(v * 100)} %`, onchange: (v) => store.set({ amount: v }, "change how far") }),
          h("div", { class: "labelled" }, h("span", { class: "label" }, "Keep as they are"), h("div", { class: "actions choices" }, LOCKS.map(([part, words]) => chip(words, s.locks.includes(part), () => store.set({ locks: switched(s.locks, part) }, `lock ${words.toLowerCase()}`), "lock")))),
          count("count", 32), seed(), go("Vary", () => { const voice = origin(); store.set({ from: voice }); begin({ way: "vary", voice, count: s.count, amount: s.amount, seed: s.seed, lock: s.locks }); }));
      } else {
        const side = (key, words) => h("div", { class: "morph-end" }, h("strong", { class: "mono" }, words),
          s[key] ? h("button", { type: "button", class: "lcd morph-name", "aria-label": `Hear ${words}`, onclick: () => hear(s[key]) }, (nameOf(s[key]) || "(no name)").padEnd(10)) : h("span", { class: "hint" }, "not chosen yet"),
          button("Present voice", { "aria-label": `${words}: take the present voice`, onclick: () => store.set({ [key]: app.voice }, `choose ${words}`) }));
        show(options, side("a", "A"), side("b", "B"), h("p", { class: "hint" }, "Play any voice, in Library or below, and take it here; or press A and B on its card."), count("steps", 33), go("Morph", () => begin({ way: "morph", a: s.a, b: s.b, count: s.steps }), !s.a || !s.b));
      }
      if (focused >= 0) [...options.querySelectorAll("button, input, select")][focused]?.focus();
    }

    // ---- what came -------------------------------------------------------------------------------------------------------------

    const grid = h("div", { class: "made-grid" }), walk = h("div", { class: "morph-walk" }), keptGrid = h("div", { class: "made-grid" });
    function card(v, kept) {
      const quiet = (label, name, f) => button(label, { icon: name, kind: "quiet", iconOnly: true, "aria-label": `${label} ${v.name}`, title: label, onclick: f });
      const end = (key, words) => button(words, { kind: "quiet", "aria-label": `${words} of the morph: ${v.name}`, title: `Morph ${words === "A" ? "from" : "to"} it`, onclick: () => store.set({ [key]: v.vced }, `choose ${words}`) });
      return h("div", { class: "made" },
        h("button", { type: "button", class: "made-name", onclick: () => hear(v.vced), "aria-label": `Play ${v.name}` }, h("span", { class: "mono" }, v.name || "(no name)"), h("span", { class: "badge" }, `alg ${v.vced[ALGORITHM] + 1}`)),
        h("div", { class: "actions" }, store.state.way === "morph" ? [end("a", "A"), end("b", "B")] : quiet("Vary", "wand", () => { store.set({ way: "vary", from: v.vced }, `vary ${v.name}`); }),
          quiet("Edit", "voice", () => { app.setVoice(v.vced, "make"); app.go("voice", { voice: v.vced }); }),
          kept ? quiet("Drop", "close", () => store.set((s) => ({ kept: s.kept.filter((k) => k !== v) }), `drop ${v.name}`))
            : quiet("Keep", "star", () => keep(v))));
    }
    const same = (a, b) => a.vced.every((x, k) => x === b.vced[k]);
    function keep(v) {
      if (store.state.kept.some((k) => same(k, v))) { app.toast(`${v.name} is kept already.`); return; }
      store.set((s) => ({ kept: [...s.kept, v].slice(-MOST_KEPT) }), `keep ${v.name}`);
    }
    const saveKept = button("Save as a bank", { icon: "save", kind: "primary", onclick: async () => {
      problem.say("");
      try { download((await api.bytes("/api/voices/save", { voices: store.state.kept.slice(0, 32).map((v) => v.vced), bank: true, name: "kept" })).data, "kept.syx"); } catch (error) { problem.say(error.message); }
    } });
    const toBank = button("To the bank", { icon: "library", onclick: () => app.go("library", { voices: store.state.kept.map((v) => v.vced), from: "Make" }) });
    const keepAll = button("Keep all", { icon: "star", kind: "quiet", onclick: () => store.set((s) => ({ kept: [...s.kept, ...s.made.filter((v) => !s.kept.some((k) => same(k, v)))].slice(-MOST_KEPT) }), "keep all") });

    function paintWalk() {
      const s = store.state, morphed = s.madeBy === "Morphed" && s.made.length > 1, last = s.made.length - 1;
      if (!morphed) { show(walk); return; }
      const name = h("span", { class: "lcd big" }, (s.made[clamp(s.place, 0, last)].name || " ").padEnd(10));
      const control = slider("From A to B", { min: 0, max: last, step: 1, value: clamp(s.place, 0, last), format: (v) => `${v + 1} of ${last + 1}`, oninput: (v) => { store.set({ place: v }); name.textContent = (s.made[v].name || " ").padEnd(10); hear(s.made[v].vced); } });
      show(walk, name, control, button("Keep this step", { icon: "star", onclick: () => keep(s.made[store.state.place]) }));
    }

    function paint() {
      const s = store.state;
      paintOptions();
      const { done = 0, total = 0, stage } = job?.progress || {};
      status.textContent = running() ? (job.state === "queued" ? "Waiting …" : `Making voices${total ? `: ${stage}, ${done} of ${total}` : ""}. The first time takes longer, while the machine gets ready.`)
        : s.made.length ? `${s.made.length} voices. Click one to hear it.` : "Nothing yet. New voices appear here; the star keeps one.";
      show(grid, s.made.map((v) => card(v, false)));
      show(keptGrid, s.kept.map((v) => card(v, true)));
      keptPanel.hidden = !s.kept.length;
      keepAll.hidden = !s.made.length;
      saveKept.querySelector("span").textContent = s.kept.length > 32 ? "Save the first 32 as a bank" : "Save as a bank";
      paintWalk();
    }

    const keptPanel = panel("Kept", { actions: [toBank, saveKept] }, keptGrid);
    root.append(h("h1", { class: "visually-hidden" }, "Make"),
      h("div", { class: "make-top" }, panel("New voices", {}, way, options, problem.element), panel("Results", { actions: [keepAll] }, status, walk, grid)), keptPanel);
    let last = null;
    store.subscribe((state) => { const now = JSON.stringify({ ...state, place: 0 }); if (now !== last) { last = now; way.set(state.way); paint(); } });
    app.onVoice(() => { if (store.state.way === "vary" && !store.state.from) paintOptions(); });
    paint();
    return { show: paint };
  },
};
