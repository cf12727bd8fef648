// The page itself: what a person does with it, and what it answers.

const about = JSON.parse(document.getElementById("about").textContent);
const byId = (id) => document.getElementById(id);
const results = [];
const { separator, symbols } = about.graph.alphabet;
const shownName = (text) => (text === " " ? "space" : text);
const names = ["blank", ...symbols.map(shownName)];
const WAYS = ["choose", "example", "listen", "key"];
const { sample_rate: rate, inputs_per_output: step } = about.graph;
const scales = { rate, second: step / rate, names }; // of all that is drawn
let recognizer, source, current, lanes, liveLanes;

/** Everything that is begun here ends here: what goes wrong is told in one line, and the page goes on. */
async function attempt(what, work) {
  try {
    return await work();
  } catch (error) {
    const line = byId("problems").appendChild(document.createElement("li"));
    line.textContent = `${what}: ${error.message}`;
    return null;
  }
}

function say(text) {
  byId("status").textContent = text;
}

async function begin() {
  lanes = new Lanes(byId("lanes"), byId("cursor"), (text) => (byId("under").textContent = text));
  liveLanes = new Lanes(byId("near"), byId("now"), () => {});
  say("Unpacking the recognizer …");
  recognizer = await attempt("the recognizer", () => Recognizer.open(about.graph));
  if (!recognizer) return say("This page cannot recognize anything here.");
  for (const id of WAYS) byId(id).disabled = false;
  say("Ready.");
  document.body.dataset.ready = "";
}

/** Recognize files, one after the other. */
async function take(files) {
  byId("problems").replaceChildren();
  for (const file of files) {
    if (files.length > 1 && !SUFFIXES.test(file.name) && !file.type.startsWith("audio/")) continue; // of a folder
    await attempt(file.name, async () => {
      say(`Reading ${file.name} …`);
      const { wave, rate } = await readSound(file, about.limits);
      await recognize(file.name, wave, rate, file);
    });
  }
  say("Ready.");
}

/** One of the recordings that the page holds, the next one each time. */
function exampleFile() {
  const { name, data } = about.examples[0];
  about.examples.push(about.examples.shift());
  return new File([bytesOf(data)], name);
}

/** Recognize samples, and show what was found. */
async function recognize(name, wave, rate, blob) {
  const progress = (share) => say(`Recognizing ${name}: ${Math.round(100 * share)} %`);
  const found = await recognizer.call("recognize", { wave, rate }, [], progress);
  const result = { ...found, name, blob };
  results.push(result);
  list();
  show(result);
}

/** What was recognized so far, a line a recording. */
function list() {
  byId("results").hidden = results.length < 2;
  byId("list").replaceChildren(
    ...results.map((result) => {
      const line = document.createElement("li"), button = line.appendChild(document.createElement("button"));
      button.type = "button";
      button.append(element("b", result.name), element("span", textOf(result.marks, separator) || "nothing"));
      button.setAttribute("aria-pressed", result === current);
      button.onclick = () => show(result);
      return line;
    }),
  );
}

function element(tag, text, attributes = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...attributes });
}

/** Show one recording: its text, its pictures, and where each word is. */
function show(result) {
  current = result;
  byId("result").hidden = false;
  byId("name").textContent = result.name;
  write(byId("text"), result.marks);
  const sure = confidenceOf(result.marks), times = result.seconds / Math.max(1e-6, result.spent);
  byId("figures").textContent =
    `${result.seconds.toFixed(1)} s, recognized in ${result.spent.toFixed(2)} s: ${times.toFixed(0)} times real time` +
    (sure === null ? "" : `; confidence ${(100 * sure).toFixed(0)} %`);
  URL.revokeObjectURL(byId("player").src);
  byId("player").src = URL.createObjectURL(result.blob);
  lanes.show({ ...result, ...scales });
  byId("words").replaceChildren(
    ...wordsOf(result.marks, separator).map((word) => {
      const row = document.createElement("tr");
      const cells = [word.text, word.start.toFixed(2), word.end.toFixed(2), `${(100 * word.confidence).toFixed(0)} %`];
      row.append(...cells.map((cell) => element("td", cell)));
      return row;
    }),
  );
  list();
}

/** Text in which what is doubtful looks so. */
function write(place, marks, guess = []) {
  const written = (mark, className) => {
    const one = element("span", mark.text + separator, { className });
    one.style.setProperty("--sure", mark.confidence.toFixed(3));
    one.title = `${shownName(mark.text)}: ${(100 * mark.confidence).toFixed(0)} %, ${mark.start.toFixed(2)} s`;
    return one;
  };
  place.replaceChildren(...marks.map((mark) => written(mark, "")), ...guess.map((mark) => written(mark, "guess")));
  if (!marks.length && !guess.length) place.append(element("i", "Nothing was recognized."));
}

/** Hear what comes until it is stopped, writing along; then recognize all of it as one recording. */
async function follow(kind, open) {
  byId("problems").replaceChildren();
  const pieces = [], waiting = [];
  let isBusy = false, isOver = false;
  const append = async (wave) => {
    if (isOver) return;
    pieces.push(wave);
    waiting.push(wave);
    if (pieces.reduce((sum, piece) => sum + piece.length, 0) > 60 * about.limits.minutes * source.rate) return stop();
    if (isBusy) return;
    isBusy = true;
    await attempt(kind, async () => {
      const { marks, guess, near } = await recognizer.call("append", { wave: joined(waiting.splice(0)) });
      if (isOver) return;
      write(byId("live"), marks, guess);
      if (near) liveLanes.show({ ...near, ...scales, seconds: near.sound.length / scales.rate });
    });
    isBusy = false;
  };
  const early = []; // comes before it is known at which rate
  let isOpen = false;
  source = await attempt(kind, () => open((wave) => (isOpen ? append(wave) : early.push(wave))));
  if (!source) return;
  await recognizer.call("begin", { rate: source.rate });
  isOpen = true;
  for (const piece of early) append(piece);
  follows(kind);
  source.finish = async () => {
    isOver = true;
    const wave = joined(pieces), { rate } = source, name = `${kind} ${new Date().toLocaleTimeString()}`;
    source = null;
    follows(null);
    if (wave.length) await attempt(kind, () => recognize(name, wave, rate, wavFile(wave, rate)));
    say("Ready.");
  };
}

async function stop() {
  if (!source || source.isStopping) return;
  source.isStopping = true;
  await source.close();
  await source.finish();
}

/** Put the buttons and the live text into the state of hearing, or out of it. */
function follows(kind) {
  byId("following").hidden = !kind;
  for (const id of WAYS) byId(id).disabled = Boolean(kind);
  byId("pad").hidden = kind !== "key";
  byId("live").replaceChildren();
  say(kind === "key" ? "Hold the space bar, or the pad, for dots and dashes; Escape ends." : kind ? "Listening; Escape ends." : "");
  if (kind) byId(kind === "key" ? "pad" : "stop").focus();
}

function wire() {
  byId("choose").onclick = () => byId("files").click();
  byId("files").onchange = ({ target }) => take([...target.files]).then(() => (target.value = ""));
  byId("example").onclick = () => take([exampleFile()]);
  byId("listen").onclick = () => follow("microphone", (give) => Microphone.open(give));
  byId("key").onclick = () => follow("key", (give) => new Key(rate, give));
  byId("stop").onclick = stop;
  const drop = byId("drop");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && recognizer && !source) take([...event.dataTransfer.files]);
    });
  }
  const pressed = (isDown) => (event) => {
    const isKey = event.type.startsWith("key");
    if (!(source instanceof Key) || (isKey && event.code !== "Space")) return;
    event.preventDefault();
    if (!event.repeat) source.press(isDown, event.timeStamp / 1000);
  };
  addEventListener("keydown", pressed(true));
  addEventListener("keyup", pressed(false));
  byId("pad").addEventListener("pointerdown", pressed(true));
  addEventListener("pointerup", pressed(false));
  addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  const player = byId("player");
  const tick = () => {
    if (current) lanes.follow(player.currentTime);
    if (!player.paused) requestAnimationFrame(tick);
  };
  for (const kind of ["play", "seeked", "pause"]) player.addEventListener(kind, tick);
  byId("lanes").onclick = (event) => (player.currentTime = lanes.secondOf(event));
  byId("lanes").onkeydown = ({ key }) =>
    ({ "+": () => lanes.zoom(0.5), "-": () => lanes.zoom(2), ArrowLeft: () => lanes.move(-0.25), ArrowRight: () => lanes.move(0.25) })[key]?.();
  byId("closer").onclick = () => lanes.zoom(0.5);
  byId("wider").onclick = () => lanes.zoom(2);
  byId("earlier").onclick = () => lanes.move(-0.5);
  byId("later").onclick = () => lanes.move(0.5);
  byId("save").onclick = () => keep("transcripts.jsonl", results.map((one) => `${jsonLine(one, separator)}\n`).join(""));
  byId("copy").onclick = () => navigator.clipboard.writeText(textOf(current.marks, separator)).then(() => say("Copied."));
}

function keep(name, text) {
  const link = element("a", "", { download: name, href: URL.createObjectURL(new Blob([text])) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

wire();
begin();
