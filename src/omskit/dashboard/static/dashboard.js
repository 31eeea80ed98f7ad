"use strict";
/* Dropped files, and the page Now that looks again. Every page can be read
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
