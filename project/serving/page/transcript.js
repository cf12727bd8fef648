// What was recognized in a recording, as people and programs read it: as project/transcript/transcript.py makes it.

const PAUSE_SECONDS = 2; // ends a word even where the alphabet has no space

function textOf(marks, separator) {
  return marks.map((mark) => mark.text).join(separator).trim();
}

/** The mean over the symbols; nothing where there is none. */
function confidenceOf(marks) {
  return marks.length ? marks.reduce((sum, mark) => sum + mark.confidence, 0) / marks.length : null;
}

/** Symbols between spaces and pauses; each symbol by itself where text separates them. */
function wordsOf(marks, separator) {
  const words = [[]];
  for (const mark of marks) {
    const last = words.at(-1), isSpace = !mark.text.trim();
    if (separator || isSpace || (last.length && mark.start - last.at(-1).end > PAUSE_SECONDS)) words.push([]);
    if (!isSpace) words.at(-1).push(mark);
  }
  return words.filter((word) => word.length).map((word) => ({
    text: textOf(word, ""), start: word[0].start, end: word.at(-1).end, confidence: confidenceOf(word),
  }));
}

/** One line, as `scansion transcribe output=json` writes it. */
function jsonLine({ name, seconds, marks }, separator) {
  const rounded = (value, digits) => (value === null ? null : Number(value.toFixed(digits)));
  const plain = (kind) => ({ text, start, end, confidence }) => ({
    [kind]: text, start: rounded(start, 3), end: rounded(end, 3), confidence: rounded(confidence, 4),
  });
  return JSON.stringify({
    file: name, seconds: rounded(seconds, 3), text: textOf(marks, separator),
    confidence: rounded(confidenceOf(marks), 4),
    words: wordsOf(marks, separator).map(plain("word")), symbols: marks.map(plain("symbol")),
  });
}
