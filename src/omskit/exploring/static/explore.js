/* Panels of a window of lumisections. The model sends what a screen can show; a zoom asks
   it for the window, and what is here is scaled meanwhile. */
const SVG = "http://www.w3.org/2000/svg";
const STATES = { "1": "on", "0": "off", "-1": "unknown", "-2": "absent" };

const make = (parent, name, values = {}, text = "") => {
  const made = name.startsWith("svg:") ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
};
const short = (value) => Number.isNaN(value) ? "no value" : String(Number(value.toPrecision(6)));

/* The background that shows through says whether the notebook is dark. */
const isDark = (el) => {
  for (let at = el.parentElement; at; at = at.parentElement) {
    const found = /rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/.exec(getComputedStyle(at).backgroundColor);
    if (found && found[4] !== "0") return 0.3 * found[1] + 0.59 * found[2] + 0.11 * found[3] < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
};

const steps = (low, high, y) => {
  const size = low.length;
  let path = "";
  let last = null;
  for (let n = 0; n < size; n++) {
    if (Number.isNaN(low[n])) {
      if (last !== null) path += `H${(1000 * n / size).toFixed(2)}`;
      last = null;
      continue;
    }
    const x = (1000 * n / size).toFixed(2);
    const [top, bottom] = [y(high[n]).toFixed(2), y(low[n]).toFixed(2)];
    if (last === null) path += `M${x} ${top}`;
    else if (last !== top) path += `H${x}V${top}`;
    if (bottom !== top) path += `V${bottom}V${top}`;
    last = top;
  }
  return last === null ? path : path + "H1000";
};

const stretches = (states) => {
  const found = [];
  states.forEach((state, n) => {
    const before = found.at(-1);
    if (before && before[0] === state) before[2] = n + 1;
    else found.push([state, n, n + 1]);
  });
  return found;
};

const numbers = (text, kind) => new kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

const place = (head, slot) => {
  const start = head.starts.findLast((s) => s[0] <= slot) ?? [0, 0, 0];
  return [start[1], start[2] + slot - start[0]];
};

function render({ model, el }) {
  const box = make(el, "div", { class: "omskit-explore", tabindex: 0, role: "group", "aria-label": "Panels by lumisection; arrow keys go from one to the next, 0 shows all" });
  let head, low, high, states, cursor, told;
  let slot = -1;

  const themed = () => {
    const theme = model.get("theme");
    box.classList.toggle("dark", theme === "dark" || (theme === "auto" && isDark(el)));
  };

  const draw = () => {
    head = model.get("window");
    const { pixels } = head;
    const values = numbers(head.values, Float32Array);
    const all = numbers(head.states, Int8Array);
    low = head.curves.map((_, n) => values.subarray(2 * n * pixels, (2 * n + 1) * pixels));
    high = head.curves.map((_, n) => values.subarray((2 * n + 1) * pixels, (2 * n + 2) * pixels));
    states = head.flags.map((_, n) => all.subarray(n * pixels, (n + 1) * pixels));
    box.replaceChildren();
    if (model.get("note")) make(box, "p", { class: "note" }, model.get("note"));
    const [a, b] = [place(head, head.first), place(head, head.last)];
    const size = head.last - head.first + 1;
    make(box, "p", { class: "range" }, `${size} lumisections, ${a[0]}:${a[1]} to ${b[0]}:${b[1]}. ` + (size < head.total ? "Double-click or press 0 for all." : "Drag to zoom in."));
    head.curves.forEach((curve, n) => {
      const title = make(box, "div", { class: "title" }, curve.name + (curve.unit ? ` [${curve.unit}]` : ""));
      make(title, "small", {}, curve.span);
      const row = make(box, "div", { class: "row tall" });
      const axis = make(row, "div", { class: "y" });
      const area = make(row, "div", { class: "area" });
      const svg = make(area, "svg:svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": `${curve.name}: ${curve.span}` });
      if (!curve.marks.length) return;
      const [from, to] = [curve.marks[0][0], curve.marks.at(-1)[0]];
      const y = (value) => 96 - 92 * (value - from) / (to - from);
      for (const [value, text] of curve.marks) {
        make(axis, "span", { style: `top:${y(value)}%` }, text);
        make(svg, "svg:path", { class: "grid", d: `M0 ${y(value)}H1000` });
      }
      for (const [start] of head.starts) {
        const x = 1000 * (start - head.first) / size;
        if (x > 0 && x < 1000) make(svg, "svg:path", { class: "bound", d: `M${x} 0V100` });
      }
      make(svg, "svg:path", { class: "line", d: steps(low[n], high[n], y) });
    });
    head.flags.forEach((name, n) => {
      const row = make(box, "div", { class: "row thin" });
      make(row, "div", { class: "y", title: name }, name);
      const area = make(row, "div", { class: "area" });
      const found = stretches(states[n]);
      const words = found.every(([state]) => state === 1) ? "on" : "not always on";
      const svg = make(area, "svg:svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img", "aria-label": `${name}: ${words}` });
      for (const [state, begin, end] of found) {
        const [y, height] = state === -1 ? [3, 4] : [0, 10];
        make(svg, "svg:rect", { class: STATES[state], x: 1000 * begin / pixels, width: 1000 * (end - begin) / pixels, y, height });
      }
    });
    if (head.on.length) make(box, "p", { class: "range" }, "On throughout: " + head.on.join(", "));
    cursor = make(box, "div", { class: "cursor", hidden: "" });
    told = make(box, "p", { class: "hover", "aria-live": "polite" });
    if (slot >= 0) say(slot);
  };

  const area = () => box.querySelector(".area");
  const say = (next) => {
    const size = head.last - head.first + 1;
    slot = Math.max(head.first, Math.min(head.last, next));
    const part = (slot - head.first + 0.5) / size;
    const pixel = Math.min(head.pixels - 1, Math.floor(part * head.pixels));
    const [inner, outer] = [area().getBoundingClientRect(), box.getBoundingClientRect()];
    const below = [...box.querySelectorAll(".area")].at(-1).getBoundingClientRect();
    cursor.style.left = inner.left - outer.left + part * inner.width + "px";
    cursor.style.top = inner.top - outer.top + "px";
    cursor.style.height = below.bottom - inner.top + "px";
    cursor.hidden = false;
    const [run, number] = place(head, slot);
    const words = head.curves.map((curve, n) => {
      const [a, b] = [short(low[n][pixel]), short(high[n][pixel])];
      return `${curve.name} ${a === b ? a : `${a} to ${b}`}${curve.unit && a !== "no value" ? " " + curve.unit : ""}`;
    });
    const off = head.flags.flatMap((name, n) => states[n][pixel] === 1 ? [] : [`${name} ${STATES[states[n][pixel]]}`]);
    const flags = !head.flags.length && !head.on.length ? "" : off.length ? "; " + off.join(", ") : "; every flag on";
    const near = size > head.pixels ? " and its neighbours" : "";
    told.textContent = `Run ${run}, lumisection ${number}${near}: ${words.join("; ")}${flags}`;
  };

  const look = (first, last) => {
    model.set("view", [Math.max(0, first), Math.min(head.total - 1, last)]);
    model.save_changes();
  };
  const slotAt = (x) => {
    const inner = area().getBoundingClientRect();
    const part = Math.max(0, Math.min(1, (x - inner.left) / inner.width));
    return [part, head.first + part * (head.last - head.first + 1)];
  };
  const scaled = (a, b) => {
    const size = head.last - head.first + 1;
    const [from, to] = [(a - head.first) / size, (b - head.first) / size];
    for (const svg of box.querySelectorAll("svg")) svg.setAttribute("viewBox", `${1000 * from} 0 ${1000 * (to - from)} ${svg.viewBox.baseVal.height}`);
  };

  let from = null;
  let mark = null;
  box.addEventListener("pointerdown", (event) => {
    const place = event.target.closest(".area");
    if (!place || event.button) return;
    from = slotAt(event.clientX);
    mark = make(place, "div", { class: "mark" });
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener("pointermove", (event) => {
    if (!area()) return;
    const at = slotAt(event.clientX);
    say(Math.floor(at[1]));
    if (!from) return;
    mark.style.left = 100 * Math.min(from[0], at[0]) + "%";
    mark.style.width = 100 * Math.abs(at[0] - from[0]) + "%";
  });
  const done = () => { mark?.remove(); from = mark = null; };
  box.addEventListener("pointercancel", done);
  box.addEventListener("pointerup", (event) => {
    if (!from) return;
    const [a, b] = [from, slotAt(event.clientX)].sort((x, y) => x[0] - y[0]);
    done();
    if (b[0] - a[0] < 0.01) return;
    const [first, last] = [Math.floor(a[1]), Math.min(head.last, Math.floor(b[1]))];
    scaled(first, last + 1);
    look(first, last);
  });
  box.addEventListener("dblclick", () => look(0, head.total - 1));
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (event.key === "0") look(0, head.total - 1);
    else if (step !== undefined && area()) say(slot + step);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const sized = new ResizeObserver(() => {
    const width = Math.round(area()?.getBoundingClientRect().width ?? 0);
    themed();
    if (!width || Math.abs(width - model.get("width")) < 20) return;
    model.set("width", width);
    model.save_changes();
  });
  themed();
  draw();
  sized.observe(box);
  model.on("change:window", draw);
  model.on("change:theme", themed);
  return () => { sized.disconnect(); model.off("change:window", draw); model.off("change:theme", themed); };
}

export default { render };
