// The lanes of a recording, drawn over one stretch of time that can be moved and widened.

class Lanes {
  constructor(element, cursor, say) {
    this.canvases = LANES.map(() => element.appendChild(document.createElement("canvas")));
    this.canvases.forEach((canvas) => canvas.setAttribute("aria-hidden", "true"));
    this.element = element;
    this.cursor = cursor; // the line that shows where one listens
    this.say = say; // told what stands under the pointer
    this.shown = null;
    new ResizeObserver(() => this.width !== element.clientWidth && this.draw()).observe(element); // it changes heights itself
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    element.addEventListener("pointermove", (event) => this.point(event));
    element.addEventListener("pointerleave", () => say(""));
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  show(shown) {
    this.shown = shown;
    this.at = 0;
    this.stretch = { from: 0, to: Math.max(0.1, shown.seconds) };
    this.draw();
  }

  draw() {
    this.width = this.element.clientWidth;
    if (!this.shown || !this.width) return;
    LANES.forEach((draw, n) => draw(this.canvases[n], this.shown, this.stretch));
    this.follow(this.at ?? 0);
  }

  /** Widen or narrow what is shown around a second; all of it is the widest. */
  zoom(factor, around = (this.stretch.from + this.stretch.to) / 2) {
    const all = Math.max(0.1, this.shown.seconds), length = Math.min(all, Math.max(0.2, (this.stretch.to - this.stretch.from) * factor));
    const share = (around - this.stretch.from) / (this.stretch.to - this.stretch.from);
    this.place(around - share * length, length);
  }

  /** Move what is shown by a part of its length. */
  move(share) {
    const length = this.stretch.to - this.stretch.from;
    this.place(this.stretch.from + share * length, length);
  }

  place(from, length) {
    const start = Math.min(Math.max(0, from), Math.max(0, Math.max(0.1, this.shown.seconds) - length));
    this.stretch = { from: start, to: start + length };
    this.draw();
  }

  wheel(event) {
    if (!this.shown || !(event.ctrlKey || event.shiftKey)) return; // the page scrolls
    event.preventDefault();
    if (event.ctrlKey) this.zoom(1.0015 ** event.deltaY, this.secondOf(event));
    else this.move((event.deltaX || event.deltaY) / this.element.clientWidth);
  }

  /** The time under a pointer. */
  secondOf(event) {
    const box = this.element.getBoundingClientRect(), inside = box.width - GUTTER;
    const share = Math.min(1, Math.max(0, (event.clientX - box.left - GUTTER) / inside));
    return this.stretch.from + share * (this.stretch.to - this.stretch.from);
  }

  /** Say what the model says at the time under the pointer. */
  point(event) {
    if (!this.shown) return;
    const { emissions, names, second } = this.shown, time = this.secondOf(event);
    const frame = Math.min(emissions.frames - 1, Math.floor(time / second));
    const row = Array.from(emissions.values.subarray(frame * emissions.symbols, (frame + 1) * emissions.symbols), Math.exp);
    const best = [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 3).filter((n) => row[n] > 0.005);
    this.say(`${time.toFixed(2)} s: ${best.map((n) => `${names[n]} ${(100 * row[n]).toFixed(0)} %`).join(", ")}`);
  }

  /** Put the line where one listens. */
  follow(time) {
    this.at = time;
    const share = (time - this.stretch.from) / (this.stretch.to - this.stretch.from);
    this.cursor.hidden = share < 0 || share > 1;
    this.cursor.style.left = `${GUTTER + share * (this.element.clientWidth - GUTTER)}px`;
  }
}
