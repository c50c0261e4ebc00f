import { h } from "../js/dom.js";

export const view = {
  id: "send",
  title: "Send",
  hint: "To and from your instrument by MIDI",
  mount(root) {
    root.append(h("h1", { class: "visually-hidden" }, "Send"));
    return {};
  },
};
