// The recognizer, as the page sees it: calls that a worker answers. What it needs, runtime and model included, stands in
// the page itself, as text; nothing is fetched.

class Recognizer {
  static async open(metadata) {
    const [wasm, model] = await Promise.all([embedded("wasm").then(unpacked), embedded("model")]);
    const script = new Blob([document.getElementById("worker").textContent], { type: "text/javascript" });
    const recognizer = new Recognizer(new Worker(URL.createObjectURL(script)));
    await recognizer.call("load", { wasm, model, metadata }, [wasm, model.buffer]);
    return recognizer;
  }

  constructor(worker) {
    this.worker = worker;
    this.calls = new Map();
    this.count = 0;
    worker.onmessage = ({ data }) => this.answered(data);
    worker.onerror = ({ message }) => {
      for (const { fail } of this.calls.values()) fail(new Error(`the recognizer stopped: ${message}`));
    };
  }

  /** The answer to a task; `progress` is told how much of it is done, from 0 to 1. */
  call(task, content, moved = [], progress = () => {}) {
    return new Promise((done, fail) => {
      this.calls.set(++this.count, { done, fail, progress });
      this.worker.postMessage({ call: this.count, task, ...content }, moved);
    });
  }

  answered({ call, error, progress, done, ...found }) {
    const asked = this.calls.get(call);
    if (progress !== undefined) return asked.progress(progress);
    this.calls.delete(call);
    return error === undefined ? asked.done(found) : asked.fail(new Error(error));
  }
}

/** Bytes that stand in the page as text; the text is given up, as it is not needed again. */
async function embedded(name) {
  const element = document.getElementById(name), text = element.textContent.trim();
  element.remove();
  return bytesOf(text);
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The same, if it was compressed. */
function unpacked(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
