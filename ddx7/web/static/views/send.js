// Send and receive: voices to and from an instrument by Web MIDI, with a pause between messages, or by a file.

import { api } from "../js/api.js";
import { download, h, show } from "../js/dom.js";
import { openMidi } from "../js/keys.js";
import { button, dropZone, panel, problemLine, select } from "../js/ui.js";
import { nameOf } from "../js/voice.js";

const PAUSE_MS = 120;

export const view = {
  id: "send",
  title: "Send",
  hint: "To and from your instrument by MIDI",

  mount(root, app) {
    const store = app.store("send", { channel: 1, output: "", bank: null, bankName: "", received: [] });
    const problem = problemLine(), status = h("p", { class: "hint", role: "status" });
    let midi = { access: null, inputs: [], outputs: [], problem: "" };

    const outputs = h("div"), channel = select("MIDI channel of the instrument", Array.from({ length: 16 }, (_, k) => [String(k + 1), String(k + 1)]), String(store.state.channel), (v) => store.set({ channel: Number(v) }, "change the channel"));
    const connect = button("Connect MIDI", { icon: "piano", kind: "primary", onclick: async () => {
      midi = await openMidi({ sysex: true });
      problem.say(midi.problem);
      if (midi.access) midi.access.onstatechange = () => { midi.outputs = [...midi.access.outputs.values()]; midi.inputs = [...midi.access.inputs.values()]; paint(); };
      for (const input of midi.inputs) input.addEventListener("midimessage", receive);
      paint();
    } });

    const bytesOf = async (voices, bank) => new Uint8Array((await api.bytes("/api/voices/save", { voices, bank, channel: store.state.channel, name: nameOf(voices[0]) })).data);

    async function send(voices, bank, words) {
      problem.say("");
      const output = midi.outputs.find((o) => o.id === store.state.output) || midi.outputs[0];
      if (!output) { problem.say("No MIDI output is there. Connect the instrument, or save the file and send it with another program."); return; }
      try {
        const message = await bytesOf(voices, bank);
        output.send(message);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS + (message.length / 3125) * 1000)); // 31,250 baud
        status.textContent = `${words} was sent to ${output.name}.`;
      } catch (error) { problem.say(error.message || "The message could not be sent."); }
    }

    async function keep(voices, bank) {
      problem.say("");
      try { download(await bytesOf(voices, bank), `${(bank ? "bank" : nameOf(voices[0]).trim() || "voice").replace(/[^\w-]+/g, "_")}.syx`); } catch (error) { problem.say(error.message); }
    }

    async function receive(event) {
      if (event.data[0] !== 0xf0 || event.data[1] !== 0x43) return;
      try {
        const { voices } = await api.upload("/api/voices/load?name=MIDI", new Uint8Array(event.data));
        store.set((s) => ({ received: [...voices, ...s.received].slice(0, 64) }), "receive voices");
        status.textContent = voices.length === 1 ? `${voices[0].name || "A voice"} was received.` : `A bank of ${voices.length} voices was received.`;
      } catch (error) { problem.say(error.message); }
    }

    const zone = dropZone("Choose a bank", { accept: ".syx,.json,.zip", onfiles: openBank });
    zone.classList.add("visually-hidden-zone");
    async function openBank([file]) {
      problem.say("");
      try {
        const { voices } = await api.upload(`/api/voices/load?name=${encodeURIComponent(file.name)}`, file);
        store.set({ bank: voices.slice(0, 32).map((v) => v.vced), bankName: file.name }, "choose a bank");
      } catch (error) { problem.say(error.message); }
    }

    const single = h("div", { class: "send-row" }), bank = h("div", { class: "send-row" }), received = h("ul", { class: "session-list" });
    function paint() {
      const state = store.state, voice = app.voice, name = nameOf(voice) || "The voice";
      show(outputs, midi.outputs.length ? select("Instrument", midi.outputs.map((o) => [o.id, o.name]), state.output || midi.outputs[0].id, (v) => store.set({ output: v }, "choose the instrument"))
        : h("p", { class: "hint" }, midi.access ? "MIDI is on, and no output is connected yet." : "The browser asks once whether this page may use MIDI with SysEx."));
      show(single, h("span", { class: "lcd big" }, name.padEnd(10)), button("Send to the edit buffer", { icon: "send", disabled: !midi.outputs.length, onclick: () => send([voice], false, name) }),
        button("Save .syx", { icon: "save", kind: "quiet", onclick: () => keep([voice], false) }));
      show(bank, h("span", {}, state.bank ? `${state.bankName}: ${state.bank.length} voices` : "No bank chosen."), button("Choose a bank", { icon: "upload", onclick: () => zone.open() }),
        state.bank ? button("Send the bank", { icon: "send", disabled: !midi.outputs.length, onclick: () => send(state.bank, true, state.bankName) }) : null,
        state.bank ? button("Save .syx", { icon: "save", kind: "quiet", onclick: () => keep(state.bank, true) }) : null);
      show(received, state.received.map((v) => h("li", {}, h("div", {}, h("strong", {}, v.name || "(no name)")), button("Edit", { icon: "voice", onclick: () => { app.setVoice(v.vced, "send"); app.go("voice", { voice: v.vced }); } }),
        button("Save .syx", { icon: "save", kind: "quiet", onclick: () => keep([v.vced], false) }))));
    }

    root.append(h("h1", { class: "visually-hidden" }, "Send"), zone,
      h("div", { class: "send-grid" },
        panel("Connection", {}, h("div", { class: "actions" }, connect), outputs, channel, status, problem.element),
        panel("One voice", { hint: "The instrument plays it at once and keeps nothing until you store it there." }, single),
        panel("A bank of 32", { hint: "It replaces all 32 voices of the instrument's memory." }, bank),
        panel("Received", { hint: "Start a dump on the instrument: it appears here." }, received),
        panel("If nothing arrives", {}, h("ul", { class: "advice" },
          h("li", {}, "On a DX7: FUNCTION, button 8, until the display says SYS INFO AVAIL. Memory protect (buttons left of the voices) must be off for a bank."),
          h("li", {}, "The channel above must be that of FUNCTION, button 8, MIDI CH."),
          h("li", {}, "Safari has no Web MIDI. Save the file and send it with a SysEx program."),
          h("li", {}, "On Linux, ALSA can lose messages of 4 KB such as banks. Save the file and send it with ", h("code", {}, "amidi -p hw:1 -s bank.syx"), "; ", h("code", {}, "amidi -l"), " lists the ports.")))));
    store.subscribe(paint);
    app.onVoice(paint);
    paint();
    return { show: paint, acceptFiles: openBank, receive(message) {
      if (message?.voice) app.setVoice(message.voice, "send");
      if (message?.bank) store.set({ bank: message.bank, bankName: message.name }, "choose a bank");
    } };
  },
};
