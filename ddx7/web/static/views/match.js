import { h } from "../js/dom.js";

export const view = {
  id: "match",
  title: "Match",
  hint: "A sound in, a voice out",
  mount(root) {
    root.append(h("h1", { class: "visually-hidden" }, "Match"));
    return {};
  },
};
