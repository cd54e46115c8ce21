"use strict";
// The numbers of a chart where the pointer is: a row of the table below it.
(() => {
  let shown = null;
  const clear = () => {
    if (!shown) return;
    shown.line.remove(); shown.tip.remove();
    shown = null;
  };
  const made = (name, canvas) => { const it = document.createElement("div"); it.className = name; it.setAttribute("aria-hidden", "true"); canvas.append(it); return it; };
  const entry = (tip, name, value) => {
    const line = document.createElement("span"), label = document.createElement("em");
    label.textContent = name; line.append(label, value); tip.append(line);
  };
  const show = event => {
    const canvas = event.target.closest?.(".canvas"), field = canvas?.querySelector(".field");
    const table = canvas?.closest("figure").querySelector("table.numbers");
    if (!field || !table) { clear(); return; }
    const box = field.getBoundingClientRect(), whole = canvas.getBoundingClientRect();
    const rows = table.tBodies[0].rows, share = (event.clientX - box.left) / box.width;
    if (share < 0 || share > 1) { clear(); return; }
    const number = Math.min(Math.floor(share * rows.length), rows.length - 1);
    if (shown && shown.canvas !== canvas) clear();
    shown ??= {canvas, line: made("cursor", canvas), tip: made("tip", canvas)};
    const middle = box.left - whole.left + box.width * (number + 0.5) / rows.length;
    shown.line.style.left = `${middle}px`;
    if (shown.number !== number) {
      const cells = rows[number].cells, title = document.createElement("b");
      title.textContent = cells[0].textContent;
      shown.tip.replaceChildren(title);
      for (let place = 1; place < cells.length; place++) {
        if (cells[place].textContent !== "–") entry(shown.tip, table.tHead.rows[0].cells[place].textContent, cells[place].textContent);
      }
      if (shown.tip.childElementCount === 1) entry(shown.tip, "not measured", "");
      shown.number = number;
    }
    const width = shown.tip.offsetWidth, right = middle + 12 + width > whole.width;
    shown.tip.style.left = `${Math.max(right ? middle - 12 - width : middle + 12, 0)}px`;
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("pointerleave", clear);
})();
