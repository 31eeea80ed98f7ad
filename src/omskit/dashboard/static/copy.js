"use strict";
/* What is copied for the logbook: numbers, sentence, link and receipt, and a picture. */
(() => {
  const said = (button, text) => {
    button.dataset.says ??= button.textContent;
    button.dataset.said = text;
    button.textContent = text;
    setTimeout(() => { button.textContent = button.dataset.says; }, 1500);
  };
  /* A table as Markdown; what would end a cell or a line is escaped. */
  const markdown = (table) => {
    const cells = (row) => [...row.cells].map((c) => c.textContent.trim().replace(/\s+/g, " ").replace(/[\\|`*_<>[\]]/g, "\\$&"));
    const [head, ...rows] = [...table.rows].map(cells);
    const line = (row) => "| " + row.join(" | ") + " |";
    return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
  };
  const words = (button) => {
    if (button.dataset.from) return document.getElementById(button.dataset.from).textContent;
    const told = button.dataset.copy + " " + location.href;
    const table = button.dataset.table && button.closest("section").querySelector("table");
    return table ? told + "\n\n" + markdown(table) : told;
  };
  const plainly = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  const escaped = (text) => {
    const made = document.createElement("p");
    made.textContent = text;
    return made.outerHTML;
  };
  addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest(".copy");
    if (!button) return;
    const text = words(button);
    const panel = button.closest(".panel");
    try {
      if (!panel) await navigator.clipboard.writeText(text);
      else {
        const picture = await url(await png(panel));
        const rich = escaped(text) + `<img src="${picture}" alt="">`;
        const as = (kind, what) => [kind, new Blob([what], { type: kind })];
        await navigator.clipboard.write([new ClipboardItem(Object.fromEntries([as("text/plain", text), as("text/html", rich)]))]);
      }
      said(button, "Copied");
    } catch {
      said(button, plainly(text) ? "Copied" : "Not copied");
    }
  });

  /* A figure as a PNG: title, labels, curve, the page's sentence and link. */
  const SVG = "http://www.w3.org/2000/svg";
  const TALL = 150;
  const drawing = (panel, image) => {
    const part = (parent, name, values, text) => {
      const made = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
      if (text) made.textContent = text;
      parent.append(made);
      return made;
    };
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const whole = document.createElementNS(SVG, "svg");
    const tall = image ? 400 : TALL;
    const high = tall + 116;
    for (const [key, value] of [["xmlns", SVG], ["viewBox", `0 0 1000 ${high}`], ["width", 1000], ["height", high]]) whole.setAttribute(key, value);
    part(whole, "rect", { width: 1000, height: high, fill: colour("--paper") });
    const words = { fill: colour("--ink"), "font-family": "sans-serif", "font-size": 15 };
    part(whole, "text", { x: 10, y: 22, ...words }, panel.querySelector("figcaption, .figcaption").innerText);
    for (const label of panel.querySelectorAll(".y span")) {
      const y = 40 + (tall / 100) * (label.style.top ? parseFloat(label.style.top) : 100);
      part(whole, "text", { x: 92, y: y + 4, "text-anchor": "end", ...words, "font-size": 12 }, label.textContent);
    }
    const inner = part(whole, "svg", { x: 100, y: 40, width: 890, height: tall, viewBox: "0 0 1000 100", preserveAspectRatio: "none" });
    if (image) part(inner, "image", { href: image, width: 1000, height: 100, preserveAspectRatio: "none", style: "image-rendering:pixelated" });
    for (const label of panel.querySelectorAll(".named")) {
      part(whole, "text", { x: 104 + 8.9 * parseFloat(label.style.left), y: 36 + tall, ...words, "font-size": 11 }, label.textContent);
    }
    for (const path of panel.querySelectorAll("svg path")) {
      const seen = getComputedStyle(path);
      part(inner, "path", { d: path.getAttribute("d"), fill: seen.fill, stroke: seen.stroke, "stroke-width": seen.strokeWidth, "vector-effect": "non-scaling-stroke" });
    }
    const range = document.querySelector(".range span");
    part(whole, "text", { x: 100, y: tall + 58, ...words, "font-size": 12 }, range ? range.textContent : "");
    const simulated = document.querySelector(".simulated");
    part(whole, "text", { x: 10, y: tall + 76, ...words, "font-size": 12 }, document.getElementById("sentence").textContent);
    part(whole, "text", { x: 10, y: tall + 93, ...words, "font-size": 12 }, (simulated ? simulated.textContent + " " : "") + location.href);
    const receipt = panel.querySelector(".copy").dataset.receipt;
    part(whole, "text", { x: 10, y: tall + 109, ...words, "font-size": 11 }, receipt ? "Receipt " + receipt : "");
    return [new XMLSerializer().serializeToString(whole), high];
  };
  const url = (blob) => new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(blob);
  });
  const png = async (panel) => {
    const seen = panel.querySelector(".area img");
    const inside = seen ? await url(await (await fetch(seen.src)).blob()) : null;
    const [text, high] = drawing(panel, inside);
    const image = new Image();
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2000, 2 * high];
    canvas.getContext("2d").drawImage(image, 0, 0, 2000, 2 * high);
    return new Promise((done, fail) => {
      canvas.toBlob((blob) => blob ? done(blob) : fail(new Error("no picture")), "image/png");
    });
  };
  addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest(".picture");
    if (!button) return;
    try {
      const blob = await png(button.closest(".panel"));
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      said(button, "Copied");
    } catch {
      said(button, "Not copied");
    }
  });
})();
