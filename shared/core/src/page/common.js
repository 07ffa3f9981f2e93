const main = document.querySelector("main");
const byId = (id) => document.getElementById(id);
const words = (id) => byId(id).content.cloneNode(true);

// A notice is read out by a screen reader; a final message replaces the whole page.
const say = (id) => {
  const place = byId("outcome") ?? byId("notice");
  place.replaceChildren(words(id));
  place.scrollIntoView({ block: "nearest" });
};
const finish = (id) => {
  main.replaceChildren(words(id));
  const heading = main.querySelector("h1");
  document.title = heading.textContent;
  heading.focus();
};

// What was answered on this device is kept for a day, so that a reloaded page can say it and take it back. Only the kind
// of answer, its time and what the passkey would sign are kept, and storage may be blocked.
const DAY = 24 * 60 * 60 * 1000;
const keep = (path, answer) => {
  try {
    const answers = JSON.parse(localStorage.getItem("answers") ?? "{}");
    const recent = Object.entries(answers).filter(([, it]) => it.at > Date.now() - DAY);
    localStorage.setItem("answers", JSON.stringify({ ...Object.fromEntries(recent), [path]: { ...answer, at: Date.now() } }));
  } catch {}
};
const kept = (path) => {
  try {
    const answer = JSON.parse(localStorage.getItem("answers"))[path];
    return answer.at > Date.now() - DAY ? answer : undefined;
  } catch {}
};
const showTime = (at) => {
  const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  main.querySelector("time")?.replaceChildren(when.format(at));
};

// A page restored from the back/forward cache may be out of date.
addEventListener("pageshow", (event) => event.persisted && location.reload());
