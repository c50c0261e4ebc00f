import { h } from "../js/dom.js";

export const view = {
  id: "instruments",
  title: "Instruments",
  hint: "Learned instruments that play your sound",
  mount(root) {
    root.append(h("h1", { class: "visually-hidden" }, "Instruments"));
    return {};
  },
};
