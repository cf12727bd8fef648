// Resampling as scipy.signal.resample_poly does it: a Kaiser-windowed low pass, run at the places that are asked for.

const HALF_FILTER = 10; // half the filter's length, in samples of the lower rate
const KAISER = 5;

/** The same sound at another rate; itself at the same one. */
function resample(wave, sourceRate, targetRate) {
  if (sourceRate === targetRate) return wave;
  const common = greatestDivisor(sourceRate, targetRate);
  const up = targetRate / common, down = sourceRate / common;
  const filter = lowPass(up, down), half = (filter.length - 1) / 2;
  const made = new Float32Array(Math.ceil((wave.length * up) / down));
  for (let place = 0; place < made.length; place++) {
    const middle = place * down + half; // of the filter, in samples of the common multiple of both rates
    const last = Math.min(wave.length - 1, Math.floor(middle / up));
    const first = Math.max(0, Math.ceil((middle - filter.length + 1) / up));
    let sum = 0;
    for (let n = first; n <= last; n++) sum += wave[n] * filter[middle - n * up];
    made[place] = sum;
  }
  return made;
}

/** Its factors, with a sum of `up`. */
function lowPass(up, down) {
  const most = Math.max(up, down), half = HALF_FILTER * most;
  const filter = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let n = -half; n <= half; n++) {
    const at = n / most;
    const ideal = n ? Math.sin(Math.PI * at) / (Math.PI * at) : 1;
    filter[n + half] = (ideal * bessel(KAISER * Math.sqrt(1 - (n / half) ** 2))) / bessel(KAISER);
    sum += filter[n + half];
  }
  return filter.map((factor) => Math.fround((factor * up) / sum));
}

/** The modified Bessel function of the first kind, of order 0. */
function bessel(x) {
  let sum = 1, term = 1;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (x / (2 * n)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestDivisor(a, b) {
  return b ? greatestDivisor(b, a % b) : a;
}

/** A recording that comes in pieces, at another rate: what `resample` makes of all of it, piece by piece. */
class Resampler {
  constructor(sourceRate, targetRate) {
    const common = greatestDivisor(sourceRate, targetRate);
    this.rates = [sourceRate, targetRate];
    this.up = targetRate / common;
    this.down = sourceRate / common;
    // A whole number of periods, as far as the filter reaches.
    this.reach = this.down * Math.ceil((HALF_FILTER * Math.max(this.up, this.down)) / this.up / this.down + 1);
    this.held = new Float32Array(0);
    this.begin = this.done = 0; // places in the source, multiples of `down`
  }

  /** What is settled by one more piece. */
  push(piece) {
    if (this.rates[0] === this.rates[1]) return piece;
    this.held = joined([this.held, piece]);
    const end = this.begin + this.held.length - this.reach;
    const ready = Math.floor(end / this.down) * this.down;
    if (ready <= this.done) return new Float32Array(0);
    const made = resample(this.held, ...this.rates);
    const part = made.slice(((this.done - this.begin) / this.down) * this.up, ((ready - this.begin) / this.down) * this.up);
    const from = Math.max(0, ready - this.reach);
    this.held = this.held.slice(from - this.begin);
    this.begin = from;
    this.done = ready;
    return part;
  }
}

/** Pieces one after another. */
function joined(pieces) {
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
