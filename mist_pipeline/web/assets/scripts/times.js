"use strict";
// An instant also in the reader's own time, where the pointer rests on it.
document.addEventListener("pointerover", event => {
  const one = event.target.closest("time[datetime]");
  if (!one || one.dataset.local) return;
  one.dataset.local = "1";
  const own = new Date(one.dateTime).toLocaleString(undefined, {dateStyle: "medium", timeStyle: "short"});
  one.title = `${one.title} · ${own} here`;
});
