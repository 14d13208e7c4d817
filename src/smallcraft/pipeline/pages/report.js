// Shows a point's tooltip at once, beside the pointer; without this the browser's own tooltip does it.
// Paper has nothing to click on, so what is folded away is opened before printing.
(() => {
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  const box = document.createElement("div");
  box.className = "tooltip";
  box.hidden = true;
  document.body.append(box);
  const place = (event) => {
    const left = Math.min(event.pageX + 14, window.scrollX + innerWidth - box.offsetWidth - 8);
    box.style.left = Math.max(8, left) + "px";
    box.style.top = event.pageY + 14 + "px";
  };
  for (const title of document.querySelectorAll("svg.chart title")) {
    const point = title.parentNode;
    const lines = title.textContent.split(" \u00b7 ");
    title.remove();
    point.classList.add("hovered");
    point.addEventListener("pointerenter", (event) => {
      box.replaceChildren(...lines.map((line) => {
        const row = document.createElement("div");
        row.textContent = line;
        return row;
      }));
      box.hidden = false;
      place(event);
    });
    point.addEventListener("pointermove", place);
    point.addEventListener("pointerleave", () => { box.hidden = true; });
  }
})();
