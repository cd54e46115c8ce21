"use strict";
// What changes while one looks: parts of the page that are marked data-live are asked for again when the server says that something is new.
(() => {
  const body = document.body;
  const line = document.getElementById("line");
  if (!line || !document.querySelector("[data-live]")) return;

  const say = words => { if (line.textContent !== words) line.textContent = words; };
  const begun = Date.now();
  const at = Date.parse(body.dataset.at);
  const now = () => at + ("still" in body.dataset ? 0 : Date.now() - begun);

  // As the server words a span: its two largest units.
  const span = minutes => {
    if (minutes < 1) return "less than a minute";
    const days = Math.floor(minutes / 1440), hours = Math.floor(minutes / 60) % 24, rest = minutes % 60;
    const parts = days ? [[days, "d"], [hours, "h"]] : hours ? [[hours, "h"], [rest, "min"]] : [[rest, "min"]];
    return parts.filter(([amount]) => amount).map(([amount, unit]) => `${amount} ${unit}`).join(" ");
  };
  const tick = () => {
    for (const one of document.querySelectorAll("time[data-ago]")) {
      one.textContent = span(Math.max(0, Math.floor((now() - Date.parse(one.dateTime)) / 60000)));
    }
  };

  const rows = part => new Map([...part.querySelectorAll("[data-key]")].map(row => [row.dataset.key, row]));
  // Ages tick by themselves: only what is said besides them counts as a change.
  const said = row => {
    const copy = row.cloneNode(true);
    for (const one of copy.querySelectorAll("time[data-ago]")) one.remove();
    return copy.textContent + copy.className;
  };
  const isBusy = part => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
  const swap = fresh => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (!other || isBusy(part)) continue;
      const before = rows(part), focused = part.contains(document.activeElement) ? document.activeElement : null;
      const address = focused && focused.getAttribute("href");
      // What is unfolded stays so.
      for (const one of part.querySelectorAll("details[open][id]")) other.querySelector(`#${CSS.escape(one.id)}`)?.setAttribute("open", "");
      for (const [key, row] of rows(other)) {
        const old = before.get(key);
        if (before.size && (!old || said(old) !== said(row))) row.classList.add("changed");
      }
      part.replaceChildren(...other.childNodes);
      if (address) [...part.querySelectorAll("a")].find(one => one.getAttribute("href") === address)?.focus({preventScroll: true});
    }
    body.dataset.version = fresh.body.dataset.version;
    tick();
  };

  let asking = false, again = false, seen = begun;
  const ask = async () => {
    if (asking) { again = true; return; }
    if (document.hidden) { again = true; return; }
    asking = true; again = false;
    try {
      const answer = await fetch(location.href, {headers: {"Accept": "text/html"}, redirect: "error"});
      if (!answer.ok) throw new Error(String(answer.status));
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      seen = Date.now();
      say("");
    } catch {
      say(`No answer since ${new Date(seen).toISOString().slice(11, 16)} UTC; what is shown is of then.`);
    } finally { asking = false; }
    if (again && !document.hidden) setTimeout(ask, 1000);
  };

  const stream = new EventSource(body.dataset.events);
  stream.addEventListener("version", event => { if (event.data !== body.dataset.version) ask(); });
  // What is old may not go on looking healthy, also where nothing new comes and where no event does.
  setInterval(ask, 60000);
  setInterval(tick, 15000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) ask(); });
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
})();
