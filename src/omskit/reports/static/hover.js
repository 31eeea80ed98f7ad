"use strict";
/* Says the numbers of the lumisection under the pointer, or chosen with arrow keys. */
(() => {
/* The lumisection that was told last: a page that is exchanged tells it again. */
let last = null;
const begin = () => {
  const box = document.getElementById("plots");
  const told = document.getElementById("hover");
  const source = document.getElementById("hover-data");
  if (!box || !told || !source) return;
  const data = JSON.parse(source.textContent);
  const size = data.ls.length;
  const area = box.querySelector(".area");
  if (!size || !area) return;
  const cursor = document.createElement("div");
  cursor.className = "cursor";
  cursor.hidden = true;
  box.append(cursor);
  let slot = -1;
  /* The part that is seen, where another script has scaled the figures. */
  const seen = () => (box.dataset.view || "0 1").split(" ").map(Number);
  const show = (next) => {
    slot = Math.max(0, Math.min(size - 1, next));
    const inner = area.getBoundingClientRect();
    const outer = box.getBoundingClientRect();
    const [a, b] = seen();
    const at = ((slot + 0.5) / size - a) / (b - a);
    cursor.style.left = inner.left - outer.left + at * inner.width + "px";
    cursor.hidden = at < 0 || at > 1;
    last = [data.run[slot], data.ls[slot]];
    const parts = ["Run " + data.run[slot] + ", lumisection " + data.ls[slot] + ":"];
    for (const curve of data.curves) {
      const value = curve.values[slot];
      const called = (curve.called || []).find((c) => c[0] <= slot && slot <= c[1]);
      const text = value === null ? "no value" : called ? called[2] : value + (curve.unit ? " " + curve.unit : "");
      parts.push(curve.name + " " + text + ";");
    }
    const off = data.off.filter((o) => o[2] <= slot && slot <= o[3]).map((o) => o[0] + " " + o[1]);
    parts.push(off.length ? off.join(", ") : "every flag on");
    told.textContent = parts.join(" ");
  };
  box.addEventListener("pointermove", (event) => {
    const inner = area.getBoundingClientRect();
    const part = (event.clientX - inner.left) / inner.width;
    const [a, b] = seen();
    if (part >= 0 && part <= 1) show(Math.floor((a + part * (b - a)) * size));
  });
  box.tabIndex = 0;
  box.setAttribute("aria-label", "Figures by lumisection; arrow keys go from one to the next");
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (step === undefined || event.shiftKey) return;
    event.preventDefault();
    show(slot + step);
  });
  const again = last ? data.ls.findIndex((ls, n) => ls === last[1] && data.run[n] === last[0]) : -1;
  if (again >= 0) show(again);
};
begin();
document.addEventListener("omskit:shown", begin);
})();
