// Sound: one audio context, playback of sounds with a place that all of them share, and notes of a voice.

import { api, Problem } from "./api.js";

let context = null, output = null, analyser = null;
let volume = Number(localStorage.getItem("ddx7.volume") ?? 0.8);

/** The audio context; made at the first gesture. */
export function audioContext() {
  if (!context) {
    context = new AudioContext({ latencyHint: "interactive" });
    const limiter = new DynamicsCompressorNode(context, { threshold: -3, knee: 3, ratio: 20, attack: 0.002, release: 0.1 });
    output = new GainNode(context, { gain: volume });
    analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0.6 });
    output.connect(limiter).connect(analyser).connect(context.destination);
  }
  if (context.state === "suspended") context.resume();
  return context;
}

/** Where sources connect to. */
export function master() { audioContext(); return output; }
/** The analyser behind everything that sounds; null before the first sound. */
export const liveAnalyser = () => analyser;
export const getVolume = () => volume;
export function setVolume(value) {
  volume = value;
  localStorage.setItem("ddx7.volume", String(value));
  if (output) output.gain.setTargetAtTime(value, context.currentTime, 0.02);
}

/** An AudioBuffer of samples. */
export function bufferOf(samples, sampleRate) {
  const buffer = new AudioBuffer({ length: Math.max(1, samples.length), sampleRate, numberOfChannels: 1 });
  buffer.copyToChannel(samples, 0);
  return buffer;
}

export const rms = (samples) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / Math.max(1, samples.length));

const FADE_S = 0.012;

/**
 * Several sounds that run together, of which one is heard: switching among them keeps the place and has no gap.
 * `onPlace(seconds, playing)` is called each frame while it plays.
 */
export class Deck extends EventTarget {
  #tracks = new Map(); #sources = []; #start = 0; #from = 0; #playing = false; #chosen = null; #loop = null; #frame = 0; #wished = false;

  /** The sounds: `[{ id, samples, sampleRate, gain }]`. Gains level them. What plays goes on with the new sounds. */
  setTracks(tracks) {
    const place = this.place, playing = this.#playing;
    this.#stopSources();
    this.#tracks = new Map(tracks.map((t) => [t.id, { ...t, buffer: null }]));
    if (!this.#tracks.has(this.#chosen)) this.#chosen = tracks[0]?.id ?? null;
    if ((playing || this.#wished) && tracks.length) this.#begin(Math.min(place, this.duration)); else this.#playing = false;
    this.#tell();
  }

  get duration() { return Math.max(0, ...[...this.#tracks.values()].map((t) => t.samples.length / t.sampleRate)); }
  get chosen() { return this.#chosen; }
  get playing() { return this.#playing; }
  get loop() { return this.#loop; }
  get place() {
    if (!this.#playing) return this.#from;
    const passed = this.#from + Math.max(0, context.currentTime - this.#start);
    if (!this.#loop) return Math.min(passed, this.duration);
    const [a, b] = this.#loop;
    return passed < b ? passed : a + ((passed - a) % (b - a));
  }

  /** Hear another of the sounds, at the same place. */
  choose(id) {
    if (!this.#tracks.has(id)) return;
    this.#chosen = id;
    if (this.#playing) {
      const now = context.currentTime;
      for (const { id: own, gain, level } of this.#sources) {
        gain.gain.cancelScheduledValues(now);
        gain.gain.setTargetAtTime(own === id ? level : 0, now, FADE_S / 3);
      }
    }
    this.#tell();
  }

  /** Repeat a part: `[from, to]` in seconds, or null. */
  setLoop(loop) {
    this.#loop = loop;
    if (this.#playing) this.#begin(loop ? loop[0] : this.place);
    else if (loop) this.#from = loop[0];
    this.#tell();
  }

  play(from = null) {
    if (!this.#tracks.size) { this.#wished = true; return; } // until the sounds are loaded
    const start = from ?? (this.place >= this.duration - 0.01 ? (this.#loop ? this.#loop[0] : 0) : this.place);
    this.#begin(start);
  }

  pause() {
    this.#wished = false;
    this.#from = this.place;
    this.#playing = false;
    this.#stopSources();
    this.#tell();
  }

  toggle() { if (this.#playing) this.pause(); else this.play(); }
  seek(seconds) {
    if (this.#playing) this.#begin(seconds);
    else { this.#from = Math.max(0, Math.min(seconds, this.duration)); this.#tell(); }
  }

  #begin(from) {
    const ctx = audioContext();
    this.#wished = false;
    this.#stopSources();
    this.#from = Math.max(0, Math.min(from, this.duration));
    this.#start = ctx.currentTime + 0.005;
    this.#playing = true;
    for (const track of this.#tracks.values()) {
      track.buffer ||= bufferOf(track.samples, track.sampleRate);
      const level = track.gain ?? 1;
      const source = new AudioBufferSourceNode(ctx, { buffer: track.buffer });
      const gain = new GainNode(ctx, { gain: track.id === this.#chosen ? level : 0 });
      source.connect(gain).connect(master());
      if (this.#loop) { source.loop = true; [source.loopStart, source.loopEnd] = this.#loop; }
      source.start(this.#start, Math.min(this.#from, track.buffer.duration));
      this.#sources.push({ id: track.id, source, gain, level });
    }
    this.#tell();
    cancelAnimationFrame(this.#frame);
    const step = () => {
      if (!this.#playing) return;
      if (!this.#loop && this.place >= this.duration) { this.#playing = false; this.#from = 0; this.#stopSources(); this.#tell(); return; }
      this.dispatchEvent(new Event("place"));
      this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  #stopSources() {
    const now = context?.currentTime ?? 0;
    for (const { source, gain } of this.#sources) {
      gain.gain.cancelScheduledValues(now);
      gain.gain.setTargetAtTime(0, now, FADE_S / 4);
      source.stop(now + FADE_S * 2);
    }
    this.#sources = [];
  }

  #tell() { this.dispatchEvent(new Event("change")); this.dispatchEvent(new Event("place")); }
}

// ---- Notes of a voice ------------------------------------------------------------------------------------------------

const HELD_S = 5, TAIL_S = 4;

/** Render notes of a voice on the server. Returns one Float32Array for each note. */
export async function renderNotes(vced, { notes = [60], velocities = 100, gates = 1, duration = 2, sampleRate = 44100, profile = "dexed", signal } = {}) {
  const { data, headers } = await api.bytes("/api/render",
    { voice: vced, notes, velocities, gates, duration, sample_rate: sampleRate, profile, format: "f32" }, { signal });
  const all = new Float32Array(data), size = Number(headers.get("x-samples"));
  return notes.map((_, k) => all.subarray(k * size, (k + 1) * size));
}

/** Plays notes of one voice, with its own release: what sounds after the key goes up is rendered when it goes up. */
export class VoicePlayer {
  #vced = null; #held = new Map(); #cache = new Map(); #generation = 0;

  /** Seconds from the last note-on to its sound being scheduled, for measuring. */
  latencyMs = 0;

  setVoice(vced) {
    if (this.#vced && vced && vced.length === this.#vced.length && vced.every((x, k) => x === this.#vced[k])) return;
    this.#vced = vced;
    this.#generation++;
    this.#cache.clear();
  }

  get voice() { return this.#vced; }

  async noteOn(note, velocity = 100) {
    if (!this.#vced) return;
    const ctx = audioContext(), asked = performance.now(), generation = this.#generation;
    this.noteOff(note);
    const key = { note, velocity, up: null, source: null, gain: null, start: 0, vced: this.#vced };
    this.#held.set(note, key);
    let buffer;
    try { buffer = await this.#buffer(note, velocity); } catch { return; }
    if (generation !== this.#generation && key.up !== null) return;
    key.gain = new GainNode(ctx, { gain: 1 });
    key.source = new AudioBufferSourceNode(ctx, { buffer });
    key.source.connect(key.gain).connect(master());
    key.start = ctx.currentTime;
    key.source.start();
    this.latencyMs = performance.now() - asked;
    if (key.up !== null) this.#release(key, Math.max(0.05, key.up));
  }

  noteOff(note) {
    const key = this.#held.get(note);
    if (!key || key.up !== null) return;
    this.#held.delete(note);
    key.up = key.source ? context.currentTime - key.start : 0.05;
    if (key.source) this.#release(key, key.up);
  }

  allOff() { for (const note of [...this.#held.keys()]) this.noteOff(note); }

  /** Render notes before they are played. */
  async prepare(notes, velocity = 100) { await Promise.allSettled(notes.map((n) => this.#buffer(n, velocity))); }

  #buffer(note, velocity) {
    const name = `${note}/${velocity}`, ctx = audioContext();
    if (!this.#cache.has(name)) {
      const made = renderNotes(this.#vced, { notes: [note], velocities: velocity, gates: HELD_S, duration: HELD_S + 0.1, sampleRate: ctx.sampleRate })
        .then(([samples]) => bufferOf(samples, ctx.sampleRate));
      made.catch(() => this.#cache.delete(name));
      this.#cache.set(name, made);
    }
    return this.#cache.get(name);
  }

  async #release(key, gate) {
    // Both renders agree up to the release, so the exchange is not heard; until it comes the note holds.
    const ctx = context, bounded = Math.min(gate, HELD_S);
    let released = null;
    const fallback = setTimeout(() => this.#fade(key, 0.12), 400);
    try {
      const [samples] = await renderNotes(key.vced, { notes: [key.note], velocities: key.velocity, gates: bounded, duration: bounded + TAIL_S, sampleRate: ctx.sampleRate });
      released = bufferOf(samples, ctx.sampleRate);
    } catch { /* the fade below ends the note */ }
    clearTimeout(fallback);
    if (!released) { this.#fade(key, 0.08); return; }
    const now = ctx.currentTime, at = now - key.start;
    if (at < released.duration) {
      const source = new AudioBufferSourceNode(ctx, { buffer: released });
      const gain = new GainNode(ctx, { gain: 0 });
      source.connect(gain).connect(master());
      source.start(now, at);
      gain.gain.setTargetAtTime(1, now, 0.004);
    }
    this.#fade(key, 0.004);
  }

  #fade(key, time) {
    if (!key.source) return;
    const now = context.currentTime;
    key.gain.gain.setTargetAtTime(0, now, time);
    key.source.stop(now + time * 8);
  }
}

// ---- Microphone ------------------------------------------------------------------------------------------------------

/** The microphone without any processing; a problem gets a sentence. */
export async function microphoneStream() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 } });
  } catch (error) {
    throw new Problem(error.name === "NotAllowedError" ? "The browser was not allowed to use the microphone. Allow it in the site's settings and try again."
      : error.name === "NotFoundError" ? "No microphone was found. Plug one in and try again." : "The microphone cannot be opened.");
  }
}

/** Record the microphone without any processing. Resolves to `{ stop(): { samples, sampleRate }, level() }`. */
export async function openMicrophone() {
  const ctx = audioContext();
  const stream = await microphoneStream();
  await ctx.audioWorklet.addModule("/static/js/recorder.js");
  const source = ctx.createMediaStreamSource(stream);
  const recorder = new AudioWorkletNode(ctx, "recorder", { numberOfOutputs: 0 });
  const parts = [];
  let level = 0;
  recorder.port.onmessage = ({ data }) => { parts.push(data); level = Math.max(...data.map(Math.abs)); };
  source.connect(recorder);
  return {
    level: () => level,
    seconds: () => parts.reduce((n, p) => n + p.length, 0) / ctx.sampleRate,
    stop() {
      source.disconnect();
      for (const track of stream.getTracks()) track.stop();
      const samples = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
      let at = 0;
      for (const part of parts) { samples.set(part, at); at += part.length; }
      return { samples, sampleRate: ctx.sampleRate };
    },
  };
}

/** 32-bit float WAV of mono samples. */
export function wavBytes(samples, sampleRate) {
  const bytes = new ArrayBuffer(44 + 4 * samples.length), view = new DataView(bytes);
  const word = (at, text) => [...text].forEach((c, k) => view.setUint8(at + k, c.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + 4 * samples.length, true); word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 3, true); view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true); view.setUint32(28, 4 * sampleRate, true);
  view.setUint16(32, 4, true); view.setUint16(34, 32, true);
  word(36, "data"); view.setUint32(40, 4 * samples.length, true);
  new Float32Array(bytes, 44).set(samples);
  return bytes;
}

/** Decode a file that the server cannot read (M4A, WebM) in the browser; mono. */
export async function decodeInBrowser(data) {
  const decoded = await audioContext().decodeAudioData(data);
  const mono = new Float32Array(decoded.length);
  for (let c = 0; c < decoded.numberOfChannels; c++) decoded.getChannelData(c).forEach((x, k) => { mono[k] += x / decoded.numberOfChannels; });
  return { samples: mono, sampleRate: decoded.sampleRate };
}
