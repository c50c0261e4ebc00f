// Voice: every parameter as a DX7 programmer thinks, heard as it changes.

import { api } from "../js/api.js";
import { liveAnalyser } from "../js/audio.js";
import { clamp, download, h, later, newId, show, svg } from "../js/dom.js";
import { canvas, colour } from "../js/plot.js";
import { acceptDrops, button, dropZone, labelled, panel, problemLine, segmented, select, slider, toggle } from "../js/ui.js";
import { fitPart } from "./voice_fit.js";
import { algorithms, field, initVoice, nameOf, renamed, value, withValue } from "../js/voice.js";

const OPERATOR_SIZE = 21, NOTE = 60, HEARD_MS = 450;
const operatorOffset = (op) => OPERATOR_SIZE * (6 - op);
const fixed = (n, digits) => n.toFixed(digits);

export const view = {
  id: "voice",
  title: "Voice",
  hint: "Every parameter, heard as you change it",

  mount(root, app) {
    const store = app.store("voice", { vced: app.voice, began: app.voice, target: null, notes: [], hear: true, locks: [], fitSeconds: 15, fitJob: null, fitted: [] });
    const painters = [];
    let copied = null, lastNote = NOTE;
    const problem = problemLine();

    const vced = () => store.state.vced;
    const hearSoon = later(() => {
      if (!store.state.hear) return;
      app.player.noteOn(lastNote, 100);
      setTimeout(() => app.player.noteOff(lastNote), HEARD_MS);
    }, 30);
    function change(next, label) {
      store.set({ vced: next }, label);
      hearSoon();
    }
    const set = (name, v, op = 0, index = 0) => change(withValue(vced(), name, v, op, index), `change ${field(name, op, index).label}`);

    // ---- one control for a parameter, made from the table --------------------------------------------------------------

    function control(name, op = 0, index = 0, words = "") {
      const f = field(name, op, index), low = f.minimum + f.panel, high = f.maximum + f.panel, label = words || f.label.replace(/^operator \d /, "");
      if (f.labels.length) {
        const element = f.labels.length === 2
          ? segmented(f.label, f.labels.map((l, k) => [k, l]), value(vced(), name, op, index), (v) => set(name, v, op, index))
          : select(label, f.labels.map((l, k) => [String(k), l]), String(value(vced(), name, op, index)), (v) => set(name, Number(v), op, index));
        painters.push(() => element.set(f.labels.length === 2 ? value(vced(), name, op, index) : String(value(vced(), name, op, index))));
        return f.labels.length === 2 ? h("div", { class: "labelled" }, h("span", { class: "label" }, label), element) : element;
      }
      const element = slider(label[0].toUpperCase() + label.slice(1), { min: low, max: high, step: 1, value: value(vced(), name, op, index), oninput: (v) => set(name, v, op, index) });
      element.input.setAttribute("aria-label", f.label);
      painters.push(() => element.set(value(vced(), name, op, index)));
      return element;
    }

    function numbers(label, name, op) {
      const inputs = [0, 1, 2, 3].map((k) => {
        const f = field(name, op, k), input = h("input", { type: "number", min: f.minimum, max: f.maximum, value: value(vced(), name, op, k), class: "mono", "aria-label": f.label });
        input.addEventListener("change", () => set(name, clamp(Number(input.value) || 0, f.minimum, f.maximum), op, k));
        painters.push(() => { if (document.activeElement !== input) input.value = value(vced(), name, op, k); });
        return input;
      });
      return h("div", { class: "four" }, h("span", { class: "label" }, label), inputs);
    }

    // ---- envelopes: four points to drag; across is the rate, up is the level --------------------------------------------

    const WIDTH = 300, HEIGHT = 110, PART = WIDTH / 5, LEAST = 16;
    function envelope(rates, levels, op, label) {
      const line = svg("polyline", { class: "eg-line" }), fill = svg("polygon", { class: "eg-fill" });
      const dots = [0, 1, 2, 3].map((k) => svg("circle", { r: 6.5, class: "eg-dot", dataset: { k } }));
      const element = svg("svg", { viewBox: `-10 -10 ${WIDTH + 20} ${HEIGHT + 20}`, class: "eg", role: "img", "aria-label": `${label}: the numbers below set it, too` },
        svg("line", { x1: 0, y1: HEIGHT, x2: WIDTH, y2: HEIGHT, class: "eg-axis" }), fill, line, dots);
      const y = (level) => HEIGHT * (1 - level / 99), width = (rate) => LEAST + (PART - LEAST) * (1 - rate / 99);
      const places = () => {
        let x = 0;
        return [0, 1, 2, 3].map((k) => {
          x += width(value(vced(), rates, op, k));
          if (k === 3) x += PART;
          return [x, y(value(vced(), levels, op, k))];
        });
      };
      function paint() {
        const found = places(), sustain = [found[3][0] - width(value(vced(), rates, op, 3)), found[2][1]];
        const points = [[0, y(value(vced(), levels, op, 3))], ...found.slice(0, 3), sustain, found[3]];
        const text = points.map((p) => p.map((n) => fixed(n, 1)).join(",")).join(" ");
        line.setAttribute("points", text);
        fill.setAttribute("points", `0,${HEIGHT} ${text} ${fixed(found[3][0], 1)},${HEIGHT}`);
        found.forEach(([cx, cy], k) => { dots[k].setAttribute("cx", cx); dots[k].setAttribute("cy", cy); });
      }
      let held = -1;
      element.addEventListener("pointerdown", (event) => {
        if (!event.target.dataset.k) return;
        held = Number(event.target.dataset.k);
        element.setPointerCapture(event.pointerId);
      });
      element.addEventListener("pointermove", (event) => {
        if (held < 0) return;
        const box = element.getBoundingClientRect(), scale = (WIDTH + 20) / box.width;
        const px = (event.clientX - box.left) * scale - 10, py = (event.clientY - box.top) * scale - 10, found = places();
        const left = held === 0 ? 0 : held === 3 ? found[2][0] + PART : found[held - 1][0];
        const next = withValue(withValue(vced(), levels, 99 * (1 - py / HEIGHT), op, held), rates, 99 * (1 - (px - left - LEAST) / (PART - LEAST)), op, held);
        if (next.some((n, k) => n !== vced()[k])) change(next, `draw ${label}`);
      });
      for (const kind of ["pointerup", "pointercancel"]) element.addEventListener(kind, () => { held = -1; });
      painters.push(paint);
      return element;
    }

    // ---- the algorithm as a drawing --------------------------------------------------------------------------------------

    const chart = svg("svg", { class: "algorithm", role: "img" });
    painters.push(() => {
      const a = algorithms()[value(vced(), "algorithm") - 1], at = (op) => a.places[op];
      const columns = Math.max(...Object.values(a.places).map((p) => p[0])) + 1, rows = Math.max(...Object.values(a.places).map((p) => p[1])) + 1;
      const cell = 46, x = (op) => at(op)[0] * cell + cell / 2, y = (op) => (rows - 1 - at(op)[1]) * cell + cell / 2;
      chart.setAttribute("viewBox", `-14 -6 ${columns * cell + 28} ${rows * cell + 18}`);
      chart.setAttribute("aria-label", `Algorithm ${a.number}: carriers ${a.carriers.join(", ")}`);
      const lines = [];
      a.modulators.forEach((sources, k) => { for (const s of sources) lines.push(svg("path", { d: `M${x(s)} ${y(s) + 15} L${x(k + 1)} ${y(k + 1) - 15}`, class: "wire" })); });
      for (const c of a.carriers) lines.push(svg("path", { d: `M${x(c)} ${y(c) + 15} v12`, class: "wire out" }));
      const from = a.feedback_source, to = a.feedback;
      lines.push(svg("path", { d: `M${x(from) + 10} ${y(from) + 15} q16 0 16 -10 V${y(to) - 13} q0 -10 -16 -9`, class: `wire loop${value(vced(), "feedback") ? "" : " off"}` }));
      show(chart, lines, [1, 2, 3, 4, 5, 6].map((op) => svg("g", { class: `box${a.carriers.includes(op) ? " carrier" : ""}${value(vced(), "output_level", op) ? "" : " silent"}` },
        svg("rect", { x: x(op) - 15, y: y(op) - 15, width: 30, height: 30, rx: 5 }), svg("text", { x: x(op), y: y(op) + 5, "text-anchor": "middle" }, String(op)))));
    });

    // ---- operators -------------------------------------------------------------------------------------------------------

    function operatorCard(op) {
      const frequency = h("span", { class: "badge" }), role = h("span", { class: "chip" });
      painters.push(() => {
        const coarse = value(vced(), "coarse", op), fine = value(vced(), "fine", op);
        frequency.textContent = value(vced(), "fixed", op) ? `${(10 ** ((coarse % 4) + fine / 100)).toPrecision(4)} Hz` : `× ${((coarse || 0.5) * (1 + fine / 100)).toFixed(2)}`;
        const carrier = algorithms()[value(vced(), "algorithm") - 1].carriers.includes(op);
        role.textContent = carrier ? "carrier" : "modulator";
        role.className = `chip ${carrier ? "good" : "strong"}`;
      });
      const copy = button("Copy", { kind: "quiet", "aria-label": `Copy operator ${op}`, onclick: () => { copied = vced().slice(operatorOffset(op), operatorOffset(op) + OPERATOR_SIZE); app.toast(`Operator ${op} is copied.`); } });
      const paste = button("Paste", { kind: "quiet", "aria-label": `Paste into operator ${op}`, onclick: () => {
        if (!copied) { app.toast("Copy an operator first."); return; }
        const next = [...vced()];
        next.splice(operatorOffset(op), OPERATOR_SIZE, ...copied);
        change(next, `paste into operator ${op}`);
      } });
      return panel(`Operator ${op}`, { class: "operator", actions: [role, frequency] },
        control("output_level", op),
        envelope("rates", "levels", op, `the envelope of operator ${op}`), numbers("Rates", "rates", op), numbers("Levels", "levels", op),
        control("fixed", op, 0, "Frequency"), control("coarse", op), control("fine", op), control("detune", op),
        h("details", { class: "more" }, h("summary", {}, "Keyboard and modulation"),
          control("velocity_sensitivity", op), control("rate_scaling", op), control("amp_mod_sensitivity", op), scaling(op), control("break_point", op),
          control("left_depth", op), control("right_depth", op), h("div", { class: "two" }, control("left_curve", op), control("right_curve", op))),
        h("div", { class: "actions" }, copy, paste));
    }

    /** Level scaling over the keyboard, as a sketch of its two curves. */
    function scaling(op) {
      const line = svg("polyline", { class: "eg-line" });
      painters.push(() => {
        const middle = value(vced(), "break_point", op), points = [];
        for (let k = 0; k <= 99; k += 3) {
          const left = k < middle, depth = value(vced(), left ? "left_depth" : "right_depth", op), curve = value(vced(), left ? "left_curve" : "right_curve", op);
          const away = Math.abs(k - middle) / 50, bent = curve === 1 || curve === 2 ? (Math.exp(2.4 * Math.min(away, 1.6)) - 1) / 10 : away;
          points.push(`${k * 3},${fixed(clamp(30 - (curve >= 2 ? 1 : -1) * bent * depth * 0.4, 2, 58), 1)}`);
        }
        line.setAttribute("points", points.join(" "));
      });
      return svg("svg", { viewBox: "0 0 300 60", class: "scaling", role: "img", "aria-label": `Level scaling of operator ${op} over the keyboard` }, svg("line", { x1: 0, y1: 30, x2: 300, y2: 30, class: "eg-axis" }), line);
    }

    // ---- the voice as a whole --------------------------------------------------------------------------------------------

    const name = h("input", { type: "text", maxlength: 10, class: "lcd big name-field", spellcheck: "false", autocomplete: "off", id: newId("name") });
    name.addEventListener("change", () => change(renamed(vced(), name.value), "rename the voice"));
    painters.push(() => { if (document.activeElement !== name) name.value = nameOf(vced()); });

    // While it is pressed, keys and MIDI play the voice as it was.
    let comparing = false;
    const began = button("Where I began", { icon: "undo", "aria-pressed": "false", title: "Play the voice as it was, to compare", onclick: () => {
      comparing = !comparing;
      began.setAttribute("aria-pressed", comparing ? "true" : "false");
      app.player.setVoice(comparing ? store.state.began : vced());
      app.player.noteOn(lastNote, 100);
      setTimeout(() => app.player.noteOff(lastNote), 900);
    } });
    const endComparison = () => { comparing = false; began.setAttribute("aria-pressed", "false"); };
    const save = button("Save .syx", { icon: "save", kind: "primary", onclick: async () => {
      problem.say("");
      try {
        const { data } = await api.bytes("/api/voices/save", { voices: [vced()] });
        download(data, `${nameOf(vced()).trim().replace(/[^\w-]+/g, "_") || "voice"}.syx`);
      } catch (error) { problem.say(error.message); }
    } });
    const open = dropZone("Open voices", { accept: ".syx,.json,.zip,.ini", onfiles: openFiles });
    open.classList.add("visually-hidden-zone");
    const chooser = h("div", { class: "source-chips", role: "group", "aria-label": "Voices of the file", hidden: true });
    async function openFiles([file]) {
      problem.say("");
      try {
        const { voices, repairs } = await api.upload(`/api/voices/load?name=${encodeURIComponent(file.name)}`, file);
        take(voices[0].vced, `open ${file.name}`);
        chooser.hidden = voices.length < 2;
        show(chooser, voices.map((v) => h("button", { type: "button", class: "source-chip", onclick: () => take(v.vced, `choose ${v.name}`) }, h("span", {}, v.name || "(no name)"))));
        if (repairs.length) app.toast(`${repairs.length} ${repairs.length === 1 ? "fault was" : "faults were"} repaired: ${repairs[0]}.`);
      } catch (error) { problem.say(error.message); }
    }
    const take = (next, label) => { store.set({ vced: next, began: next }, label); hearSoon(); };
    const fit = fitPart(app, store, (next, label) => { store.set({ vced: next }, label); hearSoon(); });
    acceptDrops(root, openFiles);

    // Distance to the recording that the voice came from.
    const distance = h("p", { class: "distance-line", role: "status", hidden: true });
    const measure = later(async () => {
      const { target, notes, vced: now } = store.state;
      if (!target) { distance.hidden = true; return; }
      try {
        const found = await api.post(app.path("distance"), { target, notes: notes.map(({ onset_s, gate_s, note }) => ({ onset_s, gate_s, note })), voice: now });
        if (now !== vced()) return;
        distance.hidden = false;
        show(distance, h("span", { class: "mono" }, found.distance.toFixed(1)), ` from the recording, ${found.quality}${found.differences.length ? `: ${found.differences.join(", ")}` : ""}`);
      } catch (error) { distance.hidden = true; problem.say(error.message); }
    }, 350);

    const spectrum = canvas((context, width, height) => {
      const analyser = liveAnalyser();
      if (!analyser) {
        context.font = `13px ${colour("--font")}`;
        context.fillStyle = colour("--faint");
        context.textAlign = "center";
        context.fillText("Play a note: its spectrum shows here", width / 2, height / 2);
        context.textAlign = "start";
        return;
      }
      const bins = new Float32Array(analyser.frequencyBinCount), hz = analyser.context.sampleRate / 2 / bins.length;
      analyser.getFloatFrequencyData(bins);
      context.beginPath();
      context.moveTo(0, height);
      for (let px = 0; px <= width; px += 2) {
        const f = 40 * 400 ** (px / width), db = bins[Math.min(bins.length - 1, Math.round(f / hz))];
        context.lineTo(px, height - clamp((db + 100) / 90, 0, 1) * height);
      }
      context.lineTo(width, height);
      context.fillStyle = colour("--accent");
      context.globalAlpha = 0.75;
      context.fill();
      context.globalAlpha = 1;
    }, { label: "Live spectrum of what sounds", class: "live-spectrum" });
    let shown = false;
    const tick = () => { if (!shown) return; if (liveAnalyser()) spectrum.paint(); setTimeout(tick, 50); };

    const hear = toggle("Hear changes", store.state.hear, (on) => store.set({ hear: on }));
    const algorithm = select("Algorithm", algorithms().map((a) => [String(a.number), `${a.number}  ·  carriers ${a.carriers.join(" ")}`]), String(value(vced(), "algorithm")), (v) => set("algorithm", Number(v)));
    painters.push(() => algorithm.set(String(value(vced(), "algorithm"))));

    root.append(h("h1", { class: "visually-hidden" }, "Voice"), open,
      panel("The voice", { class: "voice-top", actions: [hear, began,
        button("Open", { icon: "upload", onclick: () => open.open() }),
        button("Init voice", { kind: "quiet", onclick: () => take(initVoice(), "init voice") }),
        button("Send", { icon: "send", kind: "quiet", onclick: () => app.go("send") }), save] },
      h("div", { class: "voice-main" },
        h("div", { class: "voice-id" }, labelled("Name", name), algorithm, control("feedback"), control("transpose"), control("osc_sync", 0, 0, "Oscillator sync")),
        h("div", { class: "well chart-well" }, chart),
        h("div", { class: "well spectrum-well" }, spectrum)),
      distance, chooser, problem.element),
      fit.element,
      h("div", { class: "operators" }, [1, 2, 3, 4, 5, 6].map(operatorCard)),
      h("div", { class: "operators" },
        panel("LFO", {}, control("lfo_wave", 0, 0, "Wave"), control("lfo_speed"), control("lfo_delay"), control("lfo_pitch_depth"), control("lfo_amp_depth"), control("pitch_mod_sensitivity"), control("lfo_sync", 0, 0, "Key sync")),
        panel("Pitch envelope", { hint: "50 is in tune" }, envelope("pitch_rates", "pitch_levels", 0, "the pitch envelope"), numbers("Rates", "pitch_rates", 0), numbers("Levels", "pitch_levels", 0))));

    const paint = () => { for (const f of painters) f(); };
    store.subscribe((state, before) => {
      fit.paint(state, before);
      if (state.target !== before.target) measure();
      if (state.vced === before.vced) return;
      endComparison();
      paint();
      app.setVoice(state.vced, "voice");
      measure();
    });
    app.onVoice((next, from) => { if (from !== "voice" && !shown) store.set({ vced: next, began: next }); });
    app.piano.element.addEventListener("played", (event) => { lastNote = event.detail; });
    paint();
    fit.paint(store.state, null);
    measure();
    return {
      show() { shown = true; fit.show(); if (app.voice !== vced()) app.setVoice(vced(), "voice"); tick(); },
      hide() { shown = false; if (comparing) { endComparison(); app.player.setVoice(vced()); } },
      acceptFiles: openFiles,
      receive(message) { if (message?.voice) { store.set({ vced: message.voice, began: message.voice, target: message.target || null, notes: message.notes || [], fitted: [] }, "take a voice from another view"); measure(); } },
    };
  },
};

