"use strict";
// Cells of a map: one stop of the Tab key for each group, arrows go on from there.
(() => {
  const cells = group => [...group.querySelectorAll("a")];
  const prepare = () => {
    for (const group of document.querySelectorAll("[data-cells]")) {
      if (group.dataset.cells === "ready") continue;
      group.dataset.cells = "ready";
      cells(group).forEach((one, place) => { one.tabIndex = place ? -1 : 0; });
    }
  };
  prepare();
  new MutationObserver(prepare).observe(document.body, {childList: true, subtree: true});
  document.addEventListener("keydown", event => {
    const group = event.target.closest?.("[data-cells]");
    if (!group || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = cells(group), here = all.indexOf(event.target);
    const across = all.filter(one => one.offsetTop === all[0].offsetTop).length;
    const steps = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, Home: -here, End: all.length - 1 - here};
    if (!(event.key in steps) || here < 0) return;
    const next = all[here + steps[event.key]];
    event.preventDefault();
    if (!next) return;
    event.target.tabIndex = -1; next.tabIndex = 0; next.focus();
  });
})();
