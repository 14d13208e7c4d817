// Filters the table of rows and shows its beginning; without this every row stands there and can be read.
(() => {
  const bar = document.querySelector(".filters");
  if (!bar) return;
  const FIRST = 25;
  const rows = [...document.querySelectorAll("table.rows tbody tr")];
  const words = rows.map((row) => row.textContent.toLowerCase());
  const selects = [...bar.querySelectorAll("select")];
  const search = bar.querySelector("input");
  const reset = bar.querySelector("button");
  const more = document.querySelector(".more");
  const said = document.querySelector(".shown");
  const count = (number) => number.toLocaleString("en");
  let isWhole = false;
  const fits = (row, place) =>
    selects.every((select) => !select.value || (row.dataset[select.name] || "").split(" ").includes(select.value)) &&
    search.value.toLowerCase().split(/\s+/).every((word) => words[place].includes(word));
  const show = () => {
    const fitting = rows.filter(fits);
    const shown = new Set(isWhole ? fitting : fitting.slice(0, FIRST));
    for (const row of rows) row.hidden = !shown.has(row);
    const hidden = fitting.length - shown.size;
    more.hidden = hidden === 0;
    more.firstElementChild.textContent = `Show ${count(hidden)} more`;
    const beginning = hidden ? `, ${count(shown.size)} shown` : "";
    said.textContent = fitting.length === rows.length
      ? `${count(rows.length)} ${rows.length === 1 ? "row" : "rows"}${beginning}.`
      : `${count(fitting.length)} of ${count(rows.length)} rows ${fitting.length === 1 ? "fits" : "fit"}${beginning}.`;
    reset.disabled = selects.every((select) => !select.value) && !search.value;
  };
  const start = () => { isWhole = false; show(); };
  const clear = () => { for (const field of [...selects, search]) field.value = ""; start(); };
  for (const select of selects) select.addEventListener("change", start);
  search.addEventListener("input", start);
  reset.addEventListener("click", () => { clear(); search.focus(); });
  more.firstElementChild.addEventListener("click", () => {
    const next = rows.filter(fits)[FIRST];
    isWhole = true;
    show();
    const head = next.firstElementChild;
    head.tabIndex = -1;
    head.focus({ preventScroll: true });
  });
  for (const link of document.querySelectorAll("a[data-check]")) {
    link.addEventListener("click", () => {
      clear();
      const select = selects.find((found) => found.name === "check");
      if (select) select.value = link.dataset.check;
      start();
    });
  }
  addEventListener("beforeprint", () => { isWhole = true; show(); });
  bar.hidden = false;
  said.hidden = false;
  show();
})();
