"use strict";
// Shows what has changed. The times on the page are coarse, so that this is rarely anything but a message or a state.
async function refresh() {
  try {
    const text = await (await fetch(location.pathname)).text();
    const [now, next] = [document, new DOMParser().parseFromString(text, "text/html")].map((it) => it.querySelector("main"));
    if (next && now.innerHTML !== next.innerHTML) {
      const focused = document.activeElement?.id;
      now.replaceChildren(...next.childNodes);
      if (focused) document.getElementById(focused)?.focus();
    }
  } catch {
    // The stack is stopped, or being started again.
  }
  setTimeout(refresh, 1000);
}
setTimeout(refresh, 1000);
