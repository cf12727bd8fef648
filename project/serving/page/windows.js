// A recording of any length as overlapping windows, and what a model says of them put together again: as
// project/transcript/windows.py and stitch.py do it. All numbers are samples or output frames.

const WINDOW_SECONDS = 120;
const SETTLING_SECONDS = 3; // how much what follows tone and level should hear beside what the model sees
const ROOM_SECONDS = 2; // where the cut between two windows may fall
const UNBOUNDED_SECONDS = 5; // for models that do not say how far they look
const CALM = Math.log(0.9); // log-probability of blank from which a frame is as good a place to cut as any
const AROUND = 2; // frames to either side of the cut that should be calm too

/** How recordings are cut: `size` and `overlap` in samples, multiples of `grain`, those of an output frame. */
function planOf(about, seconds = WINDOW_SECONDS) {
  const grain = about.inputs_per_output, perSecond = about.sample_rate / grain;
  const overlap = 2 * (SETTLING_SECONDS + (about.context_seconds ?? UNBOUNDED_SECONDS)) + ROOM_SECONDS;
  const window = Math.max(seconds, 1.5 * overlap);
  const inside = Math.max(1, evenly(overlap * perSecond));
  const margin = evenly(((overlap - ROOM_SECONDS) / 2) * perSecond);
  const size = Math.max(inside + 1, evenly(window * perSecond));
  return { size: size * grain, overlap: inside * grain, grain, margin };
}

/** The nearest whole number; of two as near the even one. */
function evenly(x) {
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 ? near - 1 : near;
}

/** Where each window of a whole recording begins and ends. */
function windowsOf(count, plan) {
  const found = [], step = plan.size - plan.overlap;
  let start = 0;
  for (; count >= start + plan.size + plan.grain; start += step) found.push([start, start + plan.size]);
  const last = start ? Math.floor((count - plan.size) / plan.grain) * plan.grain : 0;
  return [...found, [last, count]];
}

/** Emissions of (frames, symbols) log-probabilities, row after row. */
class Emissions {
  constructor(values, symbols) {
    this.values = values;
    this.symbols = symbols;
    this.frames = values.length / symbols;
  }

  part(from, to = this.frames) {
    return new Emissions(this.values.subarray(from * this.symbols, to * this.symbols), this.symbols);
  }

  static joined(parts, symbols) {
    return new Emissions(joined(parts.map((part) => part.values)), symbols);
  }
}

/** The emissions of one recording, in order and without overlaps: each frame comes from exactly one window. */
class Stitch {
  constructor(margin) {
    this.margin = margin;
    this.held = null; // of the window before, from the frame on where it takes over
    this.from = 0;
  }

  /** The next window, which begins in frame `start`; the parts that are settled by it. */
  add(start, emissions, isLast) {
    const settled = [];
    if (this.held) {
      const cut = this.cut(start, emissions);
      settled.push(this.held.part(0, cut - this.from));
      this.from = cut;
    }
    const rest = emissions.part(this.from - start);
    if (isLast) settled.push(rest);
    this.held = isLast ? null : rest;
    return settled;
  }

  /** The first frame that is taken from the new window. */
  cut(start, emissions) {
    let low = Math.max(start, this.from), high = this.from + this.held.frames;
    const middle = Math.floor((low + high) / 2);
    low = Math.max(this.from, start + this.margin);
    high -= this.margin;
    if (high <= low) return middle;
    const blank = new Float32Array(high - low).map((_, n) =>
      Math.min(
        this.held.values[(low + n - this.from) * emissions.symbols],
        emissions.values[(low + n - start) * emissions.symbols],
      ),
    );
    return low + calmest(blank, Math.min(Math.max(middle - low, 0), high - low - 1));
  }
}

/** The frame nearest to the wanted one among those that are calm, with their neighbours; else the calmest. */
function calmest(blank, wanted) {
  let best = -1;
  for (let frame = 0; frame < blank.length; frame++) {
    const near = blank.subarray(Math.max(0, frame - AROUND), frame + AROUND + 1);
    const isNearer = best < 0 || Math.abs(frame - wanted) < Math.abs(best - wanted);
    if (isNearer && near.every((value) => value >= CALM)) best = frame;
  }
  return best < 0 ? blank.indexOf(blank.reduce((a, b) => Math.max(a, b))) : best;
}
