// The recognizer, beside the page: it runs the graph and decodes, so that the page stays awake.
// `ort` is the runtime; it, resample.js, windows.js and decode.js stand before this.

const LIVE_SECONDS = 20; // of a window while somebody speaks or keys

let about, session, decoder, live;
let last = Promise.resolve(); // one task at a time: a session runs no two

onmessage = ({ data }) => {
  const answer = (told, moved = []) => postMessage({ call: data.call, ...told }, moved);
  last = last.then(() => tasks[data.task](data, answer)).catch((error) => answer({ error: String(error?.message ?? error) }));
};

const tasks = {
  /** Makes a session of the model's bytes. */
  async load({ wasm, model, metadata }, answer) {
    about = metadata;
    decoder = decoderOf(about.decode, about.alphabet);
    Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: wasm });
    session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    await said(new Float32Array(about.sample_rate)); // the first run is the slowest
    answer({ done: true });
  },

  /** Recognizes a whole recording. */
  async recognize({ wave, rate }, answer) {
    const began = performance.now(), sound = resample(wave, rate, about.sample_rate), plan = planOf(about);
    const stitch = new Stitch(plan.margin), parts = [], heard = [];
    const pieces = windowsOf(sound.length, plan);
    for (const [n, [start, end]] of pieces.entries()) {
      const isLast = n === pieces.length - 1, found = await said(sound.subarray(start, end));
      parts.push(...stitch.add(start / plan.grain, found.emissions, isLast));
      if (found.features) heard.push({ start, length: end - start, ...found.features });
      answer({ progress: end / sound.length });
    }
    const emissions = Emissions.joined(parts, about.alphabet.symbols.length + 1);
    const marks = marksOf(decoder(emissions), 0), spent = (performance.now() - began) / 1000;
    const seconds = wave.length / rate; // as long as it came, not as it was resampled
    answer({ done: true, sound, seconds, marks, emissions, heard, spent }, [sound.buffer, emissions.values.buffer]);
  },

  /** Begins a recording that grows. */
  begin({ rate }, answer) {
    const plan = planOf(about, LIVE_SECONDS);
    const resampler = new Resampler(rate, about.sample_rate);
    live = { plan, resampler, stitch: new Stitch(plan.margin), marks: [], wave: new Float32Array(0), at: 0 };
    answer({ done: true });
  },

  /** Some more of it; what is recognized so far, the end of which may still change. */
  async append({ wave }, answer) {
    live.wave = joined([live.wave, live.resampler.push(wave)]);
    const { plan, stitch } = live;
    while (live.wave.length >= plan.size + plan.grain) {
      const found = await said(live.wave.subarray(0, plan.size));
      const from = stitch.from;
      const settled = Emissions.joined(stitch.add(live.at / plan.grain, found.emissions, false), found.emissions.symbols);
      live.marks.push(...following(live.marks, marksOf(decoder(settled), from)));
      live.at += plan.size - plan.overlap;
      live.wave = live.wave.slice(plan.size - plan.overlap);
    }
    if (live.wave.length < about.sample_rate / 2) return answer({ done: true, marks: live.marks, guess: [] });
    const { emissions, features } = await said(live.wave), begin = live.at / plan.grain;
    const first = Math.max(0, stitch.from - begin);
    const guess = following(live.marks, marksOf(decoder(emissions.part(first)), first + begin));
    const heard = features ? [{ start: 0, length: live.wave.length, ...features }] : [];
    const near = { sound: live.wave, emissions, heard, marks: marksOf(decoder(emissions), 0) }; // what is drawn
    answer({ done: true, marks: live.marks, guess, near });
  },
};

/** What the graph says of some samples. */
async function said(sound) {
  const wave = sound.length ? sound : new Float32Array(1);
  const found = await session.run({
    signals: new ort.Tensor("float32", wave, [1, wave.length]),
    lengths: new ort.Tensor("int64", BigInt64Array.of(BigInt(wave.length)), [1]),
  });
  const frames = Number(found.frames.data[0]), symbols = found.log_probs.dims[2];
  const features = found.features && { width: found.features.dims[2], values: found.features.data };
  return { emissions: new Emissions(found.log_probs.data.subarray(0, frames * symbols), symbols), features };
}

/** Symbols as a person reads them: text, and seconds since the beginning. */
function marksOf(found, first) {
  const second = about.inputs_per_output / about.sample_rate;
  return found.map(({ token, start, end, confidence }) => ({
    text: about.alphabet.symbols[token - 1], start: (start + first) * second, end: (end + first) * second, confidence,
  }));
}
