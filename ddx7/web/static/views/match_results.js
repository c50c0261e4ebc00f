// The results: target and candidates switched at the same place, spectrograms, words for what is off, and ways to go on.

import { api } from "../js/api.js";
import { Deck, rms } from "../js/audio.js";
import { clamp, clock, download, h, reveal, show } from "../js/dom.js";
import { canvas, colour, drawSpectrogram, drawWave, fetchSpectrogram, isDark, spectrogramImage, ticks } from "../js/plot.js";
import { button, panel, problemLine, segmented, toggle } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const WISHES = [["nearer", "More like this"], ["brighter", "Brighter"], ["darker", "Darker"], ["softer attack", "Softer attack"], ["harder attack", "Harder attack"], ["longer", "Rings longer"], ["shorter", "Dies sooner"]];
const LOCKS = [["algorithm", "Algorithm"], ["ratios", "Frequencies"], ["levels", "Output levels"], ["envelopes", "Envelopes"], ["modulation", "LFO"], ["scaling", "Keyboard scaling"]];
const WHOLE = { from: 0, to: 1, low: 0, high: 1 };

export function resultsPart(shared) {
  const { app, store, samplesOf } = shared, deck = new Deck();
  const spectra = new Map(), images = new Map();
  let run = null, view = { ...WHOLE }, duration = 1, shownRun = null;
  const problem = problemLine(), wishProblem = problemLine();

  const picked = () => run?.candidates[Math.min(store.state.picked, run.candidates.length - 1)];
  const trackOf = (k) => (k < 0 ? run.target : run.candidates[k].sound);

  // ---- transport ------------------------------------------------------------------------------------------------------

  const play = button("Play", { icon: "play", kind: "primary", onclick: () => { shared.deck = deck; deck.toggle(); } });
  const repeat = toggle("Repeat", true, () => setLoop());
  const time = h("span", { class: "mono hint" });
  const tracks = h("div", { class: "track-row", role: "group", "aria-label": "What is heard" });
  function setLoop() { deck.setLoop(repeat.firstChild.checked ? [view.from, Math.min(view.to, duration)] : null); }
  deck.addEventListener("change", () => {
    play.replaceChildren(...button(deck.playing ? "Pause" : "Play", { icon: deck.playing ? "pause" : "play" }).childNodes);
    paintTracks();
  });
  deck.addEventListener("place", () => { time.textContent = `${clock(deck.place)} / ${clock(duration)}`; for (const c of [wave, left, right, difference]) c.paint(); });

  function hear(k) {
    if (!run) return;
    shared.deck = deck;
    deck.choose(trackOf(k));
    if (k >= 0 && store.state.picked !== k) { store.set({ picked: k }, "choose another voice"); app.setVoice(run.candidates[k].vced, "match"); }
    if (!deck.playing) deck.play();
  }

  function paintTracks() {
    if (!run) return;
    show(tracks, [-1, ...run.candidates.keys()].map((k) => h("button", {
      type: "button", class: `track${k < 0 ? " target" : ""}`, "aria-pressed": deck.chosen === trackOf(k) ? "true" : "false", onclick: () => hear(k),
    }, h("kbd", { "aria-hidden": "true" }, String(k + 2)), h("span", {}, k < 0 ? "Recording" : nameOf(run.candidates[k].vced)),
    k < 0 ? null : h("span", { class: "badge" }, run.candidates[k].distance.toFixed(1)))));
  }

  // ---- pictures -------------------------------------------------------------------------------------------------------

  const imageOf = (id, other = null) => {
    const key = `${id}/${other}/${isDark()}`;
    if (!images.has(key)) images.set(key, spectrogramImage(spectra.get(id), { other: other && spectra.get(other), dark: isDark() }));
    return images.get(key);
  };

  function drawPlace(context, width, height) {
    const x = ((deck.place - view.from) / (view.to - view.from)) * width;
    context.fillStyle = colour("--ink");
    if (x >= 0 && x <= width) context.fillRect(x - 0.75, 0, 1.5, height);
  }

  function drawAxes(context, spectrum, width, height) {
    context.font = `10.5px ${colour("--mono")}`;
    const label = (text, x, y) => {
      const w = context.measureText(text).width;
      context.fillStyle = `color-mix(in srgb, ${colour("--well")} 72%, transparent)`;
      context.fillRect(x - 3, y - 10, w + 6, 14);
      context.fillStyle = colour("--soft");
      context.fillText(text, x, y);
    };
    const centres = spectrum.centresHz, n = centres.length;
    let last = Infinity;
    for (const hz of [50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 8000, 12000]) {
      const band = centres.findIndex((c) => c >= hz);
      if (band < 0) continue;
      const y = height * (1 - (band / n - view.low) / (view.high - view.low));
      if (y < 14 || y > height - 20 || last - y < 24) continue;
      last = y;
      label(hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`, 6, y + 4);
    }
    for (const s of ticks(view.from, view.to, Math.max(2, width / 120))) {
      const x = ((s - view.from) / (view.to - view.from)) * width;
      if (x > 60 && x < width - 30) label(`${s} s`, x, height - 6);
    }
  }

  const picture = (label, what) => canvas((context, width, height) => {
    const [id, other] = what();
    if (!id || !spectra.has(id) || (other && !spectra.has(other))) return;
    drawSpectrogram(context, imageOf(id, other), spectra.get(id), view, width, height);
    drawAxes(context, spectra.get(id), width, height);
    drawPlace(context, width, height);
  }, { label, class: "spectrogram" });
  const left = picture("Spectrogram of the recording", () => [run?.target, null]);
  const right = picture("Spectrogram of the voice", () => [picked()?.sound, null]);
  const difference = picture("Difference of the spectrograms: blue where the voice has too little, orange where it has too much", () => [picked()?.sound, run?.target]);

  const wave = canvas((context, width, height) => {
    if (!run || !waves.target) return;
    const slice = (t) => [view.from * t.sampleRate, view.to * t.sampleRate];
    drawWave(context, waves.target.samples, slice(waves.target), 0, 0, width, height / 2, colour("--brown"));
    const own = waves[picked().sound];
    if (own) drawWave(context, own.samples, slice(own), 0, height / 2, width, height / 2, colour("--accent"));
    drawPlace(context, width, height);
  }, { label: "Waveforms of the recording and the voice", class: "ab-wave" });
  let waves = {};

  function setView(next) {
    const span = clamp(next.to - next.from, 0.02, duration), band = clamp(next.high - next.low, 0.08, 1);
    const from = clamp(next.from, 0, duration - span), low = clamp(next.low, 0, 1 - band);
    view = { from, to: from + span, low, high: low + band };
    if (repeat.firstChild.checked && deck.loop && (Math.abs(deck.loop[0] - view.from) > 1e-3 || Math.abs(deck.loop[1] - view.to) > 1e-3) && !deck.playing) setLoop();
    for (const c of [wave, left, right, difference]) c.paint();
    fit.disabled = span >= duration - 1e-6 && band >= 1;
  }
  function zoom(factor, at = 0.5, bandsToo = false, atBand = 0.5) {
    const span = (view.to - view.from) * factor, centre = view.from + (view.to - view.from) * at;
    const band = (view.high - view.low) * (bandsToo ? factor : 1), middle = view.low + (view.high - view.low) * atBand;
    setView({ from: centre - span * at, to: centre + span * (1 - at), low: middle - band * atBand, high: middle + band * (1 - atBand) });
  }
  const fit = button("All", { kind: "quiet", title: "Show everything", onclick: () => setView({ from: 0, to: duration, low: 0, high: 1 }) });
  const zooms = h("div", { class: "actions" }, button("Zoom in", { icon: "plus", kind: "quiet", iconOnly: true, onclick: () => zoom(0.6) }),
    button("Zoom out", { icon: "minus", kind: "quiet", iconOnly: true, onclick: () => zoom(1 / 0.6) }), fit);

  for (const c of [left, right, difference, wave]) {
    c.tabIndex = 0;
    c.title = "Drag to move, Ctrl and wheel to zoom, click to play from there";
    let drag = null;
    c.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = c.getBoundingClientRect();
      zoom(Math.exp(event.deltaY * 0.004), (event.clientX - box.left) / box.width, event.shiftKey, 1 - (event.clientY - box.top) / box.height);
    }, { passive: false });
    c.addEventListener("pointerdown", (event) => { c.setPointerCapture(event.pointerId); drag = { x: event.clientX, y: event.clientY, view: { ...view }, moved: false }; });
    c.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      if (Math.hypot(dx, dy) > 4) drag.moved = true;
      if (!drag.moved) return;
      const s = (dx / c.clientWidth) * (drag.view.to - drag.view.from), b = c === wave ? 0 : (dy / c.clientHeight) * (drag.view.high - drag.view.low);
      setView({ from: drag.view.from - s, to: drag.view.to - s, low: drag.view.low + b, high: drag.view.high + b });
    });
    c.addEventListener("pointerup", (event) => {
      if (drag && !drag.moved) { shared.deck = deck; deck.seek(view.from + ((event.clientX - c.getBoundingClientRect().left) / c.clientWidth) * (view.to - view.from)); }
      drag = null;
    });
    c.addEventListener("keydown", (event) => {
      const span = view.to - view.from, step = { ArrowLeft: -0.15, ArrowRight: 0.15 }[event.key];
      if (step) setView({ ...view, from: view.from + step * span, to: view.to + step * span });
      else if (event.key === "+" || event.key === "=") zoom(0.6);
      else if (event.key === "-") zoom(1 / 0.6);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
  document.addEventListener("themechange", () => images.clear());

  const mode = segmented("Picture", [["side", "Side by side"], ["difference", "Difference"]], store.state.picture, (p) => store.set({ picture: p }));
  const legend = h("p", { class: "hint legend" }, h("span", { class: "swatch little" }), "the voice has too little", h("span", { class: "swatch much" }), "too much");
  const leftBox = h("figure", {}, h("figcaption", {}, "Recording"), h("div", { class: "well" }, left));
  const rightName = h("figcaption", {}, "Voice");
  const rightBox = h("figure", {}, rightName, h("div", { class: "well" }, right));
  const differenceBox = h("figure", { class: "wide" }, h("figcaption", {}, "Voice against recording"), h("div", { class: "well" }, difference), legend);

  // ---- what it is, and what to do with it -----------------------------------------------------------------------------

  const card = h("div", { class: "voice-card" });
  function paintCard() {
    const voice = picked();
    if (!voice) return;
    rightName.textContent = nameOf(voice.vced) || "Voice";
    show(card,
      h("div", { class: "voice-head" },
        h("span", { class: "lcd big" }, (nameOf(voice.vced) || " ").padEnd(10)),
        h("div", { class: "voice-distance" }, h("span", { class: "big-number mono" }, voice.distance.toFixed(1)), h("span", { class: "hint" }, `from the recording (log-mel ${voice.distance_db.toFixed(1)} dB)`)),
        h("span", { class: "chip good" }, voice.quality)),
      h("div", {}, h("h3", {}, voice.differences.length ? "What is off" : "No clear difference"),
        h("ul", { class: "off" }, voice.differences.map((words) => h("li", { class: "chip strong" }, words)))),
      h("div", { class: "actions" },
        button("Save .syx", { icon: "save", kind: "primary", onclick: () => save([voice], nameOf(voice.vced)) }),
        run.candidates.length > 1 ? button("Save all as a bank", { icon: "save", onclick: () => save(run.candidates, `${run.title} bank`) }) : null,
        button("Edit", { icon: "voice", onclick: () => { app.setVoice(voice.vced, "match"); app.go("voice", { voice: voice.vced, target: run.target, notes: run.notes }); } }),
        button("Send", { icon: "send", kind: "quiet", onclick: () => { app.setVoice(voice.vced, "match"); app.go("send", { voice: voice.vced }); } })),
      run.folder ? h("p", { class: "hint", title: run.folder }, `Everything is also in ${run.folder.split(/[\\/]/).slice(-2).join("/")}`) : null, problem.element);
  }

  async function save(voices, name) {
    problem.say("");
    try {
      const { data } = await api.bytes("/api/voices/save", { voices: voices.map((v) => v.vced), name });
      download(data, `${(name || "voice").trim().replace(/[^\w-]+/g, "_")}.syx`);
    } catch (error) { problem.say(error.message); }
  }

  const wishes = WISHES.map(([wish, words]) => button(words, { onclick: () => steer(wish) }));
  const goOn = button("Search on from here", { icon: "search", onclick: () => steer("target") });
  const locks = LOCKS.map(([part, words]) => {
    const b = button(words, { icon: "lock", kind: "quiet", "aria-pressed": "false", onclick: () => store.set((s) => ({ locks: s.locks.includes(part) ? s.locks.filter((p) => p !== part) : [...s.locks, part] }), `lock ${words.toLowerCase()}`) });
    b.classList.add("lock");
    b.dataset.part = part;
    return b;
  });

  async function steer(wish) {
    wishProblem.say("");
    const voice = picked();
    for (const b of [...wishes, goOn]) b.disabled = true;
    try {
      const job = await app.startJob("steer", {
        target: run.target, notes: run.notes.map(({ onset_s, gate_s, note }) => ({ onset_s, gate_s, note })),
        voice: voice.vced, wish, lock: store.state.locks, seconds: wish === "target" ? store.state.seconds : 6, candidates: store.state.candidates,
      });
      store.set({ job: job.id });
      reveal(document.querySelector(".match-top"), "nearest");
    } catch (error) { wishProblem.say(error.message); }
    for (const b of [...wishes, goOn]) b.disabled = false;
  }

  const history = h("div", { class: "run-row", role: "group", "aria-label": "Searches" });
  function paintHistory(state) {
    history.hidden = state.runs.length < 2;
    show(history, state.runs.map((r, k) => h("button", { type: "button", class: "source-chip", "aria-pressed": k === state.run ? "true" : "false", onclick: () => store.set({ run: k, picked: 0 }, "look at another search") },
      h("span", {}, r.title), h("span", { class: "badge" }, r.candidates[0].distance.toFixed(1)))));
  }

  const element = h("div", { class: "results", id: "results", hidden: true },
    history,
    h("div", { class: "results-grid" },
      panel("Listen and compare", { class: "compare", actions: [mode, zooms] },
        h("div", { class: "transport" }, play, repeat, time), tracks,
        h("div", { class: "pictures" }, leftBox, rightBox, differenceBox),
        h("figure", { class: "ab" }, h("figcaption", {}, h("span", { class: "swatch brown" }), "Recording", h("span", { class: "swatch accent" }), "Voice"), h("div", { class: "well" }, wave))),
      h("div", { class: "results-side" },
        panel("The voice", { class: "the-voice" }, card),
        panel("Go on from it", { class: "steer", hint: "Each makes new voices and keeps this one." },
          h("div", { class: "actions" }, wishes), h("h3", {}, "Keep as they are"), h("div", { class: "actions" }, locks), h("div", { class: "actions" }, goOn), wishProblem.element))));

  async function openRun() {
    const mine = run;
    problem.say("");
    try {
      const ids = [run.target, ...run.candidates.map((c) => c.sound)];
      const loaded = await Promise.all(ids.map(samplesOf));
      if (mine !== run) return;
      waves = Object.fromEntries(ids.map((id, k) => [id, loaded[k]]));
      waves.target = loaded[0];
      duration = loaded[0].samples.length / loaded[0].sampleRate;
      const level = rms(loaded[0].samples);
      const loudest = Math.max(...loaded.map((t) => t.samples.reduce((m, x) => Math.max(m, Math.abs(x)), 0) * (level / Math.max(rms(t.samples), 1e-6))));
      const common = Math.min(1, 0.95 / loudest);
      deck.setTracks(ids.map((id, k) => ({ id, ...loaded[k], gain: common * (level / Math.max(rms(loaded[k].samples), 1e-6)) })));
      setView({ from: 0, to: duration, low: 0, high: 1 });
      setLoop();
      paintTracks();
      await Promise.all(ids.map(async (id) => { if (!spectra.has(id)) spectra.set(id, await fetchSpectrogram(api, app.path(`sounds/${id}/spectrogram`))); if (mine === run) for (const c of [left, right, difference]) c.paint(); }));
    } catch (error) { problem.say(error.message); }
  }

  return {
    element, deck,
    paint(state, before) {
      run = state.runs[state.run] || null;
      element.hidden = !run;
      if (!run) return;
      if (run !== shownRun) { shownRun = run; openRun(); paintCard(); }
      if (state.picked !== before?.picked) { paintCard(); if (deck.chosen !== run.target && deck.chosen !== picked().sound) deck.choose(picked().sound); for (const c of [right, difference, wave]) c.paint(); }
      if (state.runs !== before?.runs || state.run !== before?.run) paintHistory(state);
      mode.set(state.picture);
      const side = state.picture !== "difference";
      leftBox.hidden = rightBox.hidden = !side;
      differenceBox.hidden = side;
      for (const b of locks) b.setAttribute("aria-pressed", state.locks.includes(b.dataset.part) ? "true" : "false");
      paintTracks();
    },
    key(event) {
      // 1 is the recording, 2 the best voice: digits that the piano uses stay with it while a modifier is up.
      if (!run || !event.altKey || !/^Digit[1-9]$/.test(event.code)) return false;
      const k = Number(event.code.slice(5)) - 2;
      if (k < run.candidates.length) hear(k);
      return true;
    },
  };
}

