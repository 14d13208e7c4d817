// Reads the page again when the server says that what it shows has changed, and puts in only the parts that differ.
// Without this script the numbers are the same, as of the load.
"use strict";
(() => {
  const standing = document.getElementById("standing");
  const say = (text) => { if (standing) standing.textContent = text; };
  const isBusy = (part) => part.contains(document.activeElement)
    && document.activeElement.matches("input, select, textarea, button, [data-keys] *");

  const openOnes = (part) => [...part.querySelectorAll("details[open]")].map((one) => one.id).filter(Boolean);

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
      if (!other || isBusy(part) || other.outerHTML === part.outerHTML) continue;
      const open = openOnes(part);
      part.replaceWith(other);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    }
    const parts = (page) => [...page.querySelectorAll("[data-part]")].map((one) => one.dataset.part).join();
    if (parts(fresh) !== parts(document) && !isBusy(document.body)) {
      document.getElementById("main").replaceWith(fresh.getElementById("main"));
    }
    document.body.dataset.changes = fresh.body.dataset.changes;
    document.dispatchEvent(new CustomEvent("page-refreshed"));
    say(`live, changed at ${new Date().toLocaleTimeString()}`);
  };

  let running = Promise.resolve();
  const follow = () => {
    const stream = new EventSource(document.body.dataset.changes);
    stream.addEventListener("open", () => say("live"));
    stream.addEventListener("changed", () => {
      running = running.then(refresh).catch(() => say("the server does not answer; this is as of the last load"));
    });
    stream.addEventListener("error", () => say("no longer live: waiting for the server"));
    addEventListener("pagehide", () => stream.close());
  };
  if (document.body.dataset.changes) follow();
})();
