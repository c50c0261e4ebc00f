// Folders of voice files as tar archives: the server reads an archive at once, where thousands of small files would take
// a request each.

const BLOCK = 512, NAME = 100, PREFIX = 155;
const ARCHIVE = /\.(zip|gz|tgz|tar|bz2|xz)$/i;
export const LARGEST = 12 * 2 ** 20, LARGEST_MEMBER = 4 * 2 ** 20, MEMBERS = 4000, SINGLY = 8;

const encoder = new TextEncoder();

function header(path, size) {
  const block = new Uint8Array(BLOCK), bytes = encoder.encode(path);
  const write = (text, at) => block.set(encoder.encode(text), at);
  // A long path is divided at a slash into prefix and name; one that does not fit loses its beginning.
  let cut = -1;
  if (bytes.length > NAME) for (let k = 0; k < bytes.length; k++) if (bytes[k] === 47 && bytes.length - k - 1 <= NAME && k <= PREFIX) { cut = k; break; }
  block.set(cut >= 0 ? bytes.slice(cut + 1) : bytes.slice(-NAME), 0);
  if (cut >= 0) block.set(bytes.slice(0, cut), 345);
  write("0000644\0", 100); write("0000000\0", 108); write("0000000\0", 116);
  write(`${size.toString(8).padStart(11, "0")}\0`, 124); write("00000000000\0", 136);
  write("        ", 148); write("0", 156); write("ustar\u000000", 257);
  const sum = block.reduce((a, b) => a + b, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** A tar of `[{ path, bytes }]`. */
export function tar(files) {
  const size = files.reduce((sum, f) => sum + BLOCK + Math.ceil(f.bytes.length / BLOCK) * BLOCK, 2 * BLOCK);
  const made = new Uint8Array(size);
  let at = 0;
  for (const { path, bytes } of files) {
    made.set(header(path, bytes.length), at);
    made.set(bytes, at + BLOCK);
    at += BLOCK + Math.ceil(bytes.length / BLOCK) * BLOCK;
  }
  return made;
}

/** Files of a drop, those in folders included: `[{ path, file }]` in order. Must be called inside the event. */
export async function droppedFiles(transfer) {
  const entries = [...(transfer?.items || [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  async function walk(entry, prefix) {
    if (entry.name.startsWith(".") || entry.name === "__MACOSX") return;
    if (entry.isFile) {
      found.push({ path: prefix + entry.name, file: await new Promise((done, failed) => entry.file(done, failed)) });
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a reader gives a hundred at a time
      const some = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!some.length) break;
      for (const child of some) await walk(child, `${prefix}${entry.name}/`);
    }
  }
  for (const entry of entries) await walk(entry, "");
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Files as uploads: `[{ name, folder, body, count }]`. Many small ones become archives; archives and large ones stay. */
export async function bundled(files) {
  const single = [], small = [];
  for (const entry of files) (ARCHIVE.test(entry.path) || entry.file.size > LARGEST_MEMBER || files.length <= SINGLY ? single : small).push(entry);
  const uploads = single.map(({ path, file }) => ({ name: path, folder: false, body: file, count: 1 }));
  let some = [], bytes = 0;
  const close = () => { if (some.length) uploads.push({ name: some[0].path.split("/")[0], folder: true, body: tar(some), count: some.length }); some = []; bytes = 0; };
  for (const { path, file } of small) {
    if (some.length >= MEMBERS || bytes + file.size > LARGEST) close();
    some.push({ path, bytes: new Uint8Array(await file.arrayBuffer()) });
    bytes += file.size + 2 * BLOCK;
  }
  close();
  return uploads;
}
