// The recording: its waveform, the region to match, and its notes, which can be corrected before the search.

import { api } from "../js/api.js";
import { Deck } from "../js/audio.js";
import { clamp, clock, h, later, noteName, noteNumber, show } from "../js/dom.js";
import { canvas, colour, drawWave, ticks } from "../js/plot.js";
import { button, labelled, panel, problemLine, toggle } from "../js/ui.js";

const SHORTEST_S = 0.02, LONGEST_S = 60;

export function recordingPart(shared) {
  const { app, store, samplesOf } = shared, deck = new Deck();
  let sound = null, data = null, selected = -1, asked = "";
  const problem = problemLine();
  const status = h("p", { class: "hint", role: "status" });
  const name = h("span", { class: "recording-name" });

  // ---- waveform and region --------------------------------------------------------------------------------------------

  const region = () => store.state.regions[store.state.sound] || null;
  const whole = () => (sound ? [0, sound.seconds] : [0, 1]);
  const [from, to] = [() => (region() || whole())[0], () => (region() || whole())[1]];

  const wave = canvas((context, width, height) => {
    if (!data) return;
    drawWave(context, data.samples, [0, data.samples.length], 0, 8, width, height - 30, colour("--line-strong"));
    const x = (s) => (s / sound.seconds) * width;
    context.save();
    context.beginPath();
    context.rect(x(from()), 0, Math.max(1, x(to()) - x(from())), height);
    context.clip();
    drawWave(context, data.samples, [0, data.samples.length], 0, 8, width, height - 30, colour("--accent"));
    context.restore();
    if (region()) {
      context.fillStyle = colour("--accent");
      context.globalAlpha = 0.12;
      context.fillRect(x(from()), 0, x(to()) - x(from()), height - 20);
      context.globalAlpha = 1;
      for (const s of [from(), to()]) context.fillRect(x(s) - 1, 0, 2, height - 20);
    }
    context.fillStyle = colour("--faint");
    context.font = `11px ${colour("--mono")}`;
    for (const s of ticks(0, sound.seconds, Math.max(3, width / 110))) context.fillText(`${s} s`, clamp(x(s) + 3, 0, width - 34), height - 5);
    context.fillStyle = colour("--brown");
    context.fillRect(x(deck.place) - 1, 0, 2, height - 20);
  }, { label: "Waveform of the recording", class: "wave" });
  deck.addEventListener("place", () => wave.paint());

  // Drag to choose a region, drag an edge to move it, click to play from there.
  let drag = null;
  const secondsAt = (event) => clamp(((event.clientX - wave.getBoundingClientRect().left) / wave.clientWidth) * sound.seconds, 0, sound.seconds);
  wave.addEventListener("pointerdown", (event) => {
    if (!sound) return;
    const at = secondsAt(event), near = (8 / wave.clientWidth) * sound.seconds;
    wave.setPointerCapture(event.pointerId);
    drag = { start: at, moved: false, edge: region() ? (Math.abs(at - from()) < near ? 0 : Math.abs(at - to()) < near ? 1 : -1) : -1 };
  });
  wave.addEventListener("pointermove", (event) => {
    if (!sound) return;
    const at = secondsAt(event), near = (8 / wave.clientWidth) * sound.seconds;
    wave.style.cursor = region() && (Math.abs(at - from()) < near || Math.abs(at - to()) < near) ? "ew-resize" : "text";
    if (!drag) return;
    if (Math.abs(at - drag.start) * wave.clientWidth / sound.seconds > 4) drag.moved = true;
    if (!drag.moved) return;
    const edges = drag.edge < 0 ? [drag.start, at] : drag.edge === 0 ? [at, to()] : [from(), at];
    setRegion(edges.sort((a, b) => a - b));
  });
  wave.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) { shared.deck = deck; deck.seek(secondsAt(event)); }
    drag = null;
  });
  wave.addEventListener("dblclick", () => setRegion(null));

  function setRegion(edges) {
    const id = store.state.sound;
    if (edges && edges[1] - edges[0] < SHORTEST_S) return;
    const next = { ...store.state.regions };
    if (edges && (edges[0] > 0.001 || edges[1] < sound.seconds - 0.001)) next[id] = edges.map((s) => Number(s.toFixed(4))); else delete next[id];
    store.set({ regions: next }, "choose a region");
  }

  const startField = h("input", { type: "number", min: 0, step: 0.01, class: "mono" });
  const endField = h("input", { type: "number", min: 0, step: 0.01, class: "mono" });
  const fromFields = () => {
    const edges = [Number(startField.value), Number(endField.value)];
    const good = Number.isFinite(edges[0]) && edges[0] >= 0 && edges[1] <= sound.seconds + 0.01 && edges[1] - edges[0] >= SHORTEST_S;
    startField.setAttribute("aria-invalid", !good);
    if (good) setRegion([edges[0], Math.min(edges[1], sound.seconds)]);
  };
  startField.addEventListener("change", fromFields);
  endField.addEventListener("change", fromFields);
  const clear = button("Whole recording", { kind: "quiet", onclick: () => setRegion(null) });

  // ---- playback -------------------------------------------------------------------------------------------------------

  const play = button("Play", { icon: "play", kind: "primary", onclick: () => {
    shared.deck = deck;
    if (!deck.playing && region() && (deck.place < from() || deck.place >= to())) deck.play(from()); else deck.toggle();
  } });
  const repeat = toggle("Repeat", false, () => setLoop());
  const setLoop = () => deck.setLoop(repeat.firstChild.checked ? [from(), to()] : null);
  const time = h("span", { class: "mono hint" });
  deck.addEventListener("change", () => {
    play.replaceChildren(...button(deck.playing ? "Pause" : "Play", { icon: deck.playing ? "pause" : "play" }).childNodes);
  });
  deck.addEventListener("place", () => {
    time.textContent = sound ? `${clock(deck.place)} / ${clock(sound.seconds)}` : "";
    if (deck.playing && region() && !repeat.firstChild.checked && deck.place >= to()) { deck.pause(); deck.seek(from()); }
  });

  // ---- notes ----------------------------------------------------------------------------------------------------------

  const notes = () => store.state.corrected[store.state.sound] || store.state.notes[store.state.sound] || [];
  const inRegion = (note) => note.onset_s >= from() - 0.02 && note.onset_s < to();
  const strip = h("div", { class: "note-strip", role: "group", "aria-label": "Notes of the recording" });
  const editor = h("div", { class: "note-editor", hidden: true });

  const findNotes = later(async () => {
    const id = store.state.sound, edges = region();
    if (!id || store.state.corrected[id]) return;
    const key = `${id}/${edges}`;
    if (asked === key) return;
    asked = key;
    problem.say("");
    if (to() - from() > LONGEST_S) {
      status.textContent = "Longer than a minute: the match uses its loudest minute. Drag over the waveform to choose the part you mean.";
      return;
    }
    status.textContent = "Finding the notes …";
    try {
      const found = await api.post(app.path(`sounds/${id}/notes`), edges ? { start_s: edges[0], stop_s: edges[1] } : {});
      if (asked !== key) return;
      store.set((s) => ({ notes: { ...s.notes, [id]: found.notes } }));
    } catch (error) {
      status.textContent = "";
      problem.say(error.message);
    }
  }, 250);

  function correct(change, label) {
    const id = store.state.sound;
    const next = change(notes().map((n) => ({ ...n }))).sort((a, b) => a.onset_s - b.onset_s);
    store.set((s) => ({ corrected: { ...s.corrected, [id]: next } }), label);
  }

  function paintNotes() {
    const list = notes();
    if (selected >= list.length) selected = -1;
    show(strip, sound ? list.map((note, k) => {
      const clear_ = (note.confidence ?? 1) >= 0.4;
      const element = h("button", {
        type: "button", class: `note-block${k === selected ? " selected" : ""}${clear_ ? "" : " unsure"}${inRegion(note) ? "" : " outside"}`,
        "aria-pressed": k === selected ? "true" : "false",
        "aria-label": `Note ${k + 1}: ${noteName(note.note)} at ${note.onset_s.toFixed(2)} seconds${clear_ ? "" : ", not sure"}`,
        onclick: () => { selected = selected === k ? -1 : k; paintNotes(); },
      }, h("span", {}, noteName(note.note)));
      element.style.left = `${(100 * note.onset_s) / sound.seconds}%`;
      element.style.width = `${Math.max(0.6, (100 * note.gate_s) / sound.seconds)}%`;
      return element;
    }) : []);
    const some = list.filter(inRegion).length, unsure = list.filter((n) => inRegion(n) && (n.confidence ?? 1) < 0.4).length;
    if (sound && list.length) status.textContent = `${some === 1 ? "1 note" : `${some} notes`} in the region. ${unsure ? "Those with a dashed edge have no clear pitch: click one to correct it." : "Click one to correct it."}`;
    paintEditor(list);
    reset.hidden = !store.state.corrected[store.state.sound];
  }

  function paintEditor(list) {
    const note = list[selected];
    editor.hidden = !note;
    if (!note) return;
    const field = (label, value, step, set) => {
      const input = h("input", { type: "number", value: Number(value.toFixed(3)), step, min: 0, class: "mono" });
      input.addEventListener("change", () => { if (Number.isFinite(Number(input.value))) set(Number(input.value)); });
      return labelled(label, input);
    };
    const pitch = h("input", { type: "text", value: noteName(note.note), class: "mono", autocomplete: "off", spellcheck: "false" });
    const setNote = (n) => correct((all) => { all[selected].note = clamp(n, 0, 127); all[selected].confidence = 1; return all; }, "correct the pitch");
    pitch.addEventListener("change", () => { const n = noteNumber(pitch.value); pitch.setAttribute("aria-invalid", n === null); if (n !== null) setNote(n); });
    show(editor,
      h("div", { class: "note-fields" },
        labelled("Pitch", pitch),
        h("div", { class: "actions steps" }, [["Octave down", -12, "−8ve"], ["Semitone down", -1, "−1"], ["Semitone up", 1, "+1"], ["Octave up", 12, "+8ve"]].map(([label, by, words]) =>
          button(words, { "aria-label": `${words}, ${label.toLowerCase()}`, title: label, onclick: () => setNote(note.note + by) }))),
        field("Starts, s", note.onset_s, 0.01, (v) => correct((all) => { all[selected].onset_s = clamp(v, 0, sound.seconds - 0.02); return all; }, "move a note")),
        field("Held, s", note.gate_s, 0.01, (v) => correct((all) => { all[selected].gate_s = clamp(v, 0.02, sound.seconds); return all; }, "change a note's length"))),
      h("div", { class: "actions" },
        button("Hear it", { icon: "play", onclick: () => { shared.deck = deck; deck.play(note.onset_s); setTimeout(() => deck.pause(), Math.min(note.gate_s, 4) * 1000); } }),
        button("Join with the next", { kind: "quiet", disabled: selected + 1 >= list.length, onclick: () => correct((all) => {
          const next = all[selected + 1];
          all[selected].gate_s = Math.max(all[selected].gate_s, next.onset_s + next.gate_s - all[selected].onset_s);
          all.splice(selected + 1, 1);
          return all;
        }, "join two notes") }),
        button("Remove", { kind: "quiet", disabled: list.length < 2, onclick: () => correct((all) => { all.splice(selected, 1); selected = -1; return all; }, "remove a note") }),
        button("Done", { kind: "quiet", onclick: () => { selected = -1; paintNotes(); } })));
  }

  const addNote = button("Add a note", { icon: "plus", kind: "quiet", onclick: () => {
    const at = clamp(deck.place || from(), from(), Math.max(from(), to() - 0.1));
    correct((all) => { all.push({ onset_s: at, gate_s: Math.min(0.5, to() - at), note: all[0]?.note ?? 60, confidence: 1 }); return all; }, "add a note");
    selected = notes().findIndex((n) => n.onset_s === at);
    paintNotes();
  } });
  const reset = button("Notes as found", { icon: "undo", kind: "quiet", hidden: true, onclick: () => {
    selected = -1;
    store.set((s) => { const next = { ...s.corrected }; delete next[s.sound]; return { corrected: next }; }, "take back all corrections");
  } });

  const element = panel("Recording", { class: "recording", actions: [name] },
    h("div", { class: "well wave-well" }, wave, strip),
    h("div", { class: "transport" }, play, repeat, time,
      h("div", { class: "region-fields" }, labelled("From, s", startField), labelled("To, s", endField), clear)),
    h("div", { class: "note-line" }, status, h("div", { class: "actions" }, reset, addNote)),
    editor, problem.element);

  return {
    element, deck,
    async paint(state, before) {
      if (state.sound !== before?.sound) {
        selected = -1;
        const id = state.sound;
        sound = state.sounds.find((s) => s.id === id) || null;
        data = null;
        problem.say("");
        status.textContent = "";
        asked = "";
        name.textContent = sound ? sound.name : "";
        if (sound) {
          try {
            const loaded = await samplesOf(id);
            if (store.state.sound !== id) return;
            data = loaded;
            deck.setTracks([{ id, samples: loaded.samples, sampleRate: loaded.sampleRate, gain: 1 }]);
            deck.seek(from());
          } catch (error) { problem.say(error.message); return; }
          findNotes();
        }
      }
      if (!sound) return;
      if (state.regions !== before?.regions && before) { findNotes(); if (!deck.playing) deck.seek(from()); if (repeat.firstChild.checked) setLoop(); }
      startField.value = from().toFixed(2);
      endField.value = to().toFixed(2);
      clear.hidden = !region();
      if (state.notes !== before?.notes || state.corrected !== before?.corrected || state.sound !== before?.sound || state.regions !== before?.regions) paintNotes();
      wave.paint();
    },
  };
}
