// Match: a recording in, voices out. This module holds the state and the sources; the parts draw it.

import { api } from "../js/api.js";
import { decodeInBrowser, wavBytes } from "../js/audio.js";
import { h, show } from "../js/dom.js";
import { recordTake } from "../js/take.js";
import { acceptDrops, button, dropZone, problemLine } from "../js/ui.js";
import { recordingPart } from "./match_recording.js";
import { resultsPart } from "./match_results.js";
import { searchPart } from "./match_search.js";

const ACCEPT = "audio/*,.wav,.flac,.ogg,.mp3,.aif,.aiff,.m4a";

export const view = {
  id: "match",
  title: "Match",
  hint: "A sound in, a voice out",

  mount(root, app) {
    const store = app.store("match", {
      sounds: [], sound: null, regions: {}, notes: {}, corrected: {},
      seconds: 15, candidates: 4, seed: 0, runs: [], run: -1, picked: 0, locks: [], picture: "side",
    });
    const samples = new Map();
    const shared = {
      app, store,
      /** Samples of a sound of the session: `{ samples, sampleRate }`. */
      async samplesOf(id) {
        if (!samples.has(id)) {
          const loading = api.bytes(app.path(`sounds/${id}/samples`)).then(({ data, headers }) => ({ samples: new Float32Array(data), sampleRate: Number(headers.get("x-sample-rate")) }));
          loading.catch(() => samples.delete(id));
          samples.set(id, loading);
        }
        return samples.get(id);
      },
      deck: null, // what Space plays: the deck that was used last
    };

    // ---- sources ------------------------------------------------------------------------------------------------------

    const problem = problemLine();
    const busy = h("p", { class: "hint", role: "status", hidden: true });
    const chips = h("div", { class: "source-chips", role: "group", "aria-label": "Recordings" });

    const chooser = dropZone("Choose recordings", { accept: ACCEPT, onfiles: addFiles });
    chooser.classList.add("visually-hidden-zone");
    const sources = h("section", { class: "sources", "aria-label": "Recordings" },
      chooser,
      h("div", { class: "sources-lead" }, h("h1", {}, "A sound in, a DX7 voice out"),
        h("p", { class: "hint" }, "Drop a recording of a note or a phrase anywhere on this page.")),
      h("div", { class: "actions" },
        button("Choose files", { icon: "upload", onclick: () => chooser.open() }),
        button("Record", { icon: "mic", onclick: record }),
        button("Demo recording", { icon: "play", kind: "quiet", onclick: addDemo })),
      chips, busy, problem.element);
    acceptDrops(root, addFiles);

    async function addFiles(files) {
      problem.say("");
      for (const file of files) {
        busy.hidden = false;
        busy.textContent = `Reading ${file.name} …`;
        try {
          if (file.size > app.health.max_upload_bytes) throw new Error(`${file.name} has ${Math.round(file.size / 2 ** 20)} MB; at most ${app.health.max_upload_bytes / 2 ** 20} MB are read.`);
          add(await upload(file));
        } catch (error) {
          problem.say(error.message);
        }
      }
      busy.hidden = true;
    }

    async function upload(file) {
      const path = (name) => app.path(`sounds?name=${encodeURIComponent(name)}`);
      try {
        return await api.upload(path(file.name), file);
      } catch (error) {
        if (error.status !== 422 || !/decoded/.test(error.message)) throw error;
        let decoded;
        try { decoded = await decodeInBrowser(await file.arrayBuffer()); } catch { throw error; }
        return api.upload(path(file.name), wavBytes(decoded.samples, decoded.sampleRate));
      }
    }

    async function addDemo() {
      problem.say("");
      const there = store.state.sounds.find((s) => s.demo);
      if (there) { choose(there.id); return; }
      try { add(await api.post(app.path("sounds/demo"))); } catch (error) { problem.say(error.message); }
    }

    function add(sound) {
      store.set((s) => ({ sounds: [...s.sounds, sound], sound: sound.id }), s_added(sound));
      app.name(sound.name.replace(/\.\w+$/, ""));
    }
    const s_added = (sound) => (sound.demo ? "" : `add ${sound.name}`);
    const choose = (id) => store.set({ sound: id }, "choose a recording");

    async function record() {
      problem.say("");
      try {
        const take = await recordTake(app.health.max_seconds);
        if (!take) return;
        busy.hidden = false;
        busy.textContent = "Keeping the recording …";
        add(await api.upload(app.path(`sounds?name=${encodeURIComponent(`Take ${store.state.sounds.length + 1}.wav`)}`), wavBytes(take.samples, take.sampleRate)));
      } catch (error) { problem.say(error.message); }
      busy.hidden = true;
    }

    function paintChips(state) {
      show(chips, state.sounds.map((sound) => h("button", {
        type: "button", class: "source-chip", "aria-pressed": sound.id === state.sound ? "true" : "false", onclick: () => choose(sound.id),
      }, h("span", {}, sound.name), h("span", { class: "badge" }, `${sound.seconds.toFixed(1)} s`))));
      chips.hidden = state.sounds.length < 2;
    }

    // ---- parts --------------------------------------------------------------------------------------------------------

    const recording = recordingPart(shared);
    const search = searchPart(shared);
    const results = resultsPart(shared);
    const top = h("div", { class: "match-top" }, recording.element, search.element);
    root.append(sources, top, results.element);

    const paint = (state, before) => {
      if (state.sounds !== before?.sounds || state.sound !== before?.sound) paintChips(state);
      top.hidden = !state.sound;
      recording.paint(state, before);
      search.paint(state, before);
      results.paint(state, before);
    };
    store.subscribe(paint);
    paint(store.state, null);
    if (!store.state.sounds.length) addDemo();

    return {
      acceptFiles: addFiles,
      hide() { recording.deck.pause(); results.deck.pause(); },
      receive(message) {
        if (message.sound) add(message.sound);
      },
      key(event) {
        if (event.key === " " && !/^(BUTTON|A|SUMMARY)$/.test(event.target.tagName)) { (shared.deck || recording.deck).toggle(); return true; }
        return results.key(event);
      },
    };
  },
};
