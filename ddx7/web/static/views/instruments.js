// Instruments: a recording, a take, a MIDI file or the live microphone, played by a learned instrument with knobs.

import { api, Problem } from "../js/api.js";
import { Deck, rms, wavBytes } from "../js/audio.js";
import { clock, download, h, later, show } from "../js/dom.js";
import { knob } from "../js/knob.js";
import { playLive } from "../js/live.js";
import { canvas, colour, drawWave } from "../js/plot.js";
import { recordTake } from "../js/take.js";
import { button, dropZone, icon, panel, problemLine, toggle } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const PLAIN = { transpose: 0, brightness: 0, attack: 0, reverb: 1, release: 0.2, vibrato: 15, gain: 0, levels: [0, 0, 0, 0, 0, 0] };
const MAX_MIDI = 500_000, OWN = "instrument", SOURCE = "source";
const WORDS = { cello: "Bowed and low", clarinet: "A hollow reed", oboe: "A bright reed", flute: "Breath and a round tone", trumpet: "Brass with a bite", violin: "Bowed, with a bright top" };
const base64 = async (file) => { let text = ""; for (const b of new Uint8Array(await file.arrayBuffer())) text += String.fromCharCode(b); return btoa(text); };
const seconds = (v) => (v ? `${v.toFixed(2)} s` : "as played");

export const view = {
  id: "instruments",
  title: "Instruments",
  hint: "Your playing, another instrument's sound",

  mount(root, app) {
    const store = app.store("instruments", { model: "violin", sounds: [], source: null, midi: null, ...PLAIN, job: null, exported: null });
    const problem = problemLine(), status = h("p", { class: "hint", role: "status" }), deck = new Deck();
    const loaded = new Map();
    let models = [], played = null, asked = 0, exporting = null;

    const samplesOf = async (id) => {
      if (!loaded.has(id)) {
        const { data, headers } = await api.bytes(app.path(`sounds/${id}/samples`));
        loaded.set(id, { samples: new Float32Array(data), sampleRate: Number(headers.get("x-sample-rate")) });
      }
      return loaded.get(id);
    };
    const sources = () => { const all = new Map([...app.sounds(), ...store.state.sounds].map((s) => [s.id, s])); return [...all.values()]; };
    const fail = (error) => { if (error.name !== "AbortError") problem.say(error.message); };

    // ---- what is played --------------------------------------------------------------------------------------------------

    const chooser = dropZone("Choose a recording or a MIDI file", { accept: "audio/*,.wav,.flac,.ogg,.mp3,.aif,.aiff,.mid,.midi", onfiles: addFiles });
    chooser.classList.add("visually-hidden-zone");
    async function addFiles(files) {
      problem.say("");
      const weights = files.filter((file) => /\.safetensors$/i.test(file.name));
      for (const file of weights) await addInstrument(file, files);
      files = files.filter((file) => !weights.length || !/\.(safetensors|json)$/i.test(file.name));
      for (const file of files) {
        try {
          if (/\.midi?$/i.test(file.name)) await addMidi(file);
          else { status.textContent = `Reading ${file.name} …`; add(await api.upload(app.path(`sounds?name=${encodeURIComponent(file.name)}`), file)); }
        } catch (error) { fail(error); }
      }
      status.textContent = "";
    }
    async function addInstrument(file, files) {
      const stem = file.name.replace(/\.safetensors$/i, ""), beside = files.find((other) => other.name.toLowerCase() === `${stem}.json`.toLowerCase());
      try {
        if (!beside) throw new Problem(`Choose ${stem}.json together with ${file.name}: ddx7 train resynth writes both.`);
        let card;
        try { card = JSON.parse(await beside.text()); } catch { throw new Problem(`${beside.name} is no JSON.`); }
        status.textContent = `Trying ${file.name} …`;
        const { name } = await api.post("/api/instruments", { name: stem, card, weights: await base64(file) });
        await listInstruments();
        store.set({ model: name }, `choose the ${name}`);
      } catch (error) { fail(error); }
      status.textContent = "";
    }
    async function addMidi(file) {
      if (file.size > MAX_MIDI) throw new Error(`${file.name} has ${Math.round(file.size / 1000)} KB; at most ${MAX_MIDI / 1000} KB are played here.`);
      store.set({ midi: { name: file.name, data: await base64(file) }, source: "midi" }, `play ${file.name}`);
    }
    const add = (sound) => store.set((s) => ({ sounds: [...s.sounds, sound], source: sound.id }), `add ${sound.name}`);
    async function record() {
      problem.say("");
      try {
        const take = await recordTake(120);
        if (take) add(await api.upload(app.path(`sounds?name=${encodeURIComponent(`Take ${sources().length + 1}.wav`)}`), wavBytes(take.samples, take.sampleRate)));
      } catch (error) { fail(error); }
    }
    async function demo() {
      try { add(await api.post(app.path("sounds/demo"))); } catch (error) { fail(error); }
    }

    const ownChooser = dropZone("Choose an instrument that ddx7 train resynth wrote, both files", { accept: ".safetensors,.json", onfiles: addFiles });
    ownChooser.classList.add("visually-hidden-zone");

    const chips = h("div", { class: "source-chips", role: "group", "aria-label": "What is played" });
    function paintChips(state) {
      const chip = (id, name, badge) => h("button", { type: "button", class: "source-chip", "aria-pressed": id === state.source ? "true" : "false", onclick: () => store.set({ source: id }, `play ${name}`) }, h("span", {}, name), h("span", { class: "badge" }, badge));
      show(chips, sources().map((s) => chip(s.id, s.name, `${s.seconds.toFixed(1)} s`)), state.midi ? chip("midi", state.midi.name, "MIDI") : null);
    }

    // ---- the instrument ----------------------------------------------------------------------------------------------------

    const cards = h("div", { class: "instrument-cards", role: "radiogroup", "aria-label": "Instrument" });
    function paintCards(state) {
      show(cards, models.map((m) => h("button", { type: "button", class: "instrument-card", role: "radio", "aria-checked": m.name === state.model ? "true" : "false", onclick: () => store.set({ model: m.name }, `choose the ${m.name}`) },
        icon("instruments", 22), h("strong", {}, m.name), h("span", { class: "hint" }, WORDS[m.name] || (m.own ? "Your own" : "Learned")), h("span", { class: "badge" }, m.minutes ? `from ${m.minutes.toFixed(0)} min of sound` : ""))));
    }
    const turned = (key) => (v) => store.set({ [key]: v }, `turn ${key}`);
    const knobs = {
      transpose: knob("Transpose", { min: -24, max: 24, value: store.state.transpose, reset: 0, from: 0, format: (v) => `${v > 0 ? "+" : ""}${v} st`, oninput: turned("transpose") }),
      brightness: knob("Brightness", { min: -2, max: 2, step: 0.1, value: store.state.brightness, reset: 0, from: 0, format: (v) => `× ${(2 ** v).toFixed(2)}`, oninput: turned("brightness") }),
      attack: knob("Attack", { min: 0, max: 1, step: 0.02, value: store.state.attack, format: seconds, oninput: turned("attack") }),
      reverb: knob("Reverb", { min: 0, max: 3, step: 0.05, value: store.state.reverb, reset: 1, format: (v) => (v ? `${Math.round(v * 100)} %` : "dry"), oninput: turned("reverb") }),
      release: knob("Release", { min: 0.02, max: 2, step: 0.02, value: store.state.release, reset: 0.2, format: (v) => `${v.toFixed(2)} s`, oninput: turned("release") }),
      gain: knob("Mic gain", { min: -20, max: 40, value: store.state.gain ?? 0, reset: 0, from: 0, format: (v) => `${v > 0 ? "+" : ""}${v} dB`, oninput: turned("gain") }),
      vibrato: knob("Vibrato", { min: 0, max: 60, value: store.state.vibrato, reset: 15, format: (v) => `${v} cents`, oninput: turned("vibrato") }),
    };
    const operators = store.state.levels.map((db, k) => knob(`OP${k + 1}`, { min: -24, max: 12, step: 0.5, value: db, reset: 0, from: 0, format: (v) => `${v > 0 ? "+" : ""}${v} dB`, oninput: (v) => store.set((s) => ({ levels: s.levels.map((own, i) => (i === k ? v : own)) }), `turn OP${k + 1}`) }));
    const knobRow = h("div", { class: "knob-row" }, Object.values(knobs)), operatorRow = h("div", { class: "knob-row small" }, operators);

    // ---- playing -------------------------------------------------------------------------------------------------------------

    const settings = (s) => ({
      model: s.model, transpose: s.transpose, mod_index: Number((2 ** s.brightness).toFixed(4)), attack_s: s.attack, reverb: s.reverb, release_s: s.release, vibrato_cents: s.vibrato, levels_db: s.levels,
      ...(s.source === "midi" ? { midi: s.midi.data } : { sound: s.source }),
    });
    let heardSource = null;
    const perform = later(async () => {
      const state = store.state, mine = ++asked;
      if (!state.source || (state.source === "midi" && !state.midi)) return;
      problem.say("");
      if (state.source !== heardSource) status.textContent = "Following pitch and loudness. The first time takes longer, while the machine gets ready.";
      try {
        const [{ data, headers }, source] = await Promise.all([api.bytes(app.path("instruments/play"), settings(state)), state.source === "midi" ? null : samplesOf(state.source)]);
        if (mine !== asked) return;
        heardSource = state.source;
        played = { samples: new Float32Array(data), sampleRate: Number(headers.get("x-sample-rate")), source };
        const level = source ? rms(source.samples) : rms(played.samples), own = level / Math.max(rms(played.samples), 1e-5), peak = played.samples.reduce((m, x) => Math.max(m, Math.abs(x)), 1e-5);
        const tracks = [{ id: OWN, samples: played.samples, sampleRate: played.sampleRate, gain: Math.min(own, 0.95 / peak) }];
        if (source) tracks.unshift({ id: SOURCE, ...source, gain: 1 });
        const chosen = deck.chosen === SOURCE && source ? SOURCE : OWN;
        deck.setTracks(tracks);
        deck.choose(chosen);
        show(remarks, JSON.parse(headers.get("x-remarks")).map((words) => h("li", {}, words)));
        status.textContent = "";
      } catch (error) { if (mine === asked) { status.textContent = ""; fail(error); } }
      paintTransport();
    }, 120);

    // ---- the microphone, live ------------------------------------------------------------------------------------------------

    let live = null, starting = false;
    const heardLive = h("p", { class: "hint live-state", role: "status" });
    const liveButton = button("Play live", { icon: "mic", onclick: () => (live ? endLive() : beginLive()) });
    const liveSettings = (s) => { const { sound: _sound, midi: _midi, ...own } = settings(s); return { ...own, gain_db: s.gain ?? 0 }; };
    function paintLive() {
      liveButton.replaceChildren(...button(live ? "Stop live" : "Play live", { icon: live ? "stop" : "mic" }).childNodes);
      liveButton.setAttribute("aria-pressed", live ? "true" : "false");
      knobs.gain.hidden = !live;
      if (!live) { heardLive.textContent = ""; delete heardLive.dataset.loudest; }
    }
    function endLive() { live?.stop(); live = null; paintLive(); }
    async function beginLive() {
      if (starting) return;
      starting = true;
      problem.say("");
      deck.pause();
      heardLive.textContent = "Getting the instrument ready. Use headphones, or the microphone hears it.";
      try {
        live = await playLive(app.path("instruments/live"), liveSettings(store.state), {
          onState(behind, loudest) {
            if (!live) return;
            const late = behind < 1 ? `${Math.round(1000 * behind)} ms behind you` : "waiting for this machine";
            heardLive.textContent = `${store.state.model}, ${late}. Use headphones.`;
            heardLive.dataset.loudest = loudest.toFixed(4);
          },
          onFail(error) { endLive(); fail(error); },
        });
      } catch (error) { fail(error); }
      starting = false;
      paintLive();
    }
    const turnLive = later(async (again) => {
      if (!live) return;
      if (again) { endLive(); await beginLive(); return; }
      try { await live.turn(liveSettings(store.state)); } catch (error) { fail(error); }
    }, 60);

    const play = button("Play", { icon: "play", kind: "primary", onclick: () => deck.toggle() });
    const repeat = toggle("Repeat", true, () => setLoop());
    const setLoop = () => deck.setLoop(repeat.firstChild.checked && deck.duration ? [0, deck.duration] : null);
    const time = h("span", { class: "mono hint" }), tracks = h("div", { class: "track-row", role: "group", "aria-label": "What is heard" }), remarks = h("ul", { class: "plain-list" });
    const wave = canvas((context, width, height) => {
      if (!played) return;
      const half = played.source ? height / 2 : height;
      if (played.source) drawWave(context, played.source.samples, [0, played.source.samples.length], 0, 0, width, half, colour("--brown"));
      drawWave(context, played.samples, [0, played.samples.length], 0, height - half, width, half, colour("--accent"));
      context.fillStyle = colour("--ink");
      context.fillRect((deck.place / Math.max(deck.duration, 1e-6)) * width - 0.75, 0, 1.5, height);
    }, { label: "Waveforms of the recording, above, and the instrument", class: "instrument-wave" });
    wave.addEventListener("click", (event) => { const box = wave.getBoundingClientRect(); deck.seek(((event.clientX - box.left) / box.width) * deck.duration); });
    deck.addEventListener("change", paintTransport);
    deck.addEventListener("place", () => { time.textContent = `${clock(deck.place)} / ${clock(deck.duration)}`; wave.paint(); });
    let loopOf = 0;
    function paintTransport() {
      play.replaceChildren(...button(deck.playing ? "Pause" : "Play", { icon: deck.playing ? "pause" : "play" }).childNodes);
      for (const b of [play, keep, wav, toMatch]) b.disabled = !played;
      if (deck.duration !== loopOf) { loopOf = deck.duration; setLoop(); }
      const track = (id, words, own) => h("button", { type: "button", class: `track ${own}`, "aria-pressed": deck.chosen === id ? "true" : "false", onclick: () => { deck.choose(id); if (!deck.playing) deck.play(); } }, h("span", {}, words));
      show(tracks, played?.source ? track(SOURCE, "Recording", "target") : null, played ? track(OWN, store.state.model, "") : null);
      wave.paint();
    }

    // ---- results -------------------------------------------------------------------------------------------------------------

    const stem = () => `${store.state.source === "midi" ? store.state.midi.name.replace(/\.\w+$/, "") : (sources().find((s) => s.id === store.state.source)?.name || "sound").replace(/\.\w+$/, "")}-${store.state.model}`;
    const wav = button("Save .wav", { icon: "save", onclick: () => download(wavBytes(played.samples, played.sampleRate), `${stem().replace(/[^\w-]+/g, "_")}.wav`, "audio/wav") });
    const toMatch = button("Match it", { icon: "match", kind: "quiet", onclick: async () => {
      try { const { sound } = await api.post(app.path("instruments/play"), { ...settings(store.state), keep: true, name: `${stem()}.wav` }); app.go("match", { sound }); } catch (error) { fail(error); }
    } });
    const keep = button("Make a DX7 voice", { icon: "voice", kind: "primary", onclick: async () => {
      problem.say("");
      const s = store.state;
      try { exporting = await app.startJob("instruments/export", { model: s.model, name: s.model.toUpperCase(), ...(s.source && s.source !== "midi" ? { sound: s.source } : {}) }); store.set({ job: exporting.id }); } catch (error) { fail(error); }
      paintExport();
    } });
    const result = h("div", { class: "export-result" });
    app.onJob("export", (job) => {
      if (job.id !== store.state.job) return;
      exporting = job.state === "queued" || job.state === "running" ? job : null;
      if (job.state === "done") store.set({ exported: { ...job.result, model: job.title }, job: null }, `make a voice of the ${job.title}`);
      else if (job.state === "failed") { store.set({ job: null }); problem.say(`${job.error[0].toUpperCase()}${job.error.slice(1)}.`); } else if (!exporting) store.set({ job: null });
      paintExport();
    });
    function paintExport() {
      const found = store.state.exported;
      keep.disabled = Boolean(exporting) || !played;
      show(result, exporting ? h("div", { class: "job-progress" }, h("span", { class: "hint" }, `${exporting.progress.stage || "Waiting"} …`), h("div", { class: "progress waiting" }, h("div", { class: "progress-fill" })), button("Cancel", { icon: "stop", kind: "quiet", onclick: () => app.cancelJob(exporting) })) : null,
        found ? h("div", { class: "details-head" }, h("span", { class: "lcd big" }, nameOf(found.voice.vced).padEnd(10)), h("span", { class: "hint" }, `${found.distance_db.toFixed(1)} dB from the ${found.model}${found.recording_db === null ? "" : `, ${found.recording_db.toFixed(1)} dB from the recording`} (log-mel)`),
          h("div", { class: "actions" }, button("Play it", { icon: "piano", onclick: () => { app.setVoice(found.voice.vced, "instruments"); app.player.noteOn(67, 100); setTimeout(() => app.player.noteOff(67), 900); } }),
            button("Edit", { icon: "voice", onclick: () => { app.setVoice(found.voice.vced, "instruments"); app.go("voice", { voice: found.voice.vced }); } }),
            button("Save .syx", { icon: "save", kind: "primary", onclick: async () => { try { download((await api.bytes("/api/voices/save", { voices: [found.voice.vced] })).data, `${found.model}.syx`); } catch (error) { fail(error); } } }))) : null);
    }

    const calm = button("Set all back", { kind: "quiet", onclick: () => store.set({ ...PLAIN }, "set all knobs back") });
    root.append(h("h1", { class: "visually-hidden" }, "Instruments"), chooser,
      h("div", { class: "instruments-grid" },
        panel("What is played", { class: "played-source", actions: [button("Choose files", { icon: "upload", onclick: () => chooser.open() }), button("Record", { icon: "mic", onclick: record }), liveButton] },
          chips, h("div", { class: "well" }, wave), h("div", { class: "transport" }, play, repeat, time, tracks), heardLive, status, remarks, problem.element,
          h("div", { class: "actions" }, keep, wav, toMatch), result),
        panel("Instrument", { class: "instrument", actions: [button("Add your own", { icon: "upload", kind: "quiet", onclick: () => ownChooser.open() }), calm] }, cards, ownChooser, knobRow, h("h3", {}, "Its six operators"), operatorRow,
          h("p", { class: "hint" }, "A network turns pitch and loudness into the levels of six DX7 operators, 250 times a second. A solo melody works best; a MIDI file may have chords."))));

    const PLAYED = ["model", "source", "midi", "transpose", "brightness", "attack", "reverb", "release", "vibrato", "levels"];
    function paint(state, before) {
      if (!before || state.sounds !== before.sounds || state.source !== before.source || state.midi !== before.midi) paintChips(state);
      if (!before || state.model !== before.model) paintCards(state);
      for (const [key, own] of Object.entries(knobs)) own.set(state[key] ?? PLAIN[key]);
      operators.forEach((own, k) => own.set(state.levels[k]));
      const midi = state.source === "midi";
      knobs.release.hidden = knobs.vibrato.hidden = !midi;
      calm.hidden = Object.keys(PLAIN).every((key) => JSON.stringify(state[key]) === JSON.stringify(PLAIN[key]));
      if (before && live && [...PLAYED, "gain"].some((key) => state[key] !== before[key])) turnLive(state.model !== before.model);
      if (before && PLAYED.some((key) => state[key] !== before[key])) perform();
      if (!before || state.exported !== before.exported) paintExport();
    }
    store.subscribe(paint);
    const listInstruments = async () => { models = (await api.get("/api/instruments")).instruments; paintCards(store.state); };
    listInstruments().catch(fail);
    paintLive();
    paint(store.state, null);
    paintTransport();
    if (store.state.job) exporting = app.jobs.get(store.state.job) || null;

    return {
      show() {
        paintChips(store.state);
        if (!store.state.source) { const last = sources().at(-1); if (last) store.set({ source: last.id }); else demo(); } else if (!played) perform();
      },
      hide() { deck.pause(); endLive(); },
      acceptFiles: addFiles,
      receive(message) { if (message?.sound) add(message.sound); },
      key(event) { if (event.key === " " && !/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) { deck.toggle(); return true; } return false; },
    };
  },
};
