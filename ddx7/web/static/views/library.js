// Library: thousands of voices in a list and on a map, found by name, kind, loudness and sound, and a bank made of them.
// This module holds the state, the files that come in, and the filters; the parts draw list, map and bank.

import { api } from "../js/api.js";
import { h, later, newId, show } from "../js/dom.js";
import { bundled, droppedFiles } from "../js/tar.js";
import { button, dropZone, empty, labelled, panel, problemLine, segmented, select, slider, toggle } from "../js/ui.js";
import { nameOf } from "../js/voice.js";
import { libraryBank, PLACES } from "./library_bank.js";
import { HIGHEST_DB, Library, LOWEST_DB, SORTS } from "./library_data.js";
import { libraryList, voiceDetails } from "./library_list.js";
import { libraryMap } from "./library_map.js";

const NO_FILTER = { query: "", category: "", algorithm: 0, low: LOWEST_DB, high: HIGHEST_DB, starred: false, repeated: false, once: false, like: null };
const NEAREST_SHOWN = 200, HEARD_MS = 700;

export const view = {
  id: "library",
  title: "Library",
  hint: "Thousands of voices, found by sound",

  mount(root, app) {
    const store = app.store("library", { ...NO_FILTER, sort: "found", look: "list", stars: [], chosen: null, bank: Array(PLACES).fill(null), bankName: "", target: "syx", job: null, voices: 0 });
    const library = new Library(), problem = problemLine(), status = h("p", { class: "hint", role: "status" });
    let distances = null, distancesOf = null, measuring = null, nearest = null;

    // ---- what one can do with a voice -----------------------------------------------------------------------------------

    let lifting = 0;
    function play(vced) {
      app.setVoice(vced, "library");
      clearTimeout(lifting);
      app.player.noteOff(60);
      app.player.noteOn(60, 100);
      lifting = setTimeout(() => app.player.noteOff(60), HEARD_MS);
    }
    const read = (k) => ({ vced: library.vced(k), from: library.source(k), repairs: library.repaired(k) ? library.repairsOf(library.places(k)[0][0]) : [] });
    const actions = {
      hear(k) { store.set({ chosen: k }); play(library.vced(k)); },
      star(k) { store.set((s) => ({ stars: s.stars.includes(k) ? s.stars.filter((x) => x !== k) : [...s.stars, k] }), `star ${library.name(k)}`); },
      place(k) { bank.add(read(k)); },
      like(k) { store.set({ like: { row: k, name: library.name(k) } }, `look for voices like ${library.name(k)}`); },
      edit(k) { app.setVoice(library.vced(k), "library"); app.go("voice", { voice: library.vced(k) }); },
    };
    const list = libraryList(library, actions), details = voiceDetails(library, actions);
    const map = libraryMap(library, { hear: actions.hear, pick: (category) => store.set({ category }, "choose a category") });
    const bank = libraryBank(app, store, { read, hear: play, fillFrom: (most) => list.rows().slice(0, most).map(read) });

    // ---- files ----------------------------------------------------------------------------------------------------------

    const chooser = dropZone("Choose files of voices", { accept: "", onfiles: (files) => addFiles(files) });
    const folders = h("input", { type: "file", webkitdirectory: true, multiple: true, class: "visually-hidden", "aria-label": "Choose a folder of voices" });
    folders.addEventListener("change", () => { addEntries([...folders.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }))); folders.value = ""; });
    chooser.classList.add("visually-hidden-zone");
    root.addEventListener("dragover", (event) => { if ([...event.dataTransfer.types].includes("Files")) { event.preventDefault(); root.classList.add("dropping"); } });
    root.addEventListener("dragleave", (event) => { if (!root.contains(event.relatedTarget)) root.classList.remove("dropping"); });
    root.addEventListener("drop", (event) => {
      root.classList.remove("dropping");
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      event.stopPropagation();
      addFiles([...event.dataTransfer.files], event.dataTransfer);
    });

    async function addFiles(files, transfer = null) {
      const fallback = files.map((file) => ({ path: file.name, file }));
      const entries = transfer ? await droppedFiles(transfer).catch(() => []) : [];
      await addEntries(entries.length ? entries : fallback);
    }

    async function addEntries(entries) {
      problem.say("");
      const inside = entries.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
      let added = 0, done = 0;
      const refused = [];
      for (const upload of await bundled(inside)) {
        status.textContent = `Reading ${upload.name} … ${inside.length > 1 ? `${done} of ${inside.length} files` : ""}`;
        try {
          const found = await api.upload(app.path(`library?name=${encodeURIComponent(upload.name)}${upload.folder ? "&folder=true" : ""}`), upload.body);
          added += found.added;
          if (found.again) refused.push(`${upload.name} is in the library already.`);
        } catch (error) { refused.push(error.message); }
        done += upload.count;
      }
      status.textContent = "";
      if (refused.length) problem.say(refused.slice(0, 3).join(" ") + (refused.length > 3 ? ` And ${refused.length - 3} more.` : ""));
      await reload();
      if (added) { app.toast(`${added.toLocaleString("en")} ${added === 1 ? "voice" : "voices"} added.`); if (!app.session.title) app.name("a library"); }
      measure();
    }

    async function reload() {
      try { await library.load(app); } catch (error) { problem.say(error.message); return; }
      distancesOf = null;
      if (library.n !== store.state.voices) store.set({ voices: library.n }); // so that the session is kept and offered again
      paint(store.state, null);
    }

    // ---- measuring: loudness, categories, likeness and map -----------------------------------------------------------------

    async function measure() {
      if (measuring || library.measured >= library.n) return;
      measuring = {};
      try { measuring = await app.startJob("library/measure", {}); } catch (error) { measuring = null; problem.say(error.message); }
    }
    const bar = h("div", { class: "progress-fill" }), words = h("span", { class: "hint" });
    const strip = h("div", { class: "job-progress", hidden: true }, words, h("div", { class: "progress" }, bar), button("Stop", { icon: "stop", kind: "quiet", onclick: () => app.stopJob(measuring) }));
    let shownAt = 0;
    app.onJob("measure", (job) => {
      const running = job.state === "queued" || job.state === "running", { done = 0, total = library.n, stage } = job.progress;
      if (!running && measuring?.id !== job.id) return;
      measuring = running ? job : null;
      strip.hidden = !running;
      words.textContent = stage === "drawing the map" ? "Drawing the map …" : `Measuring the voices: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      bar.style.width = `${(100 * done) / Math.max(1, total)}%`;
      const now = performance.now();
      if (!running || now - shownAt > Math.max(4000, library.n / 3)) {
        shownAt = now;
        reload().then(() => { if (job.state === "done") measure(); });
      }
      if (job.state === "failed") problem.say(`${job.error[0].toUpperCase()}${job.error.slice(1)}.`);
    });

    // ---- search by sound -----------------------------------------------------------------------------------------------------

    async function likeRecording(file) {
      problem.say("");
      try {
        const sound = await api.upload(app.path(`sounds?name=${encodeURIComponent(file.name)}`), file);
        await searchFor(sound);
      } catch (error) { problem.say(error.message); }
    }
    async function searchFor(sound) {
      try { nearest = await app.startJob("library/nearest", { sound: sound.id }); store.set({ job: nearest.id }); } catch (error) { problem.say(error.message); }
      paintSearch();
    }
    app.onJob("nearest", (job) => {
      if (job.id !== store.state.job) return;
      nearest = job.state === "queued" || job.state === "running" ? job : null;
      if (job.state === "done" && job.result.token === library.columns.token) {
        store.set({ like: { name: job.title, rows: job.result.rows, distances: job.result.distances, perceptual: true }, job: null }, `look for voices like ${job.title}`);
      } else if (job.state === "failed") { store.set({ job: null }); problem.say(`${job.error[0].toUpperCase()}${job.error.slice(1)}.`); } else if (!nearest) store.set({ job: null });
      paintSearch();
    });

    /** Distances for the present likeness, as a Map of row to dB; null for none. */
    async function findDistances(like) {
      if (!like) return null;
      if (like.rows) return new Map(like.rows.map((k, at) => [k, like.distances[at]]));
      const { distances_db: found } = await api.post(app.path("library/like"), like.vced ? { voice: like.vced } : { row: like.row });
      const order = found.map((db, k) => [k, db]).sort((a, b) => a[1] - b[1]).slice(0, NEAREST_SHOWN);
      return new Map(order);
    }

    const recording = dropZone("Choose a recording to search for", { accept: "audio/*,.wav,.flac,.ogg,.mp3,.aif,.aiff", multiple: false, onfiles: ([file]) => likeRecording(file) });
    recording.classList.add("visually-hidden-zone");
    const soundRow = h("div", { class: "actions sound-search" });
    function paintSearch() {
      const { like } = store.state, sounds = app.sounds();
      const last = sounds.at(-1);
      show(soundRow, h("span", { class: "label" }, "By sound"),
        button("Like the voice I play", { icon: "piano", disabled: !library.measured, onclick: () => store.set({ like: { vced: app.voice, name: nameOf(app.voice).trim() || "the present voice" } }, "look for voices like the present one") }),
        last ? button(`Like ${last.name}`, { icon: "match", disabled: !library.n || Boolean(nearest), onclick: () => searchFor(last) }) : null,
        button("Like a recording", { icon: "upload", kind: "quiet", disabled: !library.n || Boolean(nearest), onclick: () => recording.open() }),
        nearest ? h("span", { class: "hint" }, `Rendering the library on the notes of ${nearest.title} … ${nearest.progress.renders ? nearest.progress.renders.toLocaleString("en") : ""}`) : null,
        nearest ? button("Cancel", { icon: "stop", kind: "quiet", onclick: () => app.cancelJob(nearest) }) : null,
        like ? h("span", { class: "chip good" }, `like ${like.name}`, button("All voices again", { icon: "close", kind: "quiet", iconOnly: true, onclick: () => store.set({ like: null }, "show all voices") })) : null);
    }

    // ---- filters ---------------------------------------------------------------------------------------------------------

    const query = h("input", { type: "search", placeholder: "Name or file", id: newId("query"), autocomplete: "off", spellcheck: "false", value: store.state.query });
    query.addEventListener("input", later(() => store.set({ query: query.value }, "search by name"), 80));
    query.addEventListener("keydown", (event) => { if (event.key === "ArrowDown" || event.key === "Enter") { list.list.focus(); list.list.choose(0); event.preventDefault(); } });
    const category = select("Category", [["", "Any"]], "", (v) => store.set({ category: v }, "choose a category"));
    const algorithm = select("Algorithm", [["0", "Any"], ...Array.from({ length: 32 }, (_, k) => [String(k + 1), String(k + 1)])], "0", (v) => store.set({ algorithm: Number(v) }, "choose an algorithm"));
    const decibels = (edge, end) => (v) => (v === edge ? end : `${v} dB`);
    const low = slider("From", { min: LOWEST_DB, max: HIGHEST_DB, step: 1, value: store.state.low, format: decibels(LOWEST_DB, "any"), oninput: (v) => store.set((s) => ({ low: v, high: Math.max(v, s.high) }), "filter by loudness") });
    const high = slider("to", { min: LOWEST_DB, max: HIGHEST_DB, step: 1, value: store.state.high, format: decibels(HIGHEST_DB, "any"), oninput: (v) => store.set((s) => ({ high: v, low: Math.min(v, s.low) }), "filter by loudness") });
    const sort = select("Order", SORTS, store.state.sort, (v) => store.set({ sort: v }, "sort"));
    const starred = toggle("Starred", store.state.starred, (v) => store.set({ starred: v }, "show starred voices"));
    const repeated = toggle("Duplicates", store.state.repeated, (v) => store.set({ repeated: v }, "show duplicates"));
    const once = toggle("Each sound once", store.state.once, (v) => store.set({ once: v }, "show each sound once"));
    const reset = button("Clear filters", { kind: "quiet", onclick: () => { query.value = ""; store.set({ ...NO_FILTER }, "clear the filters"); } });
    const look = segmented("View", [["list", "List"], ["map", "Map"]], store.state.look, (v) => store.set({ look: v }));
    const count = h("p", { class: "hint count", role: "status" });
    const filters = h("div", { class: "filters" },
      h("div", { class: "filter-row" }, labelled("Search", query), category, algorithm, sort),
      h("div", { class: "filter-row second" }, h("div", { class: "loudness", role: "group", "aria-label": "Loudness" }, h("span", { class: "label" }, "Loudness"), low, high), starred, repeated, once),
      soundRow);

    // ---- what came in ------------------------------------------------------------------------------------------------------

    const report = h("div", { class: "library-report" });
    function paintReport() {
      const c = library.columns, many = (n, one, more = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;
      const pairs = (title, items, total) => (total ? h("details", { class: "more" }, h("summary", {}, title), h("ul", { class: "plain-list" }, items.map(([path, sentence]) => h("li", {}, h("strong", {}, path), ` ${sentence}`)), total > items.length ? h("li", {}, `And ${total - items.length} more.`) : null)) : null);
      show(report, h("p", { class: "hint" }, `${many(library.n, "voice")} from ${many(c.paths.length, "file")}. ${many(c.n_duplicates, "duplicate")}, ${c.n_init.toLocaleString("en")} INIT VOICE and ${many(c.n_broken, "silent or damaged one", "silent or damaged ones")} left out.`),
        pairs(many(c.n_repairs, "fault was repaired", "faults were repaired"), c.repairs, c.n_repairs), pairs(`${many(c.n_problems, "file")} not read`, c.problems, c.n_problems));
    }

    const gather = (kind) => [button("Add files", { icon: "upload", kind, onclick: () => chooser.open() }), button("Add a folder", { icon: "folder", onclick: () => folders.click() })];
    const emptyView = h("div", { class: "panel" }, empty("Drop banks, zips or whole folders here", "Every voice is read, repaired where necessary, and measured. Then you find it by its sound.", ...gather("primary"), button("Make new voices", { icon: "make", kind: "quiet", onclick: () => app.go("make") })));
    const clear = button("Empty the library", { kind: "quiet", onclick: async () => {
      try {
        await api.delete(app.path("library"));
        store.set({ stars: [], chosen: null, like: null });
        await reload();
        app.toast("The library is empty.", { action: ["Bring it back", async () => { await api.post(app.path("library/restore")); await reload(); }] });
      } catch (error) { problem.say(error.message); }
    } });
    const main = panel("Voices", { class: "library-main", actions: [count, reset, look, ...gather("plain"), clear] }, filters, strip, list.element, map.element, details.element, report);
    const grid = h("div", { class: "library-grid" }, main, bank.element);
    root.append(h("h1", { class: "visually-hidden" }, "Library"), chooser, folders, recording, status, problem.element, emptyView, grid);

    const KEYS = ["query", "category", "algorithm", "low", "high", "starred", "repeated", "once", "like", "sort"];
    let names = "";
    async function paint(state, before) {
      const has = library.n > 0;
      emptyView.hidden = has;
      main.hidden = !has;
      grid.classList.toggle("alone", !has);
      bank.paint(state);
      if (!has) { grid.hidden = !state.bank.some(Boolean); return; }
      grid.hidden = false;
      if (document.activeElement !== query) query.value = state.query;
      if (names !== library.columns.names.categories.join()) {
        names = library.columns.names.categories.join();
        category.control.replaceChildren(...["", ...library.columns.names.categories].map((c) => h("option", { value: c }, c || "Any")));
      }
      for (const [control, v] of [[category, state.category], [algorithm, String(state.algorithm)], [sort, state.sort], [low, state.low], [high, state.high], [starred, state.starred], [repeated, state.repeated], [once, state.once], [look, state.look]]) {
        if (control.set) control.set(v);
      }
      const changed = !before || KEYS.some((key) => state[key] !== before[key]) || (state.starred && state.stars !== before.stars);
      if (changed) {
        if (state.like !== distancesOf) {
          distancesOf = state.like;
          try { distances = await findDistances(state.like); } catch (error) { distances = null; problem.say(error.message); }
          if (store.state.like !== distancesOf) return; // another one meanwhile
        }
        const rows = library.rows(store.state, distances);
        list.show(rows, state, distances, state.chosen, state.like?.perceptual ? "" : " dB");
        map.show(rows, state.category);
        count.textContent = rows.length === library.n ? `${rows.length.toLocaleString("en")}` : `${rows.length.toLocaleString("en")} of ${library.n.toLocaleString("en")}`;
        paintSearch();
        paintReport();
      } else if (state.stars !== before.stars) list.stars(state);
      if (!before || state.chosen !== before.chosen || state.stars !== before.stars) {
        details.show(state.chosen, state.stars.includes(state.chosen));
        map.choose(state.chosen);
        list.choose(state.chosen, true);
      }
      list.element.hidden = state.look === "map";
      map.element.hidden = state.look !== "map";
      if (!before || state.look !== before.look) requestAnimationFrame(() => { list.list.paint(); map.choose(state.chosen); });
      reset.hidden = KEYS.every((key) => key === "sort" || state[key] === NO_FILTER[key]);
    }
    store.subscribe(paint);
    paint(store.state, null);
    reload().then(measure);
    document.addEventListener("themechange", () => list.list.paint());

    return {
      show() { paintSearch(); list.list.paint(); },
      acceptFiles: addFiles,
      receive(message) { if (message?.voices) for (const vced of message.voices) bank.add({ vced, from: message.from || "the page", repairs: [] }); },
    };
  },
};
