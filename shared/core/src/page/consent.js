const { path, client, shown, rp, seconds } = main.dataset;
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
const tick = () => {
  const left = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
  byId("left").textContent = inWords(left);
  if (left > 0) return;
  late = true;
  clearInterval(clock);
  ceremony.abort();
  byId("scopes").disabled = true;
  byId("actions").remove();
  byId("login")?.remove();
  byId("report-section").remove();
  say("late");
};
const clock = setInterval(tick, 1000);
const end = (id) => {
  clearInterval(clock);
  finish(id);
};

const selected = () =>
  [...document.querySelectorAll("#scopes input[type=checkbox]")].filter((it) => it.checked).map((it) => it.value).join(" ");
const scopeOf = (decision) => (decision === "approve" ? selected() : "");
const choiceOf = (decision) => `${decision} ${scopeOf(decision)}`;

// The passkey signs what was shown, what is selected, and the decision. The lengths delimit the parts.
const challenge = async (scope, word) => {
  const length = (text) => {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setUint32(0, new Blob([text]).size);
    return bytes;
  };
  const parts = ["ciba decision 1\0", decode(shown), length(scope), scope, length(word), word];
  return encode(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
};

// Computed before the tap: some browsers drop the user activation during an await, and then show no passkey prompt.
const challenges = new Map();
const prepare = () =>
  Promise.all(["approve", "report"].map(async (decision) =>
    challenges.set(choiceOf(decision), await challenge(scopeOf(decision), decision))));

const SAYS = {
  offline: "offline",
  passkey_not_accepted: "not-accepted",
  passkey_required: "not-accepted",
  passkey_too_new: "too-new",
  access_denied: "refused",
  invalid_request: "outdated",
  invalid_scope: "outdated",
};
const ENDS = { not_open: "closed", not_found: "closed" };

let busy = false;
// A signed decision that did not arrive can be sent again without a second signature.
let signed;

const decide = async (decision) => {
  const choice = choiceOf(decision);
  // The challenge is missing for a moment after a checkbox has changed.
  if (busy || late || !challenges.has(choice)) return;
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
    const answer = await send(`${path}/decision`, signed.body);
    if (answer !== "offline") signed = undefined;
    if (answer === "ok") end(decision === "approve" ? "approved" : "reported");
    else if (answer in ENDS) end(ENDS[answer]);
    else if (!late) say(SAYS[answer] ?? "unavailable");
    else say("late");
  } catch {
    say(late ? "late" : "cancelled");
  }
  busy = false;
  buttons.forEach((it) => it.removeAttribute("aria-disabled"));
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
byId("actions").addEventListener("submit", (event) => {
  if (navigator.onLine) return;
  event.preventDefault();
  say("offline");
});
