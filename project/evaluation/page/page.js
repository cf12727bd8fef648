"use strict";
const byId = (id) => document.getElementById(id);
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const words = new Intl.Collator(undefined, { numeric: true });

function made(tag, text = "", kind = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

// The table of examples. A row is [example, hypothesis, errors, change, score], and of spans their overlap; an example is [id, group, length,
// reference, condition ...], and stands once for all runs.
const { conditions, unit, examples, runs } = JSON.parse(byId("data").textContent);
const GROUP = 1, REFERENCE = 3, CONDITION = 4, HYPOTHESIS = 1, ERRORS = 2, CHANGE = 3, SCORE = 4, OVERLAP = 5;
const MOST_ALIGNED = 250000; // cells of one alignment; longer texts stay without colours
const MOST_CHOICES = 400; // of a menu
const state = { run: 0, column: "errors", down: true, page: 0, size: 25 };
const texts = examples.map((one) => `${one[0]} ${one[GROUP]} ${one[REFERENCE]}`.toLowerCase());

const own = (index) => (row) => row[index];
const shared = (index) => (row) => examples[row[0]][index];
const COLUMNS = [
  { name: "id", value: shared(0) }, { name: "group", value: shared(GROUP) },
  { name: "length", value: shared(2), digits: 2, title: unit ? `in ${unit}` : "" },
  { name: "reference", value: shared(REFERENCE), text: true }, { name: "hypothesis", value: own(HYPOTHESIS), text: true },
  { name: "errors", value: own(ERRORS), digits: 0 },
  { name: "change", value: own(CHANGE), digits: 0, title: "errors more than the baseline" },
  { name: "overlap", value: own(OVERLAP), digits: 2, title: "frames in spans of both over frames in spans of either" },
  { name: "score", value: own(SCORE), digits: 2 },
];
const NUMBERS = new Set(conditions.filter((_, n) => examples.every((one) => typeof one[CONDITION + n] !== "string")));

function columnsOf(run) {
  const chosen = conditions.indexOf(byId("condition").value);
  const columns = COLUMNS.filter(({ name }) => name === "change" ? run.changes
    : name === "overlap" ? run.spans : name !== "group" || examples.some((one) => one[GROUP]));
  if (chosen >= 0) {
    const digits = NUMBERS.has(conditions[chosen]) ? 2 : undefined;
    columns.splice(-1, 0, { name: conditions[chosen], value: shared(CONDITION + chosen), digits });
  }
  return columns.map((column) => ({ ...column, kind: column.digits !== undefined ? "number" : column.text ? "text"
    : run.rows.every((row) => String(column.value(row) ?? "").length <= 24) ? "short" : "long" }));
}

function order(column) {
  return (left, right) => {
    const [a, b] = [column.value(left), column.value(right)];
    if (a === null || b === null) return (a === null) - (b === null);
    const sign = typeof a === "number" && typeof b === "number" ? a - b : words.compare(a, b);
    return state.down ? -sign : sign;
  };
}

function wanted() {
  const parts = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const group = byId("group").value, wrong = byId("wrong").checked, name = byId("condition").value;
  const place = CONDITION + conditions.indexOf(name), kind = byId("kind").value;
  const [least, most] = ["least", "most"].map((id) => byId(id).value === "" ? null : Number(byId(id).value));
  const fits = (value) => NUMBERS.has(name)
    ? (least === null && most === null) || (value !== null && (least === null || value >= least) && (most === null || value <= most))
    : !kind || value === kind;
  return (row) => (!wrong || row[ERRORS] > 0) && (!group || examples[row[0]][GROUP] === group)
    && (!name || fits(examples[row[0]][place]))
    && parts.every((part) => texts[row[0]].includes(part) || row[HYPOTHESIS].toLowerCase().includes(part));
}

// The fewest steps from one text to the other, backwards from the end, as [operation, symbols].
function steps(left, right) {
  const width = right.length + 1, cost = new Uint32Array((left.length + 1) * width);
  for (let y = 0; y <= left.length; y++) for (let x = 0; x < width; x++) {
    const here = y * width + x;
    if (!y || !x) cost[here] = x + y;
    else cost[here] = Math.min(cost[here - width - 1] + (left[y - 1] !== right[x - 1]), cost[here - width] + 1, cost[here - 1] + 1);
  }
  const found = [];
  for (let y = left.length, x = right.length; y || x;) {
    const here = y * width + x;
    if (y && x && cost[here] === cost[here - width - 1] + (left[y - 1] !== right[x - 1])) {
      found.push([left[y - 1] === right[x - 1] ? "" : "sub", right[x - 1]]); y--; x--;
    } else if (y && cost[here] === cost[here - width] + 1) { found.push(["gone", left[y - 1]]); y--; }
    else { found.push(["put", right[x - 1]]); x--; }
  }
  return found.reverse();
}

// What was recognized, its errors in colour; what was left out is struck through.
function coloured(row, byWord, isPlain) {
  const cut = (text) => byWord ? text.split(/\s+/).filter(Boolean) : Array.from(text);
  const cell = made("td", "", "text"), reference = examples[row[0]][REFERENCE];
  const [left, right] = [cut(reference), cut(row[HYPOTHESIS])];
  if (isPlain || reference === row[HYPOTHESIS] || left.length * right.length > MOST_ALIGNED) {
    cell.textContent = row[HYPOTHESIS];
    return cell;
  }
  for (const [kind, symbol] of steps(left, right)) {
    const part = made(kind === "gone" ? "del" : kind ? "mark" : "span", kind ? symbol.replace(/ /g, "\u2423") : symbol, kind);
    cell.append(part, ...(byWord ? [" "] : []));
  }
  return cell;
}

function shown(value, column) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return value;
  const text = (column.digits ? value.toFixed(column.digits) : exact.format(value)).replace("-", "\u2212");
  return (column.name === "change" && value > 0 ? "+" : "") + text;
}

function head(columns) {
  const line = made("tr");
  for (const column of columns) {
    const th = made("th", "", column.digits === undefined ? "" : "number"), button = made("button", column.name);
    const isSorted = state.column === column.name;
    button.type = "button";
    button.title = column.title || "";
    button.addEventListener("click", () => {
      restart({ down: isSorted ? !state.down : column.digits !== undefined, column: column.name });
      byId("table").querySelector("[aria-sort] button").focus(); // the head is new
    });
    th.scope = "col";
    if (isSorted) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    th.append(button);
    line.append(th);
  }
  return line;
}

function body(row, columns, run) {
  const line = made("tr");
  line.append(...columns.map((column) => column.name === "hypothesis" ? coloured(row, run.words, run.spans)
    : made("td", shown(column.value(row), column), column.kind)));
  return line;
}

function draw() {
  const run = runs[state.run], columns = columnsOf(run);
  const sorted = columns.find(({ name }) => name === state.column) || columns.find(({ name }) => name === "errors");
  state.column = sorted.name;
  const rows = run.rows.filter(wanted()).sort(order(sorted));
  const last = Math.max(0, Math.ceil(rows.length / state.size) - 1), from = state.page * state.size;
  byId("table").tHead.replaceChildren(head(columns));
  byId("table").tBodies[0].replaceChildren(...rows.slice(from, from + state.size).map((row) => body(row, columns, run)));
  const left = run.total - run.rows.length;
  byId("count").textContent = `${exact.format(rows.length)} of ${exact.format(run.total)} examples`
    + (left ? `; ${exact.format(left)} with the fewest errors only in predictions.csv` : "");
  byId("paging").hidden = run.rows.length <= 25;
  byId("page").textContent = `Page ${exact.format(state.page + 1)} of ${exact.format(last + 1)}`;
  byId("back").disabled = state.page === 0;
  byId("next").disabled = state.page >= last;
}

function restart(change = {}) {
  Object.assign(state, { page: 0 }, change);
  const used = ["search", "group", "condition", "least", "most"].some((id) => byId(id).value) || byId("wrong").checked;
  byId("clear").hidden = !used;
  draw();
}

function choices(id, values, any) {
  const distinct = [...new Set(values)].filter((value) => value !== "" && value !== null).sort(words.compare);
  byId(id).replaceChildren(...["", ...distinct].map((value) => {
    const option = made("option", value || any);
    option.value = value;
    return option;
  }));
  return distinct.length > 1 && distinct.length <= MOST_CHOICES;
}

function condition() {
  const name = byId("condition").value, place = CONDITION + conditions.indexOf(name), isNumber = NUMBERS.has(name);
  byId("kinds").hidden = !name || isNumber;
  byId("bounds").hidden = !name || !isNumber;
  for (const id of ["least", "most"]) byId(id).value = "";
  choices("kind", name && !isNumber ? examples.map((one) => one[place]) : [], "anything");
  restart();
}

for (const id of ["search", "least", "most"]) byId(id).addEventListener("input", () => restart());
for (const id of ["group", "kind", "wrong"]) byId(id).addEventListener("change", () => restart());
byId("run").addEventListener("change", (event) => restart({ run: Number(event.target.value), column: "errors", down: true }));
byId("size").addEventListener("change", (event) => restart({ size: Number(event.target.value) }));
byId("condition").addEventListener("change", condition);
byId("back").addEventListener("click", () => { state.page--; draw(); });
byId("next").addEventListener("click", () => { state.page++; draw(); });
byId("clear").addEventListener("click", () => {
  for (const id of ["search", "group", "condition"]) byId(id).value = "";
  byId("wrong").checked = false;
  condition();
  byId("search").focus();
});
byId("grouped").hidden = !choices("group", examples.map((one) => one[GROUP]), "all");
byId("conditioned").hidden = !conditions.length;
byId("condition").replaceChildren(made("option", ""), ...conditions.map((name) => made("option", name)));
byId("condition").options[0].textContent = "any";
byId("condition").options[0].value = "";
draw();

// What plays, of which there is one at a time.
let playing = null;

function alone(next) {
  if (playing && playing !== next) playing.pause();
  playing = next;
}

// Recordings: a picture to look at, which is also where one seeks.
const clips = JSON.parse(byId("clips").textContent);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function player(place) {
  const clip = clips[Number(place.dataset.clip)], name = place.dataset.name;
  const sound = document.createElement("audio"), button = made("button"), strip = made("div", "", "strip");
  const picture = made("div", "", "spectrum"), slider = made("input"), time = made("span", "", "clock");
  const cut = clip.whole_seconds - clip.seconds > 0.1 ? `, the first of ${clock(clip.whole_seconds)}` : "";
  sound.preload = "none";
  sound.src = clip.sound;
  button.type = "button";
  picture.style.setProperty("--picture", `url(${clip.picture})`);
  strip.title = `${Math.round(clip.low_hz)} to ${Math.round(clip.high_hz)} Hz over time`;
  Object.assign(slider, { type: "range", min: 0, max: clip.seconds, step: 0.01, value: 0 });
  slider.setAttribute("aria-label", `Position in ${name}`);
  const show = () => {
    slider.value = sound.currentTime;
    time.textContent = `${clock(sound.currentTime)} / ${clock(clip.seconds)}${cut}`;
    slider.setAttribute("aria-valuetext", time.textContent);
    button.setAttribute("aria-label", `${sound.paused ? "Play" : "Pause"} ${name}`);
    place.classList.toggle("playing", !sound.paused);
    if (!sound.paused) requestAnimationFrame(show);
  };
  for (const event of ["play", "pause", "ended", "seeked"]) sound.addEventListener(event, show);
  sound.addEventListener("error", () => { time.textContent = "this browser cannot play it"; });
  sound.addEventListener("play", () => alone(sound));
  button.addEventListener("click", () => sound.paused ? sound.play().catch(() => {}) : sound.pause());
  slider.addEventListener("input", () => { sound.currentTime = Number(slider.value); });
  strip.append(picture, slider);
  place.replaceChildren(button, strip, time, sound);
  show();
}

document.querySelectorAll("[data-clip]").forEach(player);

byId("theme").hidden = false;
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
