// Pictures on canvases: waveforms, spectrograms and their difference, curves. All follow the size and colours of the page.

import { clamp, eachFrame, h } from "./dom.js";

/** A colour of the style sheet as [r, g, b]. */
export function rgb(name) {
  const probe = colour(name);
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(probe);
  return found ? found.slice(1).map((x) => parseInt(x, 16)) : [128, 128, 128];
}

/** A colour of the style sheet. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A canvas that calls `draw(context, width, height)` when it must, in CSS pixels. */
export function canvas(draw, { label, class: own = "" } = {}) {
  const element = h("canvas", { class: `plot ${own}`, role: "img", "aria-label": label });
  const paint = eachFrame(() => {
    const { clientWidth: width, clientHeight: height } = element, ratio = Math.min(devicePixelRatio || 1, 3);
    if (!width || !height) return;
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(height * ratio);
    }
    const context = element.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  });
  new ResizeObserver(paint).observe(element);
  document.addEventListener("themechange", paint);
  element.paint = paint;
  return element;
}

/** Lowest and highest sample of each pixel column: Float32Array [2 * width]. */
export function extremes(samples, from, to, width) {
  const found = new Float32Array(2 * width), size = (to - from) / width;
  for (let x = 0; x < width; x++) {
    const a = clamp(Math.floor(from + x * size), 0, samples.length), b = clamp(Math.max(a + 1, Math.floor(from + (x + 1) * size)), 0, samples.length);
    const step = Math.max(1, Math.floor((b - a) / 400));
    let low = Infinity, high = -Infinity;
    for (let k = a; k < b; k += step) { const s = samples[k]; if (s < low) low = s; if (s > high) high = s; }
    if (low === Infinity) low = high = 0;
    found[2 * x] = low; found[2 * x + 1] = high;
  }
  return found;
}

/** Draw a waveform into a rectangle. `view`: [from, to] in samples. */
export function drawWave(context, samples, [from, to], x, y, width, height, ink) {
  const n = Math.max(1, Math.round(width)), found = extremes(samples, from, to, n);
  let peak = 1e-6;
  for (const s of found) peak = Math.max(peak, Math.abs(s));
  const middle = y + height / 2, scale = (height / 2 - 1) / peak;
  context.fillStyle = ink;
  context.beginPath();
  for (let k = 0; k < n; k++) context.lineTo(x + k, middle - Math.max(found[2 * k + 1] * scale, 0.5));
  for (let k = n - 1; k >= 0; k--) context.lineTo(x + k, middle - Math.min(found[2 * k] * scale, -0.5));
  context.closePath();
  context.fill();
}

// Five stops of a map that is even to the eye, from the page's own colours, dark for silence.
const MAP = [[14, 12, 11], [24, 58, 58], [30, 122, 112], [206, 150, 82], [255, 240, 214]];
const LIGHT_MAP = [[250, 247, 242], [206, 228, 222], [86, 168, 155], [150, 96, 44], [52, 30, 14]];
const DIVERGING = [[44, 150, 206], [22, 60, 84], [20, 17, 15], [96, 52, 18], [240, 152, 66]];
const LIGHT_DIVERGING = [[18, 92, 150], [150, 196, 220], [250, 247, 242], [238, 196, 150], [176, 84, 12]];

function ramp(stops) {
  const table = new Uint8ClampedArray(256 * 3);
  for (let k = 0; k < 256; k++) {
    const place = (k / 255) * (stops.length - 1), i = Math.min(Math.floor(place), stops.length - 2), t = place - i;
    for (let c = 0; c < 3; c++) table[3 * k + c] = stops[i][c] * (1 - t) + stops[i + 1][c] * t;
  }
  return table;
}

/** Ask the server for a spectrogram: `{ levels: Uint8Array [frame][band], frames, bands, hopS, centresHz }`; half a decibel a step. */
export async function fetchSpectrogram(api, path) {
  const { data, headers } = await api.bytes(path);
  return {
    levels: new Uint8Array(data), frames: Number(headers.get("x-frames")), bands: Number(headers.get("x-bands")),
    hopS: Number(headers.get("x-hop-seconds")), centresHz: headers.get("x-centres-hz").split(",").map(Number),
  };
}

/** An image of a spectrogram, one pixel a frame and band; `other` shows the difference to it instead. */
export function spectrogramImage(spectrum, { other = null, rangeDb = 80, dark = true } = {}) {
  const { frames, bands, levels } = spectrum;
  const image = new ImageData(Math.max(frames, 1), bands);
  const table = ramp(other ? (dark ? DIVERGING : LIGHT_DIVERGING) : dark ? MAP : LIGHT_MAP);
  for (let f = 0; f < frames; f++) for (let b = 0; b < bands; b++) {
    const own = levels[f * bands + b];
    let k;
    if (other) {
      const g = Math.min(f, other.frames - 1), theirs = f < other.frames ? other.levels[g * bands + b] : 0;
      const floor = 255 - 2 * 60;
      k = 127.5 + ((Math.max(own, floor) - Math.max(theirs, floor)) / 2 / 24) * 127.5;
    } else k = 255 + ((own - 255) / 2 / rangeDb) * 255;
    const c = 3 * clamp(Math.round(k), 0, 255), at = 4 * ((bands - 1 - b) * frames + f);
    image.data[at] = table[c]; image.data[at + 1] = table[c + 1]; image.data[at + 2] = table[c + 2]; image.data[at + 3] = 255;
  }
  const made = document.createElement("canvas");
  made.width = Math.max(frames, 1);
  made.height = bands;
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}

/** Draw a spectrogram image. `view`: `{ from, to }` in seconds, `{ low, high }` shares of the bands from below. */
export function drawSpectrogram(context, image, spectrum, view, width, height) {
  const perS = 1 / spectrum.hopS, low = view.low ?? 0, high = view.high ?? 1;
  const sx = view.from * perS, sw = Math.max(1e-3, (view.to - view.from) * perS);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  const shown = Math.min(sw, image.width - sx);
  if (shown <= 0) return;
  context.drawImage(image, sx, image.height * (1 - high), shown, image.height * (high - low), 0, 0, (width * shown) / sw, height);
}

/** Round values for an axis between two numbers. */
export function ticks(from, to, most = 6) {
  const step = [1, 2, 2.5, 5, 10].map((m) => m * 10 ** Math.floor(Math.log10((to - from) / most || 1))).find((s) => (to - from) / s <= most) || to - from;
  const found = [];
  for (let v = Math.ceil(from / step) * step; v <= to + 1e-9; v += step) found.push(Number(v.toPrecision(10)));
  return found;
}

/** Draw a curve through points, scaled to the rectangle. */
export function drawCurve(context, points, { x0, x1, y0, y1 }, width, height, ink, fill = "") {
  if (!points.length) return;
  const px = (x) => ((x - x0) / (x1 - x0 || 1)) * width, py = (y) => height - ((y - y0) / (y1 - y0 || 1)) * height;
  context.beginPath();
  points.forEach(([x, y], k) => (k ? context.lineTo(px(x), py(y)) : context.moveTo(px(x), py(y))));
  context.strokeStyle = ink;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.stroke();
  if (fill) {
    context.lineTo(px(points.at(-1)[0]), height);
    context.lineTo(px(points[0][0]), height);
    context.closePath();
    context.fillStyle = fill;
    context.fill();
  }
}

export const isDark = () => document.documentElement.dataset.theme === "dark";
