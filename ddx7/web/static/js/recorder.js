// Runs beside the page: passes on what the microphone hears, 2048 samples at a time.

class Recorder extends AudioWorkletProcessor {
  #part = new Float32Array(2048);
  #filled = 0;

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    for (const x of samples) {
      this.#part[this.#filled++] = x;
      if (this.#filled === this.#part.length) { this.port.postMessage(this.#part.slice()); this.#filled = 0; }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
