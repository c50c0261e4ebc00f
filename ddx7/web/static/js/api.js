// Every request to the server: the token, sentences for errors, and the stream of events that survives a lost connection.

const token = new URLSearchParams(location.search).get("token") || "";

/** A problem with one sentence for the player. */
export class Problem extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

async function ask(method, path, { json, body, headers, signal } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: { Authorization: `Bearer ${token}`, ...(json !== undefined ? { "Content-Type": "application/json" } : {}), ...headers },
      body: json !== undefined ? JSON.stringify(json) : body,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("ddx7 does not answer. Is it still running in the terminal?");
  }
  if (answer.ok) return answer;
  let sentence = `The server answered with ${answer.status}.`;
  try {
    sentence = (await answer.json()).error || sentence;
  } catch { /* no JSON: the status says what there is to say */ }
  throw new Problem(sentence[0].toUpperCase() + sentence.slice(1) + (/[.!?]$/.test(sentence) ? "" : "."), answer.status);
}

export const api = {
  get: async (path, options) => (await ask("GET", path, options)).json(),
  post: async (path, json, options) => (await ask("POST", path, { json: json ?? {}, ...options })).json(),
  put: async (path, json, options) => (await ask("PUT", path, { json, ...options })).json(),
  delete: async (path, options) => (await ask("DELETE", path, options)).json(),
  /** Send bytes (an ArrayBuffer or a File), get JSON. */
  upload: async (path, body, options) => (await ask("POST", path, { body, ...options })).json(),
  /** Send bytes, get bytes. */
  samples: async (path, body, options) => (await ask("POST", path, { body, ...options })).arrayBuffer(),
  /** Send JSON (or nothing), get bytes and headers. */
  bytes: async (path, json, options) => {
    const answer = await ask(json === undefined ? "GET" : "POST", path, { json, ...options });
    return { data: await answer.arrayBuffer(), headers: answer.headers };
  },
};

/**
 * Follow the events of a session. Comes back by itself after a lost connection and goes on after the last event it saw.
 * `onEvent(data)`; `onState("open" | "lost")`. Returns a function that ends it.
 */
export function follow(path, onEvent, onState = () => {}) {
  let last = 0, ended = false, wait = 500;
  const control = new AbortController();
  async function run() {
    while (!ended) {
      try {
        const answer = await ask("GET", path, { headers: { "Last-Event-ID": String(last) }, signal: control.signal });
        onState("open");
        wait = 500;
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          text += value;
          let end;
          while ((end = text.indexOf("\n\n")) >= 0) {
            const lines = text.slice(0, end).split("\n");
            text = text.slice(end + 2);
            let data = "";
            for (const line of lines) {
              if (line.startsWith("id: ")) last = Number(line.slice(4));
              if (line.startsWith("data: ")) data += line.slice(6);
            }
            if (data) onEvent(JSON.parse(data));
          }
        }
      } catch (error) {
        if (ended || error.name === "AbortError") return;
        if (error.status === 404) { onState("gone"); return; }
        if (error.status === 401) { onState("restarted"); return; }
      }
      if (ended) return;
      onState("lost");
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 1.6, 5000);
    }
  }
  run();
  return () => { ended = true; control.abort(); };
}
