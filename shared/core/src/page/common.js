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
const answers = () => {
  try {
    const all = Object.entries(JSON.parse(localStorage.getItem("answers") ?? "{}"));
    return Object.fromEntries(all.filter(([, it]) => it.at > Date.now() - DAY));
  } catch {
    return {};
  }
};
const store = (all) => {
  try {
    localStorage.setItem("answers", JSON.stringify(all));
  } catch {}
};
const keep = (path, answer) => store({ ...answers(), [path]: { ...answer, at: Date.now() } });
const kept = (path) => answers()[path];
// What is older than a day goes when the next page is opened.
store(answers());
const showTime = (at) => {
  const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  main.querySelector("time")?.replaceChildren(when.format(at));
};

// A page restored from the back/forward cache may be out of date.
addEventListener("pageshow", (event) => event.persisted && location.reload());
