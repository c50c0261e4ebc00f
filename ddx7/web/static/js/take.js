// Records a take with the microphone in a dialog, with level and time.

import { openMicrophone } from "./audio.js";
import { h } from "./dom.js";
import { button, dialog, icon } from "./ui.js";

/** Resolves to `{ samples, sampleRate }`, or to null where the player discards it. */
export async function recordTake(maxSeconds) {
  const microphone = await openMicrophone();
  return new Promise((resolve) => {
    const meter = h("div", { class: "meter", role: "meter", "aria-label": "Level", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, h("div", { class: "meter-fill" }));
    const time = h("p", { class: "record-time mono" }, "0.0 s");
    let ended = false;
    const finish = (keep) => {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      const take = microphone.stop();
      box.close();
      resolve(keep && take.samples.length ? take : null);
    };
    const box = dialog("Recording", h("div", { class: "record" }, icon("mic", 34), time, meter,
      h("p", { class: "hint" }, "Play one note or a short phrase. Leave a moment of silence before it."),
      h("div", { class: "actions" }, button("Stop and keep", { icon: "stop", kind: "primary", onclick: () => finish(true) }), button("Discard", { kind: "quiet", onclick: () => finish(false) }))));
    box.addEventListener("close", () => finish(false));
    const timer = setInterval(() => {
      const level = Math.max(0, 1 + Math.log10(Math.max(microphone.level(), 1e-3)) / 3);
      meter.firstChild.style.width = `${Math.round(level * 100)}%`;
      meter.setAttribute("aria-valuenow", Math.round(level * 100));
      time.textContent = `${microphone.seconds().toFixed(1)} s`;
      if (microphone.seconds() > maxSeconds - 1) finish(true);
    }, 60);
    box.showModal();
  });
}
