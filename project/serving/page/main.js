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
let queue = Promise.resolve(); // of what is recognized as a whole
let pending = 0; // how much of it is not done
let isFollowing = false; // from when it is asked for, until it is stopped

/** Everything that is begun here ends here: what goes wrong is told in one line, and the page goes on. */
async function attempt(what, work) {
  try {
    return await work();
  } catch (error) {
    complain(what, error.message);
    return null;
  }
}

function complain(what, why) {
  byId("problems").append(element("li", `${what}: ${why}`));
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
  enable();
  say("Ready.");
  document.body.dataset.ready = "";
}

/** What may be begun now: nothing beside what is heard live, and no live sound beside what is recognized as a whole. */
function enable() {
  for (const id of WAYS) byId(id).disabled = isFollowing || (pending > 0 && ["listen", "key"].includes(id));
}

/** Do what recognizes something as a whole, behind all that was asked for before. */
async function inTurn(work) {
  pending++;
  enable();
  queue = queue.then(work);
  await queue;
  pending--;
  enable();
  if (!pending) say("Ready.");
}

/** Recognize files, one after the other. */
function take(files) {
  if (!pending) byId("problems").replaceChildren();
  return inTurn(async () => {
    const isSound = ({ name, type }) => files.length === 1 || SUFFIXES.test(name) || type.startsWith("audio/");
    const others = files.filter((file) => !isSound(file)).map(({ name }) => name);
    if (others.length) complain(others.join(", "), "no sound, by the name: give it by itself if it is");
    for (const file of files.filter(isSound)) {
      await attempt(file.name, async () => {
        say(`Reading ${file.name} …`);
        const { wave, rate } = await readSound(file, about.limits);
        await recognize(file.name, wave, rate, file);
      });
    }
  });
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
  const found = await recognizer.call("recognize", { wave, rate }, [wave.buffer], progress);
  const result = { ...found, name, blob };
  results.push(result);
  if (byId("player").paused) show(result);
  else list(); // who listens to another one goes on
}

/** What was recognized so far, a line a recording. */
function list() {
  byId("results").hidden = results.length < 2;
  const lines = byId("list").children; // they stay, and with them who has reached one by keys
  for (const result of results.slice(lines.length)) {
    const button = element("button", "", { type: "button", onclick: () => show(result) });
    button.append(element("b", result.name), element("span", textOf(result.marks, separator) || "nothing"));
    byId("list").append(element("li", ""));
    lines[lines.length - 1].append(button);
  }
  results.forEach((result, n) => lines[n].firstChild.setAttribute("aria-pressed", result === current));
}

function element(tag, text, attributes = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...attributes });
}

/** Show one recording: its text, its pictures, and where each word is. */
function show(result) {
  current = result;
  byId("result").hidden = false;
  byId("name").textContent = result.name;
  byId("text").replaceChildren();
  write(byId("text"), result.marks);
  if (!result.marks.length) byId("text").append(nothing());
  const sure = confidenceOf(result.marks), times = result.seconds / Math.max(1e-6, result.spent);
  byId("figures").textContent =
    `${result.seconds.toFixed(1)} s, recognized in ${result.spent.toFixed(2)} s: ${times.toFixed(0)} times real time` +
    (sure === null ? "" : `; confidence ${(100 * sure).toFixed(0)} %`);
  playable(result.blob);
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

/** Give the player another sound. */
function playable(blob) {
  URL.revokeObjectURL(byId("player").src);
  byId("player").src = URL.createObjectURL(blob);
}

/** Add text in which what is doubtful looks so. */
function write(place, marks, className = "") {
  for (const mark of marks) {
    const one = element("span", mark.text + separator, { className });
    one.style.setProperty("--sure", mark.confidence.toFixed(3));
    one.title = `${shownName(mark.text)}: ${(100 * mark.confidence).toFixed(0)} %, ${mark.start.toFixed(2)} s`;
    place.append(one);
  }
}

const nothing = () => element("i", "Nothing was recognized.");

/** Text that is heard live: what is settled is written once, so that it is read aloud once; the rest is only seen. */
function writeLive(marks, guess) {
  write(byId("settled"), marks.slice(byId("settled").children.length));
  byId("guess").replaceChildren();
  write(byId("guess"), guess, "guess");
  if (!marks.length && !guess.length) byId("guess").append(nothing());
}

/** Hear what comes until it is stopped, writing along; then recognize all of it as one recording. */
async function follow(kind, open) {
  isFollowing = true;
  enable();
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
      writeLive(marks, guess);
      if (near) liveLanes.show({ ...near, ...scales, seconds: near.sound.length / scales.rate });
    });
    isBusy = false;
  };
  const early = []; // comes before it is known at which rate
  let isOpen = false;
  const opened = await attempt(kind, async () => {
    const one = await open((wave) => (isOpen ? append(wave) : early.push(wave)));
    await recognizer.call("begin", { rate: one.rate });
    return one;
  });
  isFollowing = Boolean(opened);
  if (!opened) return enable();
  opened.finish = async () => {
    isOver = true;
    const wave = joined(pieces), { rate } = opened, name = `${kind} ${new Date().toLocaleTimeString()}`;
    source = null;
    isFollowing = false;
    follows(null);
    await inTurn(() => wave.length && attempt(kind, () => recognize(name, wave, rate, wavFile(wave, rate))));
    if (document.activeElement === document.body) byId(kind === "key" ? "key" : "listen").focus(); // where it began
  };
  source = opened;
  isOpen = true;
  for (const piece of early) append(piece);
  follows(kind);
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
  enable();
  byId("pad").hidden = kind !== "key";
  for (const id of ["settled", "guess"]) byId(id).replaceChildren();
  say(kind === "key" ? "Hold the space bar, or the pad, for dots and dashes; Escape ends." : kind ? "Listening; Escape ends." : "");
  if (kind) byId(kind === "key" ? "pad" : "stop").focus();
}

function wire() {
  byId("choose").onclick = () => byId("files").click();
  byId("files").onchange = ({ target }) => {
    take([...target.files]);
    target.value = ""; // the same ones may be chosen again
  };
  byId("example").onclick = () => take([exampleFile()]);
  byId("listen").onclick = () => follow("microphone", (give) => Microphone.open(give));
  byId("key").onclick = () => follow("key", (give) => new Key(rate, give));
  byId("stop").onclick = stop;
  const drop = byId("drop");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && recognizer && !isFollowing) take([...event.dataTransfer.files]);
    });
  }
  const pressed = (isDown) => (event) => {
    const isKey = event.type.startsWith("key");
    if (!(source instanceof Key) || (isKey && event.code !== "Space") || event.button > 0) return;
    event.preventDefault();
    if (!event.repeat) source.press(isDown, event.timeStamp / 1000);
  };
  addEventListener("keydown", pressed(true));
  addEventListener("keyup", pressed(false));
  byId("pad").addEventListener("pointerdown", pressed(true));
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, pressed(false));
  addEventListener("blur", () => source instanceof Key && source.press(false)); // where it comes up is not told
  addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  const player = byId("player");
  const tick = () => {
    if (current) lanes.follow(player.currentTime);
    if (!player.paused) requestAnimationFrame(tick);
  };
  for (const kind of ["play", "seeked", "pause"]) player.addEventListener(kind, tick);
  player.addEventListener("error", () => {
    if (!current || current.isRewritten) return;
    current.isRewritten = true; // a file that the browser cannot play: as the model hears it
    playable((current.blob = wavFile(current.sound, rate)));
  });
  byId("lanes").onclick = (event) => (player.currentTime = lanes.secondOf(event));
  byId("lanes").onkeydown = ({ key }) =>
    ({ "+": () => lanes.zoom(0.5), "-": () => lanes.zoom(2), ArrowLeft: () => lanes.move(-0.25), ArrowRight: () => lanes.move(0.25) })[key]?.();
  byId("closer").onclick = () => lanes.zoom(0.5);
  byId("wider").onclick = () => lanes.zoom(2);
  byId("earlier").onclick = () => lanes.move(-0.5);
  byId("later").onclick = () => lanes.move(0.5);
  byId("save").onclick = () => keep("transcripts.jsonl", results.map((one) => `${jsonLine(one, separator)}\n`).join(""));
  byId("copy").onclick = () =>
    attempt("copy", async () => {
      getSelection().selectAllChildren(byId("text"));
      if (!navigator.clipboard) return say("It is selected: copy it by Ctrl and C."); // neither this machine nor HTTPS
      await navigator.clipboard.writeText(textOf(current.marks, separator));
      say("Copied.");
    });
}

function keep(name, text) {
  const link = element("a", "", { download: name, href: URL.createObjectURL(new Blob([text])) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

wire();
begin();
