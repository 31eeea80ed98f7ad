"use strict";
/* One window for all figures of a page. What the page holds is scaled at once, in the
   browser; the server's drawing of the same window takes its place when it comes. */
(() => {
  const SETTLED_MS = 120;
  const LEAST = 4;
  let view = [0, 1];
  let waiting = 0;
  let asking = null;
  const plots = () => document.getElementById("plots");
  const zooms = () => plots() && !document.getElementById("now");
  const held = () => {
    const source = document.getElementById("hover-data");
    const size = source ? JSON.parse(source.textContent).ls.length : 0;
    const offset = Number(plots().dataset.offset);
    return { size, offset, total: Number(plots().dataset.total) || offset + size };
  };

  /* Scale what is here to a part of it; 0 to 1 is all of it. */
  const scale = () => {
    const [a, b] = view;
    const box = plots();
    box.classList.add("scaled");
    box.dataset.view = a + " " + b;
    for (const drawing of box.querySelectorAll(".area svg")) {
      drawing.setAttribute("viewBox", `${1000 * a} 0 ${1000 * (b - a)} ${drawing.viewBox.baseVal.height}`);
    }
    for (const image of box.querySelectorAll("#heat img")) {
      image.style.transform = `translateX(${-100 * a / (b - a)}%) scaleX(${1 / (b - a)})`;
    }
    for (const label of box.querySelectorAll(".x .area span, .named")) {
      label.dataset.at ??= parseFloat(label.style.left);
      const at = (label.dataset.at / 100 - a) / (b - a);
      label.style.left = 100 * at + "%";
      label.hidden = at < 0 || at > 1;
    }
    document.dispatchEvent(new Event("omskit:scaled"));
  };

  /* Keep a window within what there is, and no narrower than a few lumisections. */
  const within = (a, b) => {
    const { size, offset, total } = held();
    const [low, high] = [-offset / size, (total - offset) / size];
    const width = Math.min(Math.max(b - a, LEAST / size), high - low);
    const left = Math.min(Math.max(a, low), high - width);
    return [left, left + width];
  };

  /* The address of the window, and the server's drawing of it. */
  const settle = () => {
    waiting = 0;
    const { size, offset, total } = held();
    const first = Math.max(0, offset + Math.round(view[0] * size));
    const last = Math.min(total - 1, offset + Math.round(view[1] * size) - 1);
    const whole = first <= 0 && last >= total - 1;
    asking?.abort();
    asking = new AbortController();
    const part = whole ? { from: null, to: null, at: null } : { from: first, to: last, at: null };
    omskit.go(omskit.changed(part), { signal: asking.signal });
  };
  const move = (a, b) => {
    /* An answer to the window before would end this one. */
    asking?.abort();
    view = within(a, b);
    scale();
    clearTimeout(waiting);
    waiting = setTimeout(settle, SETTLED_MS);
  };
  const around = (at, factor) => {
    const width = (view[1] - view[0]) * factor;
    const centre = view[0] + at * (view[1] - view[0]);
    move(centre - at * width, centre + (1 - at) * width);
  };
  const shift = (part) => move(view[0] + part * (view[1] - view[0]), view[1] + part * (view[1] - view[0]));

  /* Drag over any figure: all of them show the same lumisections. */
  let from = null;
  let mark = null;
  const part = (area, x) => {
    const box = area.getBoundingClientRect();
    return Math.max(0, Math.min(1, (x - box.left) / box.width));
  };
  addEventListener("pointerdown", (event) => {
    const area = event.target.closest && event.target.closest("#plots .area");
    if (!area || event.button || !zooms()) return;
    const nth = [...document.querySelectorAll("#plots .area")].indexOf(area);
    from = { area, nth, at: part(area, event.clientX) };
    mark = document.createElement("div");
    mark.className = "selection";
    area.append(mark);
  });
  addEventListener("pointermove", (event) => {
    if (!from) return;
    const ends = [from.at, part(from.area, event.clientX)].sort((a, b) => a - b);
    mark.style.left = 100 * ends[0] + "%";
    mark.style.width = 100 * (ends[1] - ends[0]) + "%";
  });
  const dropped = () => {
    mark?.remove();
    from = mark = null;
  };
  addEventListener("pointercancel", dropped);
  /* The server's drawing of the same window may come amid a drag: it goes on there. */
  document.addEventListener("omskit:shown", () => {
    view = [0, 1];
    if (!from) return;
    from.area = document.querySelectorAll("#plots .area")[from.nth];
    if (from.area) from.area.append(mark);
    else dropped();
  });
  addEventListener("pointerup", (event) => {
    if (!from) return;
    const { area, at } = from;
    const ends = [at, part(area, event.clientX)].sort((a, b) => a - b);
    dropped();
    const [a, b] = ends.map((end) => view[0] + end * (view[1] - view[0]));
    if (ends[1] - ends[0] > 0.01) {
      const { size } = held();
      view = within(Math.floor(a * size) / size, Math.ceil(b * size) / size);
      scale();
      clearTimeout(waiting);
      settle();
    } else if (area.id === "heat") choose(area, event.clientY);
    else if (document.querySelector(".choices")) {
      const { size, offset } = held();
      omskit.go(omskit.changed({ at: offset + Math.min(size - 1, Math.floor(a * size)) }));
    }
  });
  const rowAt = (area, y) => {
    const box = area.getBoundingClientRect();
    const names = JSON.parse(document.getElementById("heat-names").textContent);
    return names[Math.floor(((y - box.top) / box.height) * names.length)];
  };
  const choose = (area, y) => {
    const name = rowAt(area, y);
    if (name !== undefined) omskit.go(omskit.changed({ lines: name }));
  };
  /* The row under the pointer is told, and told again by a page that was exchanged. */
  let pointer = null;
  const told = (target) => {
    const area = target?.closest && target.closest("#heat");
    if (area) document.getElementById("row").textContent = rowAt(area, pointer.y) ?? "";
  };
  addEventListener("pointermove", (event) => {
    pointer = { x: event.clientX, y: event.clientY };
    told(event.target);
  });
  document.addEventListener("omskit:shown", () => {
    if (pointer) told(document.elementFromPoint(pointer.x, pointer.y));
  });

  /* The wheel with Ctrl zooms (as pinching does), with Shift or sideways it pans. */
  addEventListener("wheel", (event) => {
    const area = event.target.closest && event.target.closest("#plots .area");
    const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const along = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    const zoom = event.ctrlKey || event.metaKey;
    if (!area || !zooms() || !(zoom || event.shiftKey || across)) return;
    event.preventDefault();
    if (zoom) around(part(area, event.clientX), Math.exp(event.deltaY / 400));
    else shift(along / 800);
  }, { passive: false });
  addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || !zooms()) return;
    const all = document.getElementById("reset");
    if (event.key === "0" && all) omskit.go(all.href);
    else if (event.key === "+") around(0.5, 0.5);
    else if (event.key === "-") around(0.5, 2);
    else if (event.shiftKey && event.key === "ArrowLeft") shift(-0.2);
    else if (event.shiftKey && event.key === "ArrowRight") shift(0.2);
  });
})();
