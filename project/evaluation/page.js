"use strict";
const COLUMNS = [
  { name: "id" }, { name: "group" }, { name: "length", number: true, digits: 2 }, { name: "reference", text: true },
  { name: "hypothesis", text: true }, { name: "errors", number: true }, { name: "change", number: true, title: "errors more than the baseline" },
  { name: "score", number: true, digits: 2 },
];
const ERRORS = 5, CHANGE = 6, STEP = 25;
const byId = (id) => document.getElementById(id);
const runs = JSON.parse(byId("data").textContent);
const state = { run: 0, column: ERRORS, down: true, shown: STEP };
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

function columnsOf(run) {
  return COLUMNS.map((column, index) => ({ ...column, index })).filter(({ index }) =>
    index === CHANGE ? run.changes : index !== 1 || run.rows.some((row) => row[1])).map((column) =>
    ({ ...column, kind: run.rows.every((row) => String(row[column.index]).length <= 24) ? "short" : "long" }));
}

function order(left, right) {
  const [a, b] = [left[state.column], right[state.column]];
  if (a === null || b === null) return (a === null) - (b === null);
  const sign = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
  return state.down ? -sign : sign;
}

function chosen(run) {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => {
    const text = `${row[0]} ${row[1]} ${row[3]} ${row[4]}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return run.rows.filter(fits).sort(order);
}

function cell(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function shown(value, column) {
  if (value === null) return "";
  if (!column.number) return value;
  const text = (column.digits ? value.toFixed(column.digits) : exact.format(value)).replace("-", "\u2212");
  return (column.index === CHANGE && value > 0 ? "+" : "") + text;
}

function head(columns) {
  const line = document.createElement("tr");
  for (const column of columns) {
    const th = cell("th", "", column.number ? "number" : "");
    const button = cell("button", column.name);
    button.type = "button";
    button.title = column.title || "";
    button.addEventListener("click", () => {
      state.down = state.column === column.index ? !state.down : Boolean(column.number);
      state.column = column.index;
      draw();
    });
    th.scope = "col";
    if (state.column === column.index) th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
    th.append(button);
    line.append(th);
  }
  return line;
}

function draw() {
  const run = runs[state.run];
  const columns = columnsOf(run);
  const rows = chosen(run);
  byId("table").tHead.replaceChildren(head(columns));
  byId("table").tBodies[0].replaceChildren(...rows.slice(0, state.shown).map((row) => {
    const line = document.createElement("tr");
    line.append(...columns.map((column) =>
      cell("td", shown(row[column.index], column), column.number ? "number" : column.text ? "text" : column.kind)));
    return line;
  }));
  const left = run.total - run.rows.length;
  byId("count").textContent = `${exact.format(rows.length)} of ${exact.format(run.total)} examples`
    + (left ? `; ${exact.format(left)} with the fewest errors only in predictions.csv` : "");
  byId("more").hidden = rows.length <= state.shown;
}

function restart(change) {
  Object.assign(state, { shown: STEP }, change);
  draw();
}

byId("run").addEventListener("change", (event) => restart({ run: Number(event.target.value), column: ERRORS, down: true }));
byId("search").addEventListener("input", () => restart({}));
byId("more").addEventListener("click", () => restart({ shown: state.shown + 8 * STEP }));
byId("theme").hidden = false;
byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
draw();
