// From log-probabilities to symbols with their frames and confidences: as project/decode/greedy.py and beam.py do it.

const BLANK = 0;
const FAR = 16; // steps between scalings

/** The decoder that a model's metadata asks for. Of the space, if there is one, several in a row are one. */
function decoderOf(settings, { symbols }) {
  const [name] = settings.decode.split("@"), space = symbols.indexOf(" ") + 1 || null;
  if (name === "greedy") return (emissions) => greedy(emissions, space);
  if (name === "beam") return (emissions) => beamSearch(emissions, settings, space);
  throw new Error(`decode=${name}: this page has no such decoder`);
}

/** The likeliest symbol of each frame, repeats and blanks left out. */
function greedy({ values, symbols, frames }, space) {
  let found = [];
  let last = BLANK;
  for (let frame = 0; frame < frames; frame++) {
    const row = values.subarray(frame * symbols, (frame + 1) * symbols);
    let token = 0;
    for (let n = 1; n < symbols; n++) if (row[n] > row[token]) token = n;
    if (token !== BLANK) {
      if (token !== last) found.push({ token, start: frame, end: frame, sum: 0 });
      found.at(-1).end = frame + 1;
      found.at(-1).sum += Math.exp(row[token]);
    }
    last = token;
  }
  found = found.filter(({ token }, n) => token !== space || found[n - 1]?.token !== space);
  return found.map(({ token, start, end, sum }) => ({ token, start, end, confidence: Math.min(1, sum / (end - start)) }));
}

/** The likeliest text, counted with all its alignments; symbols stand where the likeliest alignments begin them. */
function beamSearch(emissions, { size, pruning, bonus }, space) {
  const gain = Math.exp(bonus);
  let beams = [{ node: new Prefix(null, BLANK), blank: 1, symbol: 0, history: null }];
  let gap = false, steps = 0;
  for (let frame = 0; frame < emissions.frames; frame++) {
    const kept = keptSymbols(emissions, frame, pruning);
    if (!kept) {
      gap = true;
      continue;
    }
    beams = grown(beams, kept, frame, { gap, gain, size, space });
    gap = false;
    if (++steps % FAR === 0) {
      const factor = 2 ** -Math.floor(Math.log2(beams[0].blank + beams[0].symbol));
      for (const beam of beams) [beam.blank, beam.symbol] = [beam.blank * factor, beam.symbol * factor];
    }
  }
  const best = beams.reduce((a, b) => (b.blank + b.symbol > a.blank + a.symbol ? b : a));
  const path = [];
  for (let one = best.history; one; one = one.before) path.push(one);
  return ended(path.reverse(), emissions);
}

/** What a text is so far; equal ones are the same object. */
class Prefix {
  constructor(before, token) {
    this.before = before;
    this.token = token;
    this.after = new Map();
  }

  grown(token) {
    if (!this.after.has(token)) this.after.set(token, new Prefix(this, token));
    return this.after.get(token);
  }
}

/** The probabilities of a frame that are not pruned, or nothing if it is blank alone. */
function keptSymbols({ values, symbols }, frame, pruning) {
  const row = values.subarray(frame * symbols, (frame + 1) * symbols);
  if (row[BLANK] >= Math.fround(Math.log(pruning.blank))) return null;
  let tokens = [], highest = 0;
  for (let n = 1; n < symbols; n++) highest = Math.max(highest, Math.exp(row[n]));
  const blankChance = Math.exp(row[BLANK]);
  let least = Math.min(pruning.symbol, Math.max(blankChance, highest));
  const blank = blankChance >= least ? blankChance : 0;
  for (let n = 1; n < symbols; n++) if (Math.exp(row[n]) >= least && row[n] > -Infinity) tokens.push(n);
  if (!tokens.length && blank) return null;
  if (pruning.symbols && tokens.length > pruning.symbols) {
    tokens = tokens.sort((a, b) => row[b] - row[a]).slice(0, pruning.symbols);
    least = Math.exp(row[tokens.at(-1)]);
  }
  const chance = (token) => {
    const value = Math.exp(row[token]);
    return value >= least ? value : 0;
  };
  return { tokens, blank, chance };
}

/** The beams after one more frame, best first. */
function grown(beams, { tokens, blank, chance }, frame, { gap, gain, size, space }) {
  const here = new Map(beams.map((beam) => [beam.node, beam]));
  const total = (beam) => beam.blank + beam.symbol;
  const ready = ({ node, ...beam }) => node.token === space ? 0 : gap ? total(beam) : beam.blank; // may grow by a repeat
  const candidates = beams.map((beam) => {
    const { node } = beam, again = node.before ? chance(node.token) : 0;
    const stays = total(beam) * blank, own = (node.token === space ? total(beam) : gap ? 0 : beam.symbol) * again;
    const parent = node.before && here.get(node.before);
    const from = parent ? (parent.node.token === node.token && parent.node.before ? ready(parent) : total(parent)) : 0;
    const inflow = from * again * gain;
    const isMoved = inflow > stays + own;
    const history = isMoved ? { token: node.token, start: frame, before: parent.history } : beam.history;
    return { node, blank: stays, symbol: own + inflow, history };
  });
  for (const beam of beams) {
    for (const token of tokens) {
      const repeats = beam.node.before && token === beam.node.token;
      const symbol = (repeats ? ready(beam) : total(beam)) * chance(token) * gain;
      if (!symbol || here.has(beam.node.after.get(token))) continue; // it has come to the beam that is this text
      candidates.push({ from: beam, token, blank: 0, symbol });
    }
  }
  candidates.sort((a, b) => total(b) - total(a));
  return candidates.slice(0, size).filter(total).map((one) => one.from ? {
    node: one.from.node.grown(one.token), blank: 0, symbol: one.symbol,
    history: { token: one.token, start: frame, before: one.from.history },
  } : one);
}

/** Symbols with their ends: each holds on until blank is likelier, or the next one begins. */
function ended(path, { values, symbols, frames }) {
  return path.map(({ token, start }, n) => {
    const next = path[n + 1];
    const limit = next ? next.start - (next.token === token ? 1 : 0) : frames;
    let end = start, sum = 0;
    do sum += Math.exp(values[end++ * symbols + token]);
    while (end < limit && values[end * symbols + token] > values[end * symbols + BLANK]);
    return { token, start, end, confidence: sum / (end - start) };
  });
}

/** Marks that come after others: without a space that would be the second in a row. */
function following(before, marks) {
  return before.at(-1)?.text === " " && marks[0]?.text === " " ? marks.slice(1) : marks;
}
