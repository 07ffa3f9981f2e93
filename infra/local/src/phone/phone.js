"use strict";
// Shows what has changed. The times on the page are coarse, so that this is rarely anything but a message or a state.
const EVERY = 2000;

async function refresh() {
  try {
    const text = await (await fetch(location.pathname)).text();
    const next = new DOMParser().parseFromString(text, "text/html");
    const [main, status] = ["main", "[role=status]"].map((it) => document.querySelector(it));
    if (main.innerHTML !== next.querySelector("main").innerHTML) {
      const focused = document.activeElement?.id;
      main.replaceChildren(...next.querySelector("main").childNodes);
      if (focused) document.getElementById(focused)?.focus();
    }
    const said = next.querySelector("[role=status]").textContent;
    if (status.textContent !== said) status.textContent = said;
    document.title = next.title;
  } catch {
    // The stack is stopped, or being started again.
  }
  setTimeout(refresh, EVERY);
}

setTimeout(refresh, EVERY);
