// Fit from here: a search that begins with the edited voice and keeps what is locked.

import { api } from "../js/api.js";
import { h, show } from "../js/dom.js";
import { canvas, colour, drawCurve } from "../js/plot.js";
import { button, panel, problemLine, segmented, select } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const PARTS = [["algorithm", "Algorithm"], ["ratios", "Frequencies"], ["levels", "Output levels"], ["envelopes", "Envelopes"], ["lfo", "LFO"], ["pitch-eg", "Pitch envelope"], ["scaling", "Keyboard"],
  ...[1, 2, 3, 4, 5, 6].map((op) => [`op${op}`, `OP${op}`])];
const TIMES = [[5, "5 s"], [15, "15 s"], [60, "1 min"]];

/** `take(vced, label)` makes a voice the edited one. The store keeps target, notes, locks and the running job. */
export function fitPart(app, store, take) {
  const problem = problemLine(), status = h("p", { class: "hint", role: "status" });
  let job = null, tried = null;

  // ---- the recording that is followed ------------------------------------------------------------------------------------

  const follow = h("div", {});
  async function choose(id) {
    problem.say("");
    if (!id) { store.set({ target: null, notes: [] }, "follow no recording"); return; }
    status.textContent = "Finding the notes …";
    try {
      const { notes } = await api.post(app.path(`sounds/${id}/notes`), {});
      store.set({ target: id, notes }, "follow a recording");
    } catch (error) { problem.say(error.message); }
    status.textContent = "";
  }
  function paintFollow(state) {
    const sounds = app.sounds(), known = sounds.some((s) => s.id === state.target);
    const options = [["", "No recording"], ...(state.target && !known ? [[state.target, "The recording of the match"]] : []), ...sounds.map((s) => [s.id, s.name])];
    show(follow, select("Follow", options, state.target || "", choose));
  }

  // ---- the search -----------------------------------------------------------------------------------------------------------

  const running = () => job && (job.state === "queued" || job.state === "running");
  const time = segmented("Time for the fit", TIMES, store.state.fitSeconds, (v) => store.set({ fitSeconds: v }, "change the time"));
  const locks = PARTS.map(([part, words]) => {
    const b = button(words, { icon: "lock", kind: "quiet", "aria-pressed": "false", onclick: () => store.set((s) => ({ locks: s.locks.includes(part) ? s.locks.filter((p) => p !== part) : [...s.locks, part] }), `lock ${words}`) });
    b.classList.add("lock");
    b.dataset.part = part;
    return b;
  });
  const go = button("Fit from here", { icon: "search", kind: "primary", onclick: begin });
  const stop = button("Stop and keep", { icon: "stop", onclick: () => app.stopJob(job) });
  const best = button("Hear the best so far", { icon: "play", kind: "quiet", onclick: () => {
    const vced = job?.progress.best, now = store.state.vced;
    if (!vced) return;
    app.player.setVoice(vced);
    app.player.noteOn(60, 100);
    setTimeout(() => { app.player.noteOff(60); app.player.setVoice(now); }, 900);
  } });
  const curve = canvas((context, width, height) => {
    const points = job?.progress.curve || [];
    if (points.length < 2) return;
    const values = points.map(([, y]) => y);
    drawCurve(context, points, { x0: 0, x1: Math.max(job.progress.seconds || 1, points.at(-1)[0]), y0: Math.min(...values) * 0.95, y1: Math.max(...values) * 1.02 }, width, height, colour("--accent"), colour("--accent-soft"));
  }, { label: "Distance of the best voice over time", class: "fit-curve" });
  const curveWell = h("div", { class: "well" }, curve);

  async function begin() {
    problem.say("");
    const s = store.state;
    tried = s.vced;
    try {
      job = await app.startJob("match", {
        sound: s.target, notes: s.notes.map(({ onset_s, gate_s, note }) => ({ onset_s, gate_s, note })), start: s.vced, lock: s.locks, seconds: s.fitSeconds, candidates: 4, name: nameOf(s.vced).trim() || "FITTED",
      });
      store.set({ fitJob: job.id });
    } catch (error) { problem.say(error.message); }
    paint(store.state);
  }
  app.onJob("fit", (changed) => {
    if (changed.id !== store.state.fitJob) return;
    job = changed;
    if (changed.state === "done") {
      const found = changed.result.candidates;
      store.set({ fitJob: null, fitted: found.map(({ vced, distance, quality }) => ({ vced, distance, quality })) });
      take(found[0].vced, "fit the voice");
      status.textContent = `The nearest voice is ${found[0].distance.toFixed(1)} from the recording, ${found[0].quality}. Ctrl and Z brings back the voice before.`;
    } else if (changed.state === "failed") { store.set({ fitJob: null }); problem.say(`${changed.error[0].toUpperCase()}${changed.error.slice(1)}.`); } else if (changed.state === "stopped") store.set({ fitJob: null });
    paint(store.state);
  });

  const found = h("div", { class: "track-row", role: "group", "aria-label": "Voices of the fit" });
  function paint(state) {
    const now = running(), { stage, distance } = job?.progress || {};
    for (const b of locks) b.setAttribute("aria-pressed", state.locks.includes(b.dataset.part) ? "true" : "false");
    time.set(state.fitSeconds);
    go.hidden = now;
    go.disabled = !state.target || !state.notes.length;
    stop.hidden = best.hidden = curveWell.hidden = !now;
    if (now) status.textContent = job.state === "queued" ? "Waiting …" : `${stage || "Starting"} …${distance === null || distance === undefined ? "" : ` ${distance.toFixed(1)} from the recording`}`;
    if (!state.target && !now) status.textContent = "Choose a recording to follow: then the distance is measured after each change, and the fit goes on from here.";
    curve.paint();
    show(found, [...(tried && state.fitted.length ? [[tried, "Before", null]] : []), ...state.fitted.map((c, k) => [c.vced, `Fit ${k + 1}`, c.distance])].map(([vced, words, d]) => h("button", {
      type: "button", class: "track", "aria-pressed": vced.join() === state.vced.join() ? "true" : "false", onclick: () => take(vced, `take ${words.toLowerCase()}`),
    }, h("span", {}, words), d === null ? null : h("span", { class: "badge" }, d.toFixed(1)))));
  }
  if (store.state.fitJob) job = app.jobs.get(store.state.fitJob) || null;

  return {
    element: panel("Fit from here", { class: "fit", hint: "Locked parts stay as they are." }, h("div", { class: "fit-row" }, follow, h("div", { class: "labelled" }, h("span", { class: "label" }, "Time"), time), h("div", { class: "actions" }, go, stop, best)),
      h("div", { class: "actions choices" }, locks), curveWell, status, found, problem.element),
    paint(state, before) {
      if (!before || state.target !== before.target) paintFollow(state);
      paint(state);
    },
    show() { paintFollow(store.state); },
  };
}
