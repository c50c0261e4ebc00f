// Make: new voices from categories, variations of a voice, and the way from one voice to another.

import { api } from "../js/api.js";
import { clamp, download, h, show } from "../js/dom.js";
import { button, panel, problemLine, segmented, select, slider } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const HEARD_MS = 900;

export const view = {
  id: "make",
  title: "Make",
  hint: "New voices, variations, and the way between two",

  mount(root, app) {
    const store = app.store("make", { way: "generate", category: "", algorithm: 0, count: 16, seed: 1, amount: 0.2, made: [], kept: [], a: null, b: null, place: 0, job: null });
    const problem = problemLine(), status = h("p", { class: "hint", role: "status" });
    let job = null;

    const hear = (vced) => {
      app.setVoice(vced, "make");
      app.player.noteOn(60, 100);
      setTimeout(() => app.player.noteOff(60), HEARD_MS);
    };

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
      if (changed.state === "done") store.set({ made: changed.result.voices, place: 0, job: null }, changed.title);
      if (changed.state === "failed") { problem.say(changed.error[0].toUpperCase() + changed.error.slice(1)); store.set({ job: null }); }
      if (changed.state === "stopped") store.set({ job: null });
      paint();
    });

    const options = h("div", { class: "make-options" });
    const way = segmented("Way", [["generate", "Generate"], ["vary", "Vary"], ["morph", "Morph"]], store.state.way, (v) => store.set({ way: v }));
    const seed = () => slider("Seed", { min: 0, max: 99, step: 1, value: store.state.seed, onchange: (v) => store.set({ seed: v }, "change the seed") });
    const count = (most) => slider("Voices", { min: 2, max: most, step: 1, value: Math.min(store.state.count, most), onchange: (v) => store.set({ count: v }, "change the number") });

    let categories = [];
    api.get("/api/categories").then((found) => { categories = found.categories; paintOptions(); }).catch((error) => problem.say(error.message));

    function paintOptions() {
      const s = store.state, running = job && (job.state === "queued" || job.state === "running");
      const go = (words, f, disabled = false) => running
        ? button("Cancel", { icon: "stop", onclick: () => app.cancelJob(job) })
        : button(words, { icon: "make", kind: "primary", onclick: f, disabled });
      if (s.way === "generate") {
        show(options, select("Category", [["", "Any"], ...categories.map((c) => [c, c])], s.category, (v) => store.set({ category: v }, "choose a category")),
          select("Algorithm", [["0", "Any"], ...Array.from({ length: 32 }, (_, k) => [String(k + 1), String(k + 1)])], String(s.algorithm), (v) => store.set({ algorithm: Number(v) }, "choose an algorithm")),
          count(32), seed(), go("Generate", () => begin({ way: "generate", count: s.count, seed: s.seed, ...(s.category ? { category: s.category } : {}), ...(s.algorithm ? { algorithm: s.algorithm } : {}) })));
      } else if (s.way === "vary") {
        show(options, h("p", {}, "From ", h("span", { class: "lcd" }, nameOf(app.voice) || "the present voice")),
          slider("How far", { min: 0.02, max: 1, step: 0.01, value: s.amount, format: (v) => `${Math.round(v * 100)} %`, onchange: (v) => store.set({ amount: v }, "change how far") }),
          count(32), seed(), go("Vary", () => begin({ way: "vary", voice: app.voice, count: s.count, amount: s.amount, seed: s.seed })));
      } else {
        const side = (key, words) => h("div", { class: "actions" }, button(`${words}: take the present voice`, { onclick: () => store.set({ [key]: app.voice }, `choose ${words}`) }),
          s[key] ? h("span", { class: "lcd" }, nameOf(s[key]) || "(no name)") : h("span", { class: "hint" }, "not chosen"));
        show(options, side("a", "A"), side("b", "B"), count(16), go("Morph", () => begin({ way: "morph", a: s.a, b: s.b, count: s.count }), !s.a || !s.b));
      }
    }

    const grid = h("div", { class: "made-grid" });
    const walk = h("div", {});
    function card(v, kept) {
      return h("div", { class: "made" },
        h("button", { type: "button", class: "made-name", onclick: () => hear(v.vced), "aria-label": `Play ${v.name}` }, h("span", { class: "mono" }, v.name || "(no name)"), h("span", { class: "badge" }, `alg ${v.vced[134] + 1}`)),
        h("div", { class: "actions" },
          button("Edit", { icon: "voice", kind: "quiet", iconOnly: true, "aria-label": `Edit ${v.name}`, onclick: () => { app.setVoice(v.vced, "make"); app.go("voice", { voice: v.vced }); } }),
          kept ? button("Drop", { icon: "close", kind: "quiet", iconOnly: true, "aria-label": `Drop ${v.name}`, onclick: () => store.set((s) => ({ kept: s.kept.filter((k) => k !== v) }), `drop ${v.name}`) })
            : button("Keep", { icon: "star", kind: "quiet", iconOnly: true, "aria-label": `Keep ${v.name}`, onclick: () => store.set((s) => ({ kept: [...s.kept, v].slice(-128) }), `keep ${v.name}`) })));
    }
    const keptGrid = h("div", { class: "made-grid" });
    const saveKept = button("Save as a bank", { icon: "save", kind: "primary", onclick: async () => {
      problem.say("");
      try { download((await api.bytes("/api/voices/save", { voices: store.state.kept.slice(0, 32).map((v) => v.vced), bank: true, name: "kept" })).data, "kept.syx"); } catch (error) { problem.say(error.message); }
    } });

    function paint() {
      const s = store.state, running = job && (job.state === "queued" || job.state === "running");
      paintOptions();
      status.textContent = running ? (job.state === "queued" ? "Waiting …" : "Making voices. The first time takes longer, while the machine gets ready.") : s.made.length ? `${s.made.length} voices. Click one to hear it.` : "Nothing yet. New voices appear here; the star keeps one.";
      show(grid, s.made.map((v) => card(v, false)));
      show(keptGrid, s.kept.map((v) => card(v, true)));
      keptPanel.hidden = !s.kept.length;
      saveKept.querySelector("span").textContent = s.kept.length > 32 ? "Save the first 32 as a bank" : "Save as a bank";
      const morphed = s.way === "morph" && s.made.length > 1;
      show(walk, morphed ? slider("From A to B", { min: 0, max: s.made.length - 1, step: 1, value: clamp(s.place, 0, s.made.length - 1), format: (v) => s.made[v]?.name || "", oninput: (v) => { s.place = v; hear(s.made[v].vced); } }) : null);
    }

    const keptPanel = panel("Kept", { actions: [saveKept] }, keptGrid);
    root.append(h("h1", { class: "visually-hidden" }, "Make"),
      h("div", { class: "make-top" }, panel("New voices", {}, way, options, problem.element), panel("What came", {}, status, walk, grid)), keptPanel);
    let last = null;
    store.subscribe((state) => { const now = JSON.stringify({ ...state, place: 0 }); if (now !== last) { last = now; way.set(state.way); paint(); } });
    app.onVoice(() => { if (store.state.way === "vary") paintOptions(); });
    paint();
    return { show: paint };
  },
};
