// Reads the page again when the server says that what it shows has changed, and puts in only the parts that differ.
// Without this script the numbers are the same, as of the load.
"use strict";
(() => {
  const standing = document.getElementById("standing");
  const changedAt = document.getElementById("changed-at");
  const say = (text) => { if (standing && standing.textContent !== text) standing.textContent = text; };
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
  const POLL_MS = 2000;

  // What a person is filling in is not taken from under their hands.
  const isBusy = (part) => part.contains(document.activeElement)
    && document.activeElement.matches("input, select, textarea, [data-keys] *");

  const focusables = (part) => [...part.querySelectorAll(FOCUSABLE)];
  const keep = (part) => ({
    open: [...part.querySelectorAll("details[open]")].map((one) => one.id).filter(Boolean),
    focus: part.contains(document.activeElement) ? document.activeElement.id : null,
    place: focusables(part).indexOf(document.activeElement),
    scrolls: [...part.querySelectorAll(".scroll")].map((one) => one.scrollLeft),
  });
  const giveBack = (part, kept) => {
    for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
    [...part.querySelectorAll(".scroll")].forEach((one, place) => { one.scrollLeft = kept.scrolls[place] ?? 0; });
    const next = (kept.focus && document.getElementById(kept.focus)) || focusables(part)[kept.place];
    next?.focus({ preventScroll: true });
  };

  const partsOf = (page) => [...page.querySelectorAll("[data-part]")];
  const namesOf = (page) => partsOf(page).map((one) => one.dataset.part).join();
  const replace = (part, other) => {
    if (!other || isBusy(part)) return;
    const kept = keep(part);
    part.replaceWith(other);
    giveBack(other, kept);
  };
  // As the server wrote them: what a person opened or the script changed since is no difference.
  let written = new Map(partsOf(document).map((part) => [part.dataset.part, part.outerHTML]));

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (namesOf(fresh) === namesOf(document)) {
      for (const part of partsOf(document)) {
        const other = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
        if (other.outerHTML === written.get(part.dataset.part) || isBusy(part)) continue;
        written.set(part.dataset.part, other.outerHTML);
        replace(part, other);
      }
    } else if (!isBusy(document.body)) {
      written = new Map(partsOf(fresh).map((part) => [part.dataset.part, part.outerHTML]));
      replace(document.getElementById("main"), fresh.getElementById("main"));
    }
    document.body.dataset.changes = fresh.body.dataset.changes || "";
    document.dispatchEvent(new CustomEvent("page-refreshed"));
    if (changedAt) changedAt.textContent = `changed at ${new Date().toLocaleTimeString()}`;
  };

  let running = Promise.resolve();
  const refreshNext = () => { running = running.then(refresh).then(() => say("live"), lost); };
  const lost = () => say("no longer live: waiting for the server");

  // One stream a page that is looked at: a browser keeps few connections to one server.
  let stream = null;
  const follow = () => {
    let wasOpen = false;
    stream = new EventSource(document.body.dataset.changes);
    stream.addEventListener("open", () => { wasOpen = true; say("live"); });
    stream.addEventListener("changed", refreshNext);
    stream.addEventListener("error", () => {
      lost();
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        if (!wasOpen) poll(); else setTimeout(start, POLL_MS);
      }
    });
  };

  let polling = false;
  const poll = async () => {
    if (polling) return;
    polling = true;
    while (!document.hidden && document.body.dataset.changes) {
      try {
        const answer = await fetch(`${document.body.dataset.changes}&poll=1`, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        const told = await answer.json();
        if (told.changed) await refresh();
        say("live");
      } catch { lost(); }
      await new Promise((done) => { setTimeout(done, POLL_MS); });
    }
    polling = false;
  };

  const start = () => {
    if (document.hidden || stream || !document.body.dataset.changes) return;
    if ("polls" in document.body.dataset || !window.EventSource) poll(); else follow();
  };
  const stop = () => { stream?.close(); stream = null; };
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else start(); });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", start);
  start();
})();
