// The microphone, played by a learned instrument: blocks go to the server, one request at a time, and the answers sound.

import { api, Problem } from "./api.js";
import { getVolume, microphoneStream } from "./audio.js";

const AHEAD = 512, MOST = 16; // samples that wait before they sound; blocks in one request

/**
 * Begin. `path` is the session's address of live instruments, `settings` what the server takes. `onState` gets the delay
 * in seconds and the loudest sample of the last quarter second, `onFail` an error that ended it.
 * Resolves to `{ turn(settings), stop() }`.
 */
export async function playLive(path, settings, { onState, onFail }) {
  const stream = await microphoneStream();
  let context = null, begun = null, ended = false;
  const stop = () => {
    if (ended) return;
    ended = true;
    for (const track of stream.getTracks()) track.stop();
    context?.close();
    if (begun) api.delete(`${path}/${begun.id}`).catch(() => {});
  };
  try {
    begun = await api.post(path, settings);
    context = new AudioContext({ sampleRate: begun.sample_rate, latencyHint: "interactive" });
    await context.audioWorklet.addModule("/static/js/live_worklet.js");
    let source;
    try { source = context.createMediaStreamSource(stream); } catch { throw new Problem("This browser cannot play the microphone at the instrument's sample rate. Record a take instead, or use Chromium."); }
    const live = new AudioWorkletNode(context, "live", { outputChannelCount: [1], processorOptions: { ahead: AHEAD } });
    source.connect(live).connect(new GainNode(context, { gain: getVolume() })).connect(context.destination);
    const waiting = [];
    let asking = false;
    const send = async () => {
      if (asking) return;
      asking = true;
      try {
        while (waiting.length && !ended) {
          const blocks = waiting.splice(0, MOST), samples = new Float32Array(blocks.length * begun.block);
          blocks.forEach((block, k) => samples.set(block, k * begun.block));
          const answer = new Float32Array(await api.samples(`${path}/${begun.id}`, samples.buffer));
          live.port.postMessage(answer, [answer.buffer]);
        }
      } catch (error) { if (!ended) { stop(); onFail(error); } }
      asking = false;
    };
    live.port.onmessage = ({ data }) => {
      if (data.block) { waiting.push(data.block); send(); } else onState(data.behind + begun.latency_s + context.baseLatency + (context.outputLatency || 0), data.loudest);
    };
    await context.resume();
  } catch (error) { stop(); throw error; }
  return { stop, turn: (changed) => api.put(`${path}/${begun.id}`, changed) };
}
