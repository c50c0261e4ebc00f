import { h } from "../js/dom.js";

export const view = {
  id: "voice",
  title: "Voice",
  hint: "Every parameter, heard as you change it",
  mount(root) {
    root.append(h("h1", { class: "visually-hidden" }, "Voice"));
    return {};
  },
};
