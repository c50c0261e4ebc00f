import { h } from "../js/dom.js";

export const view = {
  id: "make",
  title: "Make",
  hint: "New voices from categories, variations and morphs",
  mount(root) {
    root.append(h("h1", { class: "visually-hidden" }, "Make"));
    return {};
  },
};
