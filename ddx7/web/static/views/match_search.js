// The search: how long, begin, watch the distance fall, hear the best so far, stop or go on.

import { audioContext, bufferOf, master, renderNotes } from "../js/audio.js";
import { h, reveal } from "../js/dom.js";
import { canvas, colour, drawCurve, ticks } from "../js/plot.js";
import { button, labelled, panel, problemLine, segmented } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const STAGES = {
  "finding the notes": "Finding the notes", "proposing voices": "Proposing voices", compiling: "Getting ready", drawing: "Trying first voices", evolving: "Breeding voices",
  refining: "Refining the best", polishing: "Polishing", "rendering the library": "Trying your library",
};

/** Play notes of a recording with a voice. */
export async function playPhrase(vced, notes, limit = 12) {
  const ctx = audioContext(), first = notes.slice(0, limit), begin = first[0]?.onset_s ?? 0;
  const list = first.length ? first : [{ onset_s: 0, gate_s: 1, note: 60 }];
  const longest = Math.min(4, Math.max(...list.map((n) => n.gate_s)));
  const sounds = await renderNotes(vced, { notes: list.map((n) => n.note), velocities: list.map((n) => n.velocity || 100), gates: list.map((n) => Math.min(n.gate_s, 4)), duration: longest + 1.5, sampleRate: ctx.sampleRate });
  const now = ctx.currentTime + 0.02;
  return sounds.map((samples, k) => {
    const source = new AudioBufferSourceNode(ctx, { buffer: bufferOf(samples, ctx.sampleRate) });
    source.connect(master());
    source.start(now + list[k].onset_s - begin);
    return source;
  });
}

export function searchPart({ app, store }) {
  let job = null, playing = [];
  const problem = problemLine();

  const time = segmented("Time for the search", [[5, "5 s"], [15, "15 s"], [30, "30 s"], [120, "2 min"]], store.state.seconds, (seconds) => store.set({ seconds }, "change the time"));
  const count = h("input", { type: "number", min: 1, max: 16, value: store.state.candidates });
  count.addEventListener("change", () => store.set({ candidates: Math.min(16, Math.max(1, Math.round(Number(count.value) || 4))) }, "change the number of voices"));
  const seed = h("input", { type: "number", min: 0, max: 2147483647, value: store.state.seed });
  seed.addEventListener("change", () => store.set({ seed: Math.min(2147483647, Math.max(0, Math.round(Number(seed.value) || 0))) }, "change the seed"));
  const begin = button("Find the voice", { icon: "search", kind: "primary", onclick: start });
  begin.classList.add("large");

  async function start() {
    const s = store.state, region = s.regions[s.sound];
    problem.say("");
    begin.disabled = true;
    try {
      job = await app.startJob("match", {
        sound: s.sound, seconds: s.seconds, candidates: s.candidates, seed: s.seed,
        ...(region ? { start_s: region[0], stop_s: region[1] } : {}),
        ...(s.corrected[s.sound] ? { notes: s.corrected[s.sound].map(({ onset_s, gate_s, note }) => ({ onset_s, gate_s, note })) } : {}),
      });
      store.set({ job: job.id });
    } catch (error) { problem.say(error.message); }
    begin.disabled = false;
    paint();
  }

  // ---- while it runs --------------------------------------------------------------------------------------------------

  const stage = h("p", { class: "stage", role: "status" });
  const count_ = h("span", { class: "hint mono" });
  const best = h("span", { class: "big-number mono" }, "–");
  const curve = canvas((context, width, height) => {
    const points = job?.progress?.curve || [];
    if (points.length < 1) return;
    const last = points.at(-1), x1 = Math.max(job.progress.seconds || 1, last[0]);
    const values = points.map((p) => p[1]), y1 = Math.max(...values) * 1.05, y0 = Math.min(...values) * 0.85;
    context.font = `11px ${colour("--mono")}`;
    for (const y of ticks(y0, y1, 4)) {
      const at = height - ((y - y0) / (y1 - y0 || 1)) * height;
      context.fillStyle = colour("--line");
      context.fillRect(0, at, width, 1);
      context.fillStyle = colour("--faint");
      context.fillText(String(y), 4, at - 3);
    }
    const line = [];
    points.forEach(([x, y], k) => { if (k) line.push([x, points[k - 1][1]]); line.push([x, y]); });
    drawCurve(context, line, { x0: 0, x1, y0, y1 }, width, height, colour("--accent"), `color-mix(in srgb, ${colour("--accent")} 14%, transparent)`);
    const px = (last[0] / x1) * width, py = height - ((last[1] - y0) / (y1 - y0 || 1)) * height;
    context.fillStyle = colour("--brown");
    context.beginPath();
    context.arc(px, py, 4, 0, 7);
    context.fill();
  }, { label: "Distance of the best voice over time", class: "curve" });
  const bar = h("div", { class: "progress", role: "progressbar", "aria-label": "Search", "aria-valuemin": 0, "aria-valuemax": 100 }, h("div", { class: "progress-fill" }));

  const hear = button("Hear the best so far", { icon: "play", onclick: async () => {
    for (const source of playing) { try { source.stop(); } catch { /* it has ended */ } }
    const vced = job?.progress?.best;
    if (!vced?.length) return;
    app.setVoice([...vced], "search");
    const s = store.state;
    try { playing = await playPhrase([...vced], s.corrected[s.sound] || s.notes[s.sound] || []); } catch (error) { problem.say(error.message); }
  } });
  const stop = button("Stop and keep", { icon: "stop", onclick: () => app.stopJob(job).catch((e) => problem.say(e.message)) });
  const drop = button("Cancel", { kind: "quiet", onclick: () => app.cancelJob(job).catch((e) => problem.say(e.message)) });

  const idle = h("div", { class: "search-idle" },
    h("div", { class: "labelled" }, h("span", { class: "label" }, "Time for the search"), time), begin,
    h("details", { class: "more" }, h("summary", {}, "More settings"), h("div", { class: "two" }, labelled("Voices to keep", count), labelled("Seed", seed, "Another seed finds other voices."))));
  const running = h("div", { class: "search-running", hidden: true },
    h("div", { class: "search-head" }, stage, bar),
    h("div", { class: "search-numbers" }, h("div", {}, best, h("span", { class: "hint" }, "distance, lower is nearer")), count_),
    h("div", { class: "well" }, curve), hear, h("div", { class: "actions" }, stop, drop));
  const element = panel("Search", { class: "search" }, idle, running, problem.element);

  function paint() {
    const active = job && (job.state === "queued" || job.state === "running");
    idle.hidden = Boolean(active);
    running.hidden = !active;
    if (!active) return;
    const p = job.progress || {};
    stage.textContent = job.stopping ? "Finishing with the best so far" : job.state === "queued" ? "Waiting for another search to end" : STAGES[p.stage] || (p.stage ? p.stage[0].toUpperCase() + p.stage.slice(1) : "Starting");
    const share = p.seconds ? Math.min(1, (p.elapsed_s || 0) / p.seconds) : 0;
    bar.firstChild.style.width = `${(100 * share).toFixed(1)}%`;
    bar.classList.toggle("waiting", !p.curve?.length);
    bar.setAttribute("aria-valuenow", Math.round(100 * share));
    best.textContent = p.distance ? p.distance.toFixed(2) : "–";
    count_.textContent = p.renders ? `${p.renders.toLocaleString()} voices tried` : "";
    hear.disabled = !p.best?.length;
    stop.disabled = !p.best?.length || job.stopping;
    curve.paint();
  }

  function onJob(changed) {
    if (changed.id !== store.state.job && changed.id !== job?.id) {
      if (changed.state !== "running" && changed.state !== "queued") return;
      if (store.state.runs.some((r) => r.job === changed.id)) return;
    }
    job = changed;
    if (changed.state === "done" && !store.state.runs.some((r) => r.job === changed.id)) {
      const run = { job: changed.id, title: changed.title, kind: changed.kind, ...changed.result };
      store.set((s) => ({ runs: [...s.runs, run], run: s.runs.length, picked: 0, job: null }));
      app.setVoice(run.candidates[0].vced, "match");
      app.toast(`${nameOf(run.candidates[0].vced) || "The voice"} is at a distance of ${run.candidates[0].distance.toFixed(1)} from the recording: ${run.candidates[0].quality}.`);
      reveal(document.getElementById("results"));
    }
    if (changed.state === "failed") problem.say(changed.error[0].toUpperCase() + changed.error.slice(1));
    paint();
  }
  app.onJob("match", onJob);
  app.onJob("steer", onJob);

  return {
    element,
    paint(state, before) {
      time.set(state.seconds);
      if (state.candidates !== before?.candidates) count.value = state.candidates;
      if (state.seed !== before?.seed) seed.value = state.seed;
      if (state.sound !== before?.sound) problem.say("");
      paint();
    },
  };
}
