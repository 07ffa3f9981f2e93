const { path, client, shown, rp, receipt, seconds } = main.dataset;
const buttons = ["approve", "not-me"].map(byId).filter(Boolean);

// Measured by the clock, not by counting ticks: timers stop while a phone sleeps.
const ends = Date.now() + 1000 * seconds;
const ceremony = new AbortController();
const counted = (count, unit) =>
  new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" }).format(count);
const inWords = (left) => {
  const [minutes, hours] = [Math.floor(left / 60), Math.floor(left / 3600)];
  const parts = hours ? [[hours, "hour"], [minutes % 60, "minute"]] : [[minutes, "minute"], [left % 60, "second"]];
  return parts.filter(([count]) => count).map((it) => counted(...it)).join(" ") || counted(0, "second");
};
let late = false;
// A screen reader hears how much time is left twice, and not every second.
const ANNOUNCED = [60, 20];
let announced = ANNOUNCED.findIndex((it) => seconds > it);
const tick = () => {
  const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
  byId("left").textContent = inWords(left);
  if (left > 0 && left <= ANNOUNCED[announced]) {
    announced += 1;
    byId("announcement").textContent = byId("time-left").textContent;
  }
  if (left > 0) return;
  late = true;
  clearInterval(clock);
  ceremony.abort();
  byId("scopes").disabled = true;
  ["actions", "approving", "report-section"].forEach((id) => byId(id).remove());
  byId("login")?.remove();
  say("late");
};
const clock = setInterval(tick, 1000);
let busy = false;
const end = (id) => {
  clearInterval(clock);
  clearInterval(watch);
  finish(id);
};
const answered = (id) => {
  const { lang: language } = document.documentElement;
  const answer = { id, ...(receipt && { receipt: { client, rp, shown: receipt, language } }) };
  keep(path, answer);
  end(id);
  showTime(Date.now());
  offerToTakeBack(path, answer);
};
// Answered here, in another window perhaps, or closed for another reason.
const closed = () => {
  const answer = kept(path);
  end(answer?.id ?? "closed");
  if (!answer) return;
  showTime(answer.at);
  offerToTakeBack(path, answer);
};
// Somebody may decide on another device, the client may cancel, and a newer request may replace this one.
const look = async () => {
  if (busy || late || document.hidden) return;
  const headers = { accept: "text/html" };
  const answer = await fetch(path, { method: "HEAD", headers, redirect: "error" }).catch(() => undefined);
  if (answer?.status === 404 && !busy && !late) closed();
};
const watch = setInterval(look, 9000);
// A phone stops timers while the page is not on the screen.
document.addEventListener("visibilitychange", look);

const selected = () =>
  [...document.querySelectorAll("#scopes input:not([name]), #scopes input[type=checkbox]")]
    .filter((it) => it.type === "hidden" || it.checked).map((it) => it.value).join(" ");
const scopeOf = (decision) => (decision === "approve" ? selected() : "");
const choiceOf = (decision) => `${decision} ${scopeOf(decision)}`;

// Computed before the tap: some browsers drop the user activation during an await, and then show no passkey prompt.
const challenges = new Map();
const prepare = () =>
  Promise.all(["approve", "report"].map(async (decision) =>
    challenges.set(choiceOf(decision), await challenge(shown, scopeOf(decision), decision))));

const SAYS = {
  offline: "offline",
  passkey_not_accepted: "not-accepted",
  passkey_required: "not-accepted",
  passkey_too_new: "too-new",
  access_denied: "refused",
  invalid_request: "outdated",
  invalid_scope: "outdated",
};
const CLOSED = ["not_open", "not_found"];

// Details have to be on the screen before they can be approved.
let unread = "hasDetails" in byId("read").dataset;
const approvers = ["#approve", "#login button"].map((it) => document.querySelector(it)).filter(Boolean);
const enable = () => {
  [...buttons, ...approvers].forEach((it) => it.removeAttribute("aria-disabled"));
  if (unread) approvers.forEach((it) => it.setAttribute("aria-disabled", "true"));
};
document.querySelector("#login form")?.addEventListener("submit", (event) => unread && event.preventDefault());
new IntersectionObserver(([read], observer) => {
  if (!read.isIntersecting) return;
  unread = false;
  observer.disconnect();
  if (!busy) enable();
}).observe(byId("read"));

let failures = 0;
const failed = (id) => {
  failures += 1;
  say(id);
  if (failures > 1) byId("notice").append(" ", words("another-way"));
};
// A signed decision that did not arrive can be sent again without a second signature.
let signed;

const decide = async (decision) => {
  const choice = choiceOf(decision);
  // The challenge is missing for a moment after a checkbox has changed.
  if (busy || late || !challenges.has(choice) || (unread && decision === "approve")) return;
  busy = true;
  buttons.forEach((it) => it.setAttribute("aria-disabled", "true"));
  byId("scopes").disabled = true;
  const chosen = decision === "approve" ? { scope: selected() } : {};
  try {
    if (signed?.choice !== choice) {
      say("confirm");
      const options = { challenge: challenges.get(choice), rpId: rp, userVerification: "required" };
      const passkey = await assertion(options, ceremony.signal);
      const language = document.documentElement.lang;
      signed = { choice, body: { client_id: client, decision, ...chosen, language, passkey } };
    }
    say("sending");
    const { error: answer, usable_at: usableAt } = await send(`${path}/decision`, signed.body);
    if (answer !== "offline") signed = undefined;
    if (answer === "ok") answered(decision === "approve" ? "approved" : "reported");
    else if (CLOSED.includes(answer)) closed();
    else if (late) say("late");
    else if (answer === "offline" || !(answer in SAYS)) say(SAYS[answer] ?? "unavailable");
    else failed(SAYS[answer]);
    if (usableAt) showTime(1000 * usableAt);
  } catch {
    if (late) say("late");
    else failed("cancelled");
  }
  busy = false;
  enable();
  if (byId("scopes")) byId("scopes").disabled = late;
};

if (shown && capable) {
  ["approve", "how", "report"].forEach((id) => (byId(id).hidden = false));
  byId("unable").hidden = true;
  prepare();
  byId("scopes").addEventListener("change", prepare);
  byId("approve").addEventListener("click", () => decide("approve"));
  byId("not-me").addEventListener("click", () => decide("report"));
}
enable();
// Sent by the script, so that a lost connection leaves the page as it is. `navigator.onLine` is not asked: it is
// wrong behind some VPNs.
byId("actions").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  busy = true;
  say("sending");
  const form = event.target;
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body, redirect: "error" }).catch(() => undefined);
  if (answer?.ok) answered("declined");
  else if (answer?.status === 404) closed();
  else say(answer ? "unavailable" : "offline");
  busy = false;
});
