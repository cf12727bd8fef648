// Pictures of a recording over one axis of time: waveform, spectrogram, what the model hears, what it says, the text.
// Each lane is a function that draws a stretch of it into a canvas; it knows nothing of the page around.

const GUTTER = 58; // pixels to the left, for names
const ROW = 15; // pixels of a symbol's row
const MOST_ROWS = 14;
const SIZE = 512; // samples of a spectrum
const DYNAMIC_DB = 50; // below the loudest, or what is half the time there

/** A colour of the page's, as the theme has it. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A canvas as large as it is shown, and what draws into it; `stretch` is { from, to } in seconds. */
function prepared(canvas, height, stretch) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = `${height}px`;
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "middle";
  const inside = Math.max(1, width - GUTTER);
  const x = (second) => GUTTER + ((second - stretch.from) / (stretch.to - stretch.from)) * inside;
  const second = (place) => stretch.from + ((place - GUTTER) / inside) * (stretch.to - stretch.from);
  return { pen, width, height, x, second };
}

/** A text left of a lane. */
function named(pen, text, y) {
  pen.fillStyle = colour("muted");
  pen.textAlign = "right";
  pen.fillText(text, GUTTER - 7, y);
}

function drawWaveform(canvas, { sound, rate }, stretch) {
  const { pen, width, height, second } = prepared(canvas, 64, stretch), loudest = peak(sound);
  pen.fillStyle = colour("series-0");
  for (let place = GUTTER; place < width; place++) {
    const from = Math.max(0, Math.floor(second(place) * rate)), to = Math.min(sound.length, Math.ceil(second(place + 1) * rate));
    let low = 0, high = 0;
    for (let n = from; n < to; n++) [low, high] = [Math.min(low, sound[n]), Math.max(high, sound[n])];
    const top = (height / 2) * (1 - high / loudest), bottom = (height / 2) * (1 - low / loudest);
    if (to > from) pen.fillRect(place, top, 1, Math.max(1, bottom - top));
  }
  named(pen, "sound", height / 2);
}

function peak(values) {
  let most = 1e-9;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

function drawSpectrogram(canvas, { sound, rate }, stretch) {
  const drawn = prepared(canvas, 104, stretch), { pen, width, height } = drawn, bins = SIZE / 2;
  const columns = [], levels = [];
  for (let place = GUTTER; place < width; place++) {
    const middle = Math.round(drawn.second(place + 0.5) * rate);
    const column = middle < 0 || middle > sound.length ? null : spectrum(sound, middle - SIZE / 2);
    if (column && place % 8 === 0) levels.push(...column);
    columns.push(column);
  }
  const ordered = Float32Array.from(levels).sort(), loudest = ordered.at(-1) ?? 0;
  const noise = Math.max(loudest - DYNAMIC_DB, ordered[ordered.length >> 1] ?? 0);
  const ink = components(colour("ink")), perLevel = 255 / (loudest - noise || 1);
  const shade = pen.createImageData(columns.length, height), rows = new Uint16Array(height);
  for (let row = 0; row < height; row++) rows[row] = Math.min(bins - 1, Math.floor(((height - 1 - row) / height) * bins));
  for (const [n, column] of columns.entries()) {
    for (let row = 0; row < height && column; row++) {
      const at = 4 * (row * columns.length + n);
      for (let one = 0; one < 3; one++) shade.data[at + one] = ink[one];
      shade.data[at + 3] = (column[rows[row]] - noise) * perLevel; // it keeps within 0 and 255 by itself
    }
  }
  const picture = new OffscreenCanvas(columns.length, height);
  picture.getContext("2d").putImageData(shade, 0, 0);
  pen.drawImage(picture, GUTTER, 0);
  named(pen, `${rate / 2000} kHz`, 8);
  named(pen, "0", height - 7);
}

const COSINES = Float64Array.from({ length: SIZE }, (_, n) => Math.cos((2 * Math.PI * n) / SIZE));
const SINES = Float64Array.from({ length: SIZE }, (_, n) => Math.sin((2 * Math.PI * n) / SIZE));

/** Levels of the frequencies in a piece of sound, in dB. */
function spectrum(sound, from) {
  const real = new Float64Array(SIZE), imaginary = new Float64Array(SIZE);
  const first = Math.max(0, -from), last = Math.min(SIZE, sound.length - from);
  for (let n = first; n < last; n++) real[n] = sound[from + n] * (0.5 - 0.5 * COSINES[n]);
  transform(real, imaginary);
  const levels = new Float32Array(SIZE / 2);
  for (let k = 0; k < levels.length; k++) levels[k] = 10 * Math.log10(real[k] * real[k] + imaginary[k] * imaginary[k] + 1e-12);
  return levels;
}

/** Fourier's transform of SIZE numbers, in place. */
function transform(real, imaginary) {
  const count = real.length;
  for (let n = 1, mirror = 0; n < count; n++) {
    let bit = count >> 1;
    for (; mirror & bit; bit >>= 1) mirror ^= bit;
    mirror ^= bit;
    if (n < mirror) {
      [real[n], real[mirror]] = [real[mirror], real[n]];
      [imaginary[n], imaginary[mirror]] = [imaginary[mirror], imaginary[n]];
    }
  }
  for (let size = 2; size <= count; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const cosine = COSINES[(k * SIZE) / size], sine = -SINES[(k * SIZE) / size];
      for (let n = k; n < count; n += size) {
        const m = n + size / 2;
        const a = real[m] * cosine - imaginary[m] * sine, b = real[m] * sine + imaginary[m] * cosine;
        real[m] = real[n] - a;
        imaginary[m] = imaginary[n] - b;
        real[n] += a;
        imaginary[n] += b;
      }
    }
  }
}

/** Red, green and blue of a colour as CSS writes it. */
function components(text) {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = text;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

/** The columns that the network is given, each as a line; many of them as shades. Without them, how loud it is. */
function drawHeard(canvas, { sound, rate, heard }, stretch) {
  const drawn = prepared(canvas, 72, stretch), { pen, width, height, second } = drawn;
  const windows = heard.length ? heard : [loudness(sound, rate)];
  const columns = windows[0].width, ranges = rangesOf(windows, columns);
  const value = (place, column) => {
    const at = second(place + 0.5) * rate, window = windows.findLast(({ start }) => start <= at);
    if (!window || at < 0 || at >= window.start + window.length) return null;
    const frames = window.values.length / columns, frame = Math.floor(((at - window.start) / window.length) * frames);
    const [low, high] = ranges[column];
    return (window.values[frame * columns + column] - low) / (high - low || 1);
  };
  const isMany = columns > 8;
  for (let column = 0; column < columns; column++) {
    pen.strokeStyle = pen.fillStyle = isMany ? colour("ink") : colour(`series-${column % 8}`);
    pen.beginPath();
    for (let place = GUTTER; place < width; place++) {
      const level = value(place, column);
      if (level === null) continue;
      if (isMany) {
        pen.globalAlpha = level ** 2;
        pen.fillRect(place, height - ((column + 1) / columns) * height, 1, height / columns);
      } else pen.lineTo(place, height - 3 - level * (height - 6));
    }
    pen.globalAlpha = 1;
    if (!isMany) pen.stroke();
  }
  named(pen, heard.length ? (isMany ? "heard" : "envelope") : "loudness", height / 2);
}

/** The smallest and the largest value of each column. */
function rangesOf(windows, columns) {
  const ranges = Array.from({ length: columns }, () => [Infinity, -Infinity]);
  for (const { values } of windows) {
    for (let n = 0; n < values.length; n++) {
      const range = ranges[n % columns];
      if (values[n] < range[0]) range[0] = values[n];
      if (values[n] > range[1]) range[1] = values[n];
    }
  }
  return ranges;
}

/** Root mean squares over 10 ms, as a window with one column. */
function loudness(sound, rate) {
  const hop = Math.max(1, Math.round(rate / 100)), values = new Float32Array(Math.ceil(sound.length / hop));
  for (let n = 0; n < sound.length; n++) values[Math.floor(n / hop)] += sound[n] ** 2 / hop;
  return { start: 0, length: sound.length, width: 1, values: values.map(Math.sqrt) };
}

/** The probability of blank and of the symbols that are ever likely, a row each. */
function drawProbabilities(canvas, { emissions, second, names }, stretch) {
  const rows = likely(emissions, second, stretch), height = ROW * rows.length + 4;
  const { pen, width, second: at } = prepared(canvas, height, stretch);
  rows.forEach((token, row) => {
    pen.fillStyle = token ? colour("series-1") : colour("muted");
    for (let place = GUTTER; place < width; place++) {
      pen.globalAlpha = highest(emissions, token, at(place) / second, at(place + 1) / second);
      pen.fillRect(place, 2 + row * ROW, 1, ROW - 2);
    }
    pen.globalAlpha = 1;
    named(pen, names[token], 2 + (row + 0.5) * ROW);
  });
}

/** The symbols that are the likeliest in this stretch, in the alphabet's order, blank last. */
function likely({ values, symbols, frames }, second, { from, to }) {
  const most = new Float64Array(symbols);
  for (let frame = Math.max(0, Math.floor(from / second)); frame < Math.min(frames, to / second); frame++) {
    for (let n = 1; n < symbols; n++) most[n] += Math.exp(values[frame * symbols + n]);
  }
  const order = [...most.keys()].slice(1).filter((n) => most[n] > 0.05).sort((a, b) => most[b] - most[a]);
  return [...order.slice(0, MOST_ROWS).sort((a, b) => a - b), 0];
}

/** The highest probability of a symbol between two places, which are frames and parts of frames. */
function highest({ values, symbols, frames }, token, from, to) {
  let most = -Infinity;
  const last = Math.min(frames - 1, Math.max(Math.floor(from), Math.ceil(to) - 1));
  for (let frame = Math.max(0, Math.floor(from)); frame <= last; frame++) most = Math.max(most, values[frame * symbols + token]);
  return Math.exp(most);
}

/** Each symbol where it was recognized, the surer the darker; and the seconds. */
function drawText(canvas, { marks }, stretch) {
  const { pen, width, height, x } = prepared(canvas, 54, stretch);
  pen.textAlign = "center";
  for (const { text, start, end, confidence } of marks) {
    if (end < stretch.from || start > stretch.to || !text.trim()) continue;
    const [left, right] = [Math.max(GUTTER, x(start)), x(end)];
    pen.fillStyle = colour("series-0");
    pen.globalAlpha = 0.1 + 0.5 * confidence ** 2;
    pen.fillRect(left, 4, Math.max(2, right - left), 22);
    pen.globalAlpha = 1;
    pen.fillStyle = colour("ink");
    pen.font = `600 14px ${getComputedStyle(document.getElementById("text")).fontFamily}`;
    if ((left + right) / 2 > GUTTER) pen.fillText(text, (left + right) / 2, 15);
  }
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const step = niceStep((stretch.to - stretch.from) / Math.max(2, (width - GUTTER) / 70));
  pen.strokeStyle = colour("rule");
  pen.fillStyle = colour("muted");
  for (let time = Math.ceil(stretch.from / step) * step; time <= stretch.to + 1e-9; time += step) {
    pen.fillRect(x(time), 31, 1, 5);
    const label = Number(time.toFixed(3));
    pen.textAlign = x(time) > width - 14 ? "right" : "center";
    pen.fillText(`${label}`, x(time), height - 9);
  }
  named(pen, "text", 15);
  named(pen, "seconds", height - 9);
}

/** 1, 2 or 5 times a power of ten, no less than asked for. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].find((one) => one * power >= least) * power;
}

const LANES = [drawWaveform, drawSpectrogram, drawHeard, drawProbabilities, drawText];
