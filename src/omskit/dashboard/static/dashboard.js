"use strict";
/* Copies, dropped files, and the page Now that looks again. Every page can be read
   without it; what it does is in the address. */
(() => {
  const main = () => document.getElementById("main");
  const shown = () => document.dispatchEvent(new Event("omskit:shown"));

  const take = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.getElementById("main");
    if (!next) return false;
    const focus = document.activeElement?.id;
    main().replaceWith(document.adoptNode(next));
    document.title = fresh.title;
    shown();
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    return true;
  };

  /* Another view of the page: its address at once, what it shows as soon as it comes. */
  const go = async (address, { keep = false, signal } = {}) => {
    if (!keep) history.pushState(null, "", address);
    try {
      const answer = await fetch(address, { headers: { accept: "text/html" }, signal });
      const text = await answer.text();
      if (location.href !== new URL(address, location.href).href) return;
      if (!take(text)) throw new Error("no page");
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };
  addEventListener("popstate", () => go(location.href, { keep: true }));

  const changed = (values) => {
    const address = new URL(location.href);
    for (const [name, value] of Object.entries(values)) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    return address.href;
  };

  window.omskit = { go, changed };

  /* Copies. */
  addEventListener("click", async (event) => {
    const field = event.target.closest && event.target.closest(".field");
    if (field) {
      const input = document.getElementById("fields");
      const names = input.value.split(",").map((n) => n.trim()).filter(Boolean);
      const name = field.dataset.field;
      input.value = (names.includes(name) ? names.filter((n) => n !== name) : [...names, name]).join(",");
      return;
    }
    const button = event.target.closest && event.target.closest(".copy");
    if (!button) return;
    const source = button.dataset.from;
    const text = source ? document.getElementById(source).textContent : button.dataset.copy + " " + location.href;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      button.textContent = document.execCommand("copy") ? "Copied" : "Not copied";
      area.remove();
    }
    setTimeout(() => { button.textContent = before; }, 1500);
  });

  /* A figure as a PNG: title, labels, curve, the page's sentence and link. */
  const SVG = "http://www.w3.org/2000/svg";
  const drawing = (panel) => {
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
    whole.setAttribute("xmlns", SVG);
    whole.setAttribute("viewBox", "0 0 1000 250");
    whole.setAttribute("width", 1000);
    whole.setAttribute("height", 250);
    part(whole, "rect", { width: 1000, height: 250, fill: colour("--paper") });
    const words = { fill: colour("--ink"), "font-family": "sans-serif", "font-size": 15 };
    part(whole, "text", { x: 10, y: 22, ...words }, panel.querySelector("figcaption").innerText);
    for (const label of panel.querySelectorAll(".y span")) {
      const y = 40 + 1.5 * parseFloat(label.style.top);
      part(whole, "text", { x: 92, y: y + 4, "text-anchor": "end", ...words, "font-size": 12 }, label.textContent);
    }
    const inner = part(whole, "svg", { x: 100, y: 40, width: 890, height: 150, viewBox: "0 0 1000 100", preserveAspectRatio: "none" });
    for (const path of panel.querySelectorAll("svg path")) {
      const seen = getComputedStyle(path);
      part(inner, "path", { d: path.getAttribute("d"), fill: seen.fill, stroke: seen.stroke, "stroke-width": seen.strokeWidth, "vector-effect": "non-scaling-stroke" });
    }
    const range = document.querySelector(".range span");
    part(whole, "text", { x: 100, y: 208, ...words, "font-size": 12 }, range ? range.textContent : "");
    const simulated = document.querySelector(".simulated");
    part(whole, "text", { x: 10, y: 226, ...words, "font-size": 12 }, document.getElementById("sentence").textContent);
    part(whole, "text", { x: 10, y: 243, ...words, "font-size": 12 }, (simulated ? simulated.textContent + " " : "") + location.href);
    return new XMLSerializer().serializeToString(whole);
  };
  const png = (text) => new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [2000, 500];
      canvas.getContext("2d").drawImage(image, 0, 0, 2000, 500);
      canvas.toBlob((blob) => blob ? done(blob) : fail(new Error("no picture")), "image/png");
    };
    image.onerror = () => fail(new Error("no picture"));
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
  });
  addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest(".picture");
    if (!button) return;
    try {
      const blob = await png(drawing(button.closest(".panel")));
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = "Picture"; }, 1500);
  });

  /* Dropped files. */
  const send = async (slot, file) => {
    const told = document.getElementById("problem");
    const answer = await fetch("/masks/file?name=" + encodeURIComponent(file.name), {
      method: "POST", headers: { "x-omskit": "1" }, body: await file.arrayBuffer(),
    });
    const text = await answer.text();
    if (answer.ok) { go(changed({ [slot]: text })); return; }
    told.textContent = text;
    told.hidden = false;
  };
  addEventListener("change", (event) => {
    if (event.target.type === "file" && event.target.files.length) send(event.target.dataset.slot, event.target.files[0]);
  });
  const drop = (event) => event.target.closest && event.target.closest(".drop");
  addEventListener("dragover", (event) => {
    if (!drop(event)) return;
    event.preventDefault();
    drop(event).classList.add("over");
  });
  addEventListener("dragleave", (event) => { if (drop(event)) drop(event).classList.remove("over"); });
  addEventListener("drop", (event) => {
    if (!drop(event)) return;
    event.preventDefault();
    drop(event).classList.remove("over");
    if (event.dataTransfer.files.length) send(drop(event).dataset.slot, event.dataTransfer.files[0]);
  });

  /* Now: look again, and never let a dead page look alive. */
  const again = async () => {
    const now = document.getElementById("now");
    if (!now) return;
    const asked = new Date();
    try {
      const stop = new AbortController();
      const late = setTimeout(() => stop.abort(), 10000);
      const answer = await fetch(location.href, { signal: stop.signal });
      const text = await answer.text();
      clearTimeout(late);
      if (document.getElementById("now")) take(text);
    } catch {
      const banner = document.getElementById("outage");
      if (banner && banner.hidden) {
        banner.textContent = "The dashboard does not answer since " + asked.toISOString().slice(11, 19) + " UTC: what stands here is from then.";
        banner.hidden = false;
      }
    }
  };
  setInterval(again, 5000);
})();
