import { h } from "../js/dom.js";

export const view = {
  id: "library",
  title: "Library",
  hint: "Thousands of voices, by name and by sound",
  mount(root) {
    root.append(h("h1", { class: "visually-hidden" }, "Library"));
    return {};
  },
};
