"use strict";
// "/" goes to the search box, as in the terminal.
document.addEventListener("keydown", event => {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.getElementById("search");
  if (box) { event.preventDefault(); box.focus(); box.select(); }
});
// On a phone the navigation is wider than the screen: where one is, is in sight.
document.querySelector("nav [aria-current]")?.scrollIntoView({inline: "center", block: "nearest"});
