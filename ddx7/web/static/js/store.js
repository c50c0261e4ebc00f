// State with undo. A store holds one plain JSON object; every change makes a new one. Changes with a label can be undone;
// quick changes with the same label (a slider that moves) become one step.

const STEPS = 200, TOGETHER_MS = 700;

export class Store {
  #state; #past = []; #future = []; #listeners = new Set(); #lastLabel = ""; #lastTime = 0;

  constructor(state) { this.#state = state; }

  get state() { return this.#state; }

  /** Change the state. `change`: the keys to replace, or a function of the state that returns them. With `label` the
   * change can be undone. */
  set(change, label = "") {
    const patch = typeof change === "function" ? change(this.#state) : change;
    const before = this.#state;
    this.#state = { ...before, ...patch };
    if (label) {
      const now = performance.now();
      if (label !== this.#lastLabel || now - this.#lastTime > TOGETHER_MS) {
        // A step remembers only what it changed, so that undoing it leaves later news (a finished search) alone.
        this.#past.push({ label, before: pick(before, patch), after: patch });
        if (this.#past.length > STEPS) this.#past.shift();
      } else {
        const step = this.#past.at(-1);
        for (const key of Object.keys(patch)) if (!(key in step.before)) step.before[key] = before[key];
        step.after = { ...step.after, ...patch };
      }
      this.#lastLabel = label;
      this.#lastTime = now;
      this.#future = [];
    }
    this.#tell(before);
  }

  undo() { return this.#move(this.#past, this.#future, "before"); }
  redo() { return this.#move(this.#future, this.#past, "after"); }
  get canUndo() { return this.#past.at(-1)?.label || ""; }
  get canRedo() { return this.#future.at(-1)?.label || ""; }

  /** `listener(state, before)` after every change; returns a function that ends it. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #move(from, to, side) {
    const step = from.pop();
    if (!step) return "";
    to.push(step);
    const before = this.#state;
    this.#state = { ...before, ...step[side] };
    this.#lastLabel = "";
    this.#tell(before);
    return step.label;
  }

  #tell(before) { for (const listener of [...this.#listeners]) listener(this.#state, before); }
}

const pick = (state, keys) => Object.fromEntries(Object.keys(keys).map((key) => [key, state[key]]));
