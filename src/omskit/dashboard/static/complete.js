"use strict";
/* Completion of the form Ask: the fields of the resource, as they are typed. */
(() => {
  const known = new Map();
  let list = null;
  let found = [];
  let at = -1;
  const fields = (name) => {
    if (!known.has(name)) {
      const address = "/ask/fields.json?resource=" + encodeURIComponent(name);
      known.set(name, fetch(address).then((answer) => answer.ok ? answer.json() : []).catch(() => []));
    }
    return known.get(name);
  };
  const close = () => {
    list?.remove();
    for (const input of document.querySelectorAll(".complete")) {
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    [list, found, at] = [null, [], -1];
  };
  /* The name that is being typed: after the last comma, or at the start of a line. */
  const typed = (input) => {
    const before = input.value.slice(0, input.selectionStart);
    const pattern = input.tagName === "TEXTAREA" ? /(?:^|\n)[ \t]*(\w*)$/ : /(?:^|,)\s*-?(\w*)$/;
    const told = pattern.exec(before);
    return told ? { word: told[1], from: before.length - told[1].length, to: before.length } : null;
  };
  const take = (input, name) => {
    const { from, to } = typed(input);
    input.setRangeText(name, from, to, "end");
    close();
    input.focus();
  };
  const mark = (input, next) => {
    at = (next + found.length) % found.length;
    [...list.children].forEach((row, n) => row.setAttribute("aria-selected", n === at));
    list.children[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", list.children[at].id);
  };
  const open = async (input) => {
    const now = typed(input);
    const all = now ? await fields(document.querySelector("input[name=resource]").value.trim()) : [];
    close();
    if (!now || document.activeElement !== input) return;
    const word = now.word.toLowerCase();
    const within = (row) => row[0].toLowerCase().includes(word) && row[0] !== now.word;
    const begins = (row) => row[0].toLowerCase().startsWith(word);
    found = all.filter(within).sort((a, b) => begins(b) - begins(a)).slice(0, 12);
    if (input.tagName === "TEXTAREA") found = found.filter((row) => row[3]);
    if (!found.length) return;
    list = document.createElement("ul");
    list.id = "names";
    list.className = "names";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Fields");
    found.forEach(([name, kind, unit], n) => {
      const row = document.createElement("li");
      row.id = "name-" + n;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", "false");
      const small = document.createElement("small");
      small.textContent = unit ? `${kind}, ${unit}` : kind;
      row.append(name, " ", small);
      row.addEventListener("pointerdown", (event) => { event.preventDefault(); take(input, name); });
      list.append(row);
    });
    input.parentElement.append(list);
    input.setAttribute("aria-expanded", "true");
    input.setAttribute("aria-controls", "names");
  };
  const field = (event) => event.target.closest && event.target.closest(".complete");
  addEventListener("input", (event) => { if (field(event)) open(event.target); });
  addEventListener("focusin", (event) => { if (field(event)) open(event.target); });
  addEventListener("focusout", (event) => { if (field(event)) close(); });
  addEventListener("keydown", (event) => {
    if (!field(event) || !list) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) mark(event.target, at + step);
    else if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) take(event.target, found[at][0]);
    else return;
    if (event.key !== "Escape") event.preventDefault();
  });
  addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest(".field");
    if (!button) return;
    const input = document.getElementById("fields");
    const names = input.value.split(",").map((n) => n.trim()).filter(Boolean);
    const name = button.dataset.field;
    input.value = (names.includes(name) ? names.filter((n) => n !== name) : [...names, name]).join(",");
  });
})();
