// From files to samples: mono, as project/feature/waveform.py reads them. WAV is read here, number by number; all else
// by the browser, at the file's own rate, so that nothing is resampled on the way.

const SUFFIXES = /\.(wav|flac|mp3|ogg|oga|opus|m4a|aac|webm)$/i;
const FALLBACK_RATE = 48000;

/** The sound of a file as { wave, rate }; what is wrong with it is an Error in one line. */
async function readSound(file, limits) {
  if (file.size > limits.megabytes * 1e6) {
    throw new Error(`it has ${Math.ceil(file.size / 1e6)} MB, and this page takes ${limits.megabytes}: cut it, or use scansion transcribe`);
  }
  if (!file.size) throw new Error("it is empty: choose another file");
  const bytes = await file.arrayBuffer(), view = new DataView(bytes);
  const rate = rateOf(view), seconds = secondsOf(view) ?? (await toldSeconds(file));
  const tooLong = (length) => new Error(`it lasts ${Math.ceil(length / 60)} minutes, and this page takes ${limits.minutes}: cut it, or use scansion transcribe`);
  if (seconds > 60 * limits.minutes) throw tooLong(seconds);
  const sound = wavSound(view) ?? (await decodedSound(bytes, rate));
  if (!sound.wave.length) throw new Error("it holds no samples: choose another file");
  if (sound.wave.length > 60 * limits.minutes * sound.rate) throw tooLong(sound.wave.length / sound.rate);
  if (!sound.wave.every(Number.isFinite)) throw new Error("it holds samples that are not finite: choose another file");
  return sound;
}

async function decodedSound(bytes, rate) {
  try {
    const context = new OfflineAudioContext(1, 1, Math.min(Math.max(rate, 3000), 384000));
    const decoded = await context.decodeAudioData(bytes);
    const channels = Array.from({ length: decoded.numberOfChannels }, (_, n) => decoded.getChannelData(n));
    return { wave: mixed(channels), rate: context.sampleRate };
  } catch {
    throw new Error("no readable audio: choose a WAV, FLAC, MP3 or Ogg file");
  }
}

/** The mean of the channels. */
function mixed(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, n) => channels.reduce((sum, channel) => sum + channel[n], 0) / channels.length);
}

const letters = (view, at, count) =>
  String.fromCharCode(...Array.from({ length: Math.max(0, Math.min(count, view.byteLength - at)) }, (_, n) => view.getUint8(at + n)));

/** Samples a second, as a file's head tells them. */
function rateOf(view) {
  const wav = wavHead(view);
  if (wav) return wav.rate;
  if (letters(view, 0, 4) === "fLaC" && view.byteLength > 21) return (view.getUint16(18) << 4) | (view.getUint8(20) >> 4);
  if (letters(view, 0, 4) === "OggS" && view.byteLength > 48) {
    if (letters(view, 29, 6) === "vorbis") return view.getUint32(40, true);
    return FALLBACK_RATE; // Opus is always decoded at this one
  }
  return mp3Rate(view) ?? FALLBACK_RATE;
}

/** Samples a second of the first MP3 frame, behind tags. */
function mp3Rate(view) {
  let at = 0;
  if (letters(view, 0, 3) === "ID3" && view.byteLength > 10) {
    const size = [6, 7, 8, 9].reduce((sum, n) => sum * 128 + (view.getUint8(n) & 127), 0);
    at = 10 + size;
  }
  for (const end = Math.min(view.byteLength - 4, at + 4096); at < end; at++) {
    const head = view.getUint32(at), version = (head >> 19) & 3, place = (head >> 10) & 3;
    if (head >>> 21 === 0x7ff && version !== 1 && place !== 3 && ((head >> 17) & 3) === 1) {
      return [44100, 48000, 32000][place] >> [2, 0, 1, 0][version];
    }
  }
  return null;
}

/** How long a WAV or FLAC file says that it is; nothing of others. */
function secondsOf(view) {
  const wav = wavHead(view);
  if (wav?.channels && wav.bits && wav.rate) return (8 * wav.bytes) / wav.bits / wav.channels / wav.rate;
  if (letters(view, 0, 4) !== "fLaC" || view.byteLength < 26) return null;
  const samples = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return samples / rateOf(view);
}

/** How long the browser's player thinks that a file is, before hours of it are unpacked; 0 if it does not know. */
async function toldSeconds(file) {
  const player = document.createElement("audio"), address = URL.createObjectURL(file);
  await new Promise((done) => {
    player.onloadedmetadata = player.onerror = done;
    player.preload = "metadata";
    player.src = address;
  });
  URL.revokeObjectURL(address);
  return Number.isFinite(player.duration) ? player.duration : 0;
}

/** Where a WAV file's samples are and what they are like; nothing if it is none. */
function wavHead(view) {
  if (letters(view, 0, 4) !== "RIFF" || letters(view, 8, 4) !== "WAVE") return null;
  let format = null;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const name = letters(view, at, 4), size = view.getUint32(at + 4, true), body = at + 8;
    if (name === "fmt " && body + 16 <= view.byteLength) {
      const kind = view.getUint16(body, true), isLonger = kind === 0xfffe && body + 26 <= view.byteLength;
      format = {
        kind: isLonger ? view.getUint16(body + 24, true) : kind, channels: view.getUint16(body + 2, true),
        rate: view.getUint32(body + 4, true), bits: view.getUint16(body + 14, true),
      };
    }
    if (name === "data" && format) return { ...format, from: body, bytes: Math.min(size, view.byteLength - body) };
    at = body + size + (size % 2);
  }
  return null;
}

/** A WAV file of whole or floating-point numbers; nothing if it is none. */
function wavSound(view) {
  const head = wavHead(view);
  if (!head || !head.channels || !head.rate) return null;
  const read = numbers(view, head.kind, head.bits);
  if (!read) return null;
  const step = head.bits / 8, count = Math.floor(head.bytes / step / head.channels);
  const channels = Array.from({ length: head.channels }, (_, channel) => {
    const wave = new Float32Array(count);
    for (let n = 0; n < count; n++) wave[n] = read(head.from + (n * head.channels + channel) * step);
    return wave;
  });
  return { wave: mixed(channels), rate: head.rate };
}

/** What reads a number of a kind and size, full scale being 1. */
function numbers(view, kind, bits) {
  const whole = {
    8: (at) => (view.getUint8(at) - 128) / 128, 16: (at) => view.getInt16(at, true) / 2 ** 15,
    24: (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 2 ** 23, 32: (at) => view.getInt32(at, true) / 2 ** 31,
  };
  const floating = { 32: (at) => view.getFloat32(at, true), 64: (at) => view.getFloat64(at, true) };
  return { 1: whole, 3: floating }[kind]?.[bits];
}

/** Samples as a WAV file of 16 bits, so that what came live can be played and kept. */
function wavFile(wave, rate) {
  const bytes = new ArrayBuffer(44 + 2 * wave.length), view = new DataView(bytes);
  const write = (at, text) => [...text].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * wave.length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]]) view.setUint16(at, value, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  write(36, "data");
  view.setUint32(40, 2 * wave.length, true);
  for (let n = 0; n < wave.length; n++) {
    view.setInt16(44 + 2 * n, Math.max(-32768, Math.min(32767, Math.round(wave[n] * 32768))), true);
  }
  return new Blob([bytes], { type: "audio/wav" });
}
