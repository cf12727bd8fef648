// Sound that comes while one looks on: from a microphone, or from a key that is pressed. Each source hands on pieces of
// samples and has a rate; it knows nothing of what is recognized in them.

const PIECE_SECONDS = 0.25;

// Runs where sound is made, beside the page: hands on what the microphone gives in pieces.
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  constructor() { super(); this.held = []; this.count = 0; }
  process([[channel]]) {
    if (channel) { this.held.push(channel.slice()); this.count += channel.length; }
    if (this.count >= sampleRate * ${PIECE_SECONDS}) {
      const whole = new Float32Array(this.count);
      let at = 0;
      for (const one of this.held) { whole.set(one, at); at += one.length; }
      this.port.postMessage(whole, [whole.buffer]);
      this.held = []; this.count = 0;
    }
    return true;
  }
});`;

/** What a microphone hears, unlevelled and unfiltered. */
class Microphone {
  static async open(take) {
    if (!navigator.mediaDevices) {
      throw new Error("no microphone can be asked for here: open the page from this machine, at localhost, or over HTTPS");
    }
    const microphone = new Microphone(new AudioContext()); // in the click itself, which allows it to run
    try {
      await microphone.listen(take);
    } catch (error) {
      await microphone.close();
      throw error;
    }
    return microphone;
  }

  constructor(context) {
    this.context = context;
    this.rate = context.sampleRate;
    this.stream = null;
  }

  async listen(take) {
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    } catch (error) {
      const reason = error.name === "NotFoundError" ? "there is none" : "it was not allowed";
      throw new Error(`no microphone: ${reason}: plug one in, allow it for this page, or drop a file`);
    }
    const { context } = this;
    await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(TAP)}`); // a page on a disk has no other
    const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }) => take(data);
    context.createMediaStreamSource(this.stream).connect(tap);
  }

  async close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    await this.context.close();
  }
}

const TONE_HZ = 600;
const RAMP_SECONDS = 0.005;
const NOISE = 0.002; // a receiver is never silent
const BEHIND_SECONDS = 0.3; // what the key does is known so much later at most, as pictures are drawn in between

/** A Morse key: a tone while it is down. `take` gets the samples, in time with the clock. */
class Key {
  constructor(rate, take, now = () => performance.now() / 1000) {
    this.rate = rate;
    this.take = take;
    this.now = now;
    this.changes = []; // { at, isDown }, seconds on the clock
    this.began = now();
    this.made = 0; // samples
    this.level = 0;
    this.seed = 1;
    this.timer = setInterval(() => this.make(this.now() - BEHIND_SECONDS), 1000 * PIECE_SECONDS);
    this.voice = sidetone();
  }

  /** The key goes down or up, at a time of the clock. */
  press(isDown, at = this.now()) {
    if (this.changes.length ? this.changes.at(-1).isDown === isDown : !isDown) return;
    this.changes.push({ at, isDown });
    this.voice?.gate(isDown);
  }

  get isDown() {
    return this.changes.at(-1)?.isDown ?? false;
  }

  /** Make the samples up to a time. */
  make(until) {
    const count = Math.floor((until - this.began) * this.rate) - this.made;
    if (count <= 0) return;
    const wave = new Float32Array(count), step = 1 / (RAMP_SECONDS * this.rate);
    let next = this.changes.findIndex(({ at }) => (at - this.began) * this.rate > this.made);
    if (next < 0) next = this.changes.length;
    for (let n = 0; n < count; n++) {
      const place = this.made + n;
      while (next < this.changes.length && (this.changes[next].at - this.began) * this.rate <= place) next++;
      const isDown = next > 0 && this.changes[next - 1].isDown;
      this.level = Math.min(1, Math.max(0, this.level + (isDown ? step : -step)));
      this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
      const shaped = (1 - Math.cos(Math.PI * this.level)) / 2;
      wave[n] = 0.3 * shaped * Math.sin((2 * Math.PI * TONE_HZ * place) / this.rate) + NOISE * (this.seed / 2 ** 31 - 1);
    }
    this.made += count;
    this.take(wave);
  }

  async close() {
    clearInterval(this.timer);
    if (this.isDown) this.press(false);
    this.make(this.now() + 0.6); // the pause behind the last symbol
    await this.voice?.close();
  }
}

/** What the person at the key hears; nothing where there is no sound. */
function sidetone() {
  if (!window.AudioContext) return null;
  const context = new AudioContext(), tone = new OscillatorNode(context, { frequency: TONE_HZ });
  const gain = new GainNode(context, { gain: 0 });
  tone.connect(gain).connect(context.destination);
  tone.start();
  return {
    gate: (isDown) => gain.gain.setTargetAtTime(isDown ? 0.2 : 0, context.currentTime, RAMP_SECONDS / 2),
    close: () => context.close(),
  };
}
