// Signing bodies: a figure that moves, above a strip of key poses, which is also where one seeks.
const { lines, bodies } = JSON.parse(byId("bodies").textContent);
const MISSING = -32768, SLOW = 0.5;
const svg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);

// Coordinates of all frames, one after the other: from steps folded to 0, -1, 1, -2 ..., low bytes before high ones.
async function unpacked(body) {
  const packed = Uint8Array.from(atob(body.points), (one) => one.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(plain).arrayBuffer()), size = bytes.length / 2;
  const values = new Int16Array(size);
  for (let n = 0; n < size; n++) {
    const step = bytes[n] | (bytes[size + n] << 8);
    values[n] = (n % body.frames ? values[n - 1] : 0) + ((step >>> 1) ^ -(step & 1));
  }
  return values;
}

// Lines at a moment between two frames, broken where a point is missing.
function path(chains, values, frames, at) {
  const before = Math.floor(at), after = Math.min(before + 1, frames - 1), nearest = Math.round(at);
  const coordinate = (row) => {
    const [from, to] = [values[row * frames + before], values[row * frames + after]];
    return from === MISSING || to === MISSING ? values[row * frames + nearest] : from + (to - from) * (at - before);
  };
  let text = "";
  for (const chain of chains) {
    let pen = "M";
    for (const point of chain) {
      const [x, y] = [coordinate(2 * point), coordinate(2 * point + 1)];
      if (x !== MISSING) text += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = x === MISSING ? "M" : "L";
    }
  }
  return text;
}

function stageOf(body, values, name) {
  const stage = svg("svg"), parts = Object.entries(lines).map(([part, chains]) => {
    const drawn = svg("path");
    drawn.setAttribute("class", part);
    stage.append(drawn);
    return [drawn, chains];
  });
  stage.setAttribute("class", "body stage");
  stage.setAttribute("viewBox", `0 0 ${body.width} ${body.height}`);
  stage.setAttribute("role", "img");
  stage.setAttribute("aria-label", `${name}, signing`);
  const draw = (seconds) => {
    const at = Math.min(seconds * body.frame_rate, body.frames - 1);
    for (const [drawn, chains] of parts) drawn.setAttribute("d", path(chains, values, body.frames, at));
  };
  return { stage, draw };
}

async function signer(place) {
  const body = bodies[Number(place.dataset.body)], name = place.dataset.name, seconds = body.frames / body.frame_rate;
  const { stage, draw } = stageOf(body, await unpacked(body), name);
  const button = made("button"), slow = made("button", "half speed", "slow"), strip = made("div", "", "strip");
  const slider = made("input"), time = made("span", "", "clock");
  const cut = body.whole_seconds - seconds > 0.1 ? `, the first of ${clock(body.whole_seconds)}` : "";
  const moving = { paused: true, seconds: 0, pause() { this.paused = true; show(); } };
  button.type = slow.type = "button";
  slow.setAttribute("aria-pressed", "false");
  Object.assign(slider, { type: "range", min: 0, max: seconds, step: 1 / body.frame_rate, value: 0 });
  slider.setAttribute("aria-label", `Position in ${name}`);

  function show() {
    draw(moving.seconds);
    slider.value = moving.seconds;
    time.textContent = `${clock(moving.seconds)} / ${clock(seconds)}${cut}`;
    slider.setAttribute("aria-valuetext", time.textContent);
    button.setAttribute("aria-label", `${moving.paused ? "Play" : "Pause"} ${name}`);
    place.classList.toggle("playing", !moving.paused);
  }
  function toggle() {
    if (!moving.paused) return moving.pause();
    let last = performance.now();
    moving.paused = false;
    if (moving.seconds >= seconds) moving.seconds = 0;
    alone(moving);
    const step = (now) => {
      if (moving.paused) return;
      const pace = slow.getAttribute("aria-pressed") === "true" ? SLOW : 1;
      moving.seconds = Math.min(seconds, moving.seconds + Math.max(0, now - last) / 1000 * pace);
      moving.paused = moving.seconds === seconds;
      last = now;
      show();
      requestAnimationFrame(step);
    };
    show();
    requestAnimationFrame(step);
  }
  for (const one of [button, stage]) one.addEventListener("click", toggle);
  slow.addEventListener("click", () => slow.setAttribute("aria-pressed", slow.getAttribute("aria-pressed") !== "true"));
  slider.addEventListener("input", () => { moving.seconds = Number(slider.value); show(); });
  slider.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    toggle();
  });
  strip.append(place.querySelector(".poses"), slider);
  place.replaceChildren(stage, button, strip, time, slow);
  show();
}

for (const place of document.querySelectorAll("[data-body]")) {
  signer(place).catch(() => place.append(made("p", "This browser cannot play it.", "silent")));
}
