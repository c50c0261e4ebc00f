// Runs beside the page: passes on what the microphone hears, block by block, and plays the answers in order.

const BLOCK = 256;

class Live extends AudioWorkletProcessor {
  #part = new Float32Array(BLOCK); #filled = 0; #answers = []; #at = 0;
  #heard = 0; #played = 0; #held = 0; #ahead; #sounding = false; #told = 0; #loudest = 0;

  constructor({ processorOptions }) {
    super();
    this.#ahead = processorOptions.ahead; // samples that wait before playing begins: they cover answers that come late
    this.port.onmessage = ({ data }) => { this.#answers.push(data); this.#held += data.length; };
  }

  #next() {
    if (!this.#held) { this.#sounding = false; return 0; }
    const value = this.#answers[0][this.#at++];
    this.#held--; this.#played++;
    if (this.#at === this.#answers[0].length) { this.#answers.shift(); this.#at = 0; }
    return value;
  }

  process([input], [output]) {
    const samples = input[0];
    for (let k = 0; k < (samples?.length ?? 0); k++) {
      this.#part[this.#filled++] = samples[k];
      this.#heard++;
      if (this.#filled === BLOCK) { this.port.postMessage({ block: this.#part.slice() }); this.#filled = 0; }
    }
    if (!this.#sounding && this.#held >= this.#ahead) this.#sounding = true;
    // After a stall answers pile up: what is too old is left out, so that the sound does not stay behind for good.
    while (this.#sounding && this.#held > 2 * this.#ahead) this.#next();
    const sound = output[0];
    for (let k = 0; k < sound.length; k++) {
      sound[k] = this.#sounding ? this.#next() : 0;
      this.#loudest = Math.max(this.#loudest, Math.abs(sound[k]));
    }
    if (currentTime - this.#told > 0.25) {
      this.port.postMessage({ behind: (this.#heard - this.#played) / sampleRate, loudest: this.#loudest });
      this.#told = currentTime; this.#loudest = 0;
    }
    return true;
  }
}

registerProcessor("live", Live);
