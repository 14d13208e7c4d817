// Keys for the labelling page: an answer is one key, and is on the disk before the next row is shown.
// Without this script the same form is answered with Tab, arrow keys and Enter.
"use strict";
(() => {
  const NAME = "smallcraft-annotator";
  let began = performance.now();
  let isBusy = false;
  const byId = (id) => document.getElementById(id);
  const tell = (text, isWrong = false) => {
    const told = byId("told");
    if (!told) return;
    told.textContent = text;
    told.classList.toggle("trouble", isWrong);
  };

  const put = (text, address) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const asking = fresh.getElementById("asking");
    if (!asking || !byId("asking")) { location.assign(address); return; }
    byId("asking").replaceWith(asking);
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
      if (other && other.outerHTML !== part.outerHTML) part.replaceWith(other);
    }
    document.body.dataset.changes = fresh.body.dataset.changes;
    history.replaceState(null, "", address);
    ready();
  };

  const ask = async (address, settings, done) => {
    if (isBusy) return;
    isBusy = true;
    byId("asking").setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { credentials: "same-origin", ...settings });
      const text = await answer.text();
      if (answer.ok) { put(text, answer.url); tell(done); } else { tell(wordsOf(text, answer), true); }
    } catch {
      tell("the server does not answer: nothing was saved; try again", true);
    } finally {
      isBusy = false;
      byId("asking")?.removeAttribute("aria-busy");
    }
  };

  const wordsOf = (text, answer) => {
    if (!(answer.headers.get("content-type") || "").startsWith("text/html")) return text.trim();
    const page = new DOMParser().parseFromString(text, "text/html");
    return (page.querySelector("[role=alert]")?.textContent || "it was refused; load the page again").trim();
  };

  const send = () => {
    const form = byId("answer");
    const fields = new URLSearchParams(new FormData(form));
    if (!fields.get("label")) { tell("choose a label first", true); return; }
    fields.set("seconds", ((performance.now() - began) / 1000).toFixed(1));
    ask(form.action, { method: "POST", body: fields }, `saved: ${fields.get("label")}`);
  };

  const choose = (choice) => { choice.querySelector("input").checked = true; send(); };
  const follow = (id, done) => { const link = byId(id); if (link) ask(link.href, {}, done); };

  const sift = () => {
    const wanted = byId("search").value.trim().toLowerCase();
    for (const choice of document.querySelectorAll(".choice")) {
      choice.hidden = !choice.querySelector("span").textContent.toLowerCase().includes(wanted);
    }
  };

  const typed = (event) => {
    if (event.key === "Escape") { byId("search").value = ""; sift(); byId("reading").focus(); }
    if (event.key !== "Enter") return;
    event.preventDefault();
    const first = document.querySelector(".choice:not([hidden])");
    if (byId("search").value.trim() && first) choose(first);
  };

  document.addEventListener("keydown", (event) => {
    if (!byId("answer") || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.target.id === "search") { typed(event); return; }
    if (event.target.matches("input:not([type=radio]), textarea, select")) return;
    const isRadio = event.target.matches("input[type=radio]");
    const doing = {
      "/": byId("find").hidden ? undefined : () => byId("search").focus(),
      ArrowRight: isRadio ? undefined : () => follow("skip", "skipped; it comes again"),
      ArrowLeft: isRadio ? undefined : () => follow("back", "your last answer"),
      Backspace: () => follow("back", "your last answer"),
    }[event.key];
    const key = event.key.toLowerCase();
    const choice = /^[1-9a-z]$/.test(key) && document.querySelector(`.choice[data-key="${key}"]`);
    if (!doing && !choice) return;
    event.preventDefault();
    if (doing) doing(); else choose(choice);
  });

  const ready = () => {
    began = performance.now();
    const form = byId("answer");
    if (!form) return;
    form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
    for (const choice of form.querySelectorAll(".choice input")) {
      // A pointer answers at once; the arrow keys of a group of radio buttons only move.
      choice.addEventListener("click", (event) => { if (event.detail > 0) send(); });
    }
    for (const id of ["skip", "back"]) {
      byId(id)?.addEventListener("click", (event) => { event.preventDefault(); follow(id, ""); });
    }
    byId("find").hidden = !byId("find").dataset.many;
    byId("search").addEventListener("input", sift);
    byId("reading").focus({ preventScroll: true });
    const address = new URL(location.href);
    if (address.searchParams.get("item") !== byId("asking").dataset.item) {
      // The row stays this one when the page is read again.
      address.searchParams.set("item", byId("asking").dataset.item);
      history.replaceState(null, "", address);
    }
  };

  const names = document.querySelector("form[data-who]");
  if (names) {
    const name = names.elements.who;
    try { name.value ||= localStorage.getItem(NAME) || ""; } catch { /* a browser that keeps nothing */ }
    names.addEventListener("submit", () => {
      try { localStorage.setItem(NAME, name.value.trim()); } catch { /* the same */ }
    });
  }
  ready();
})();
