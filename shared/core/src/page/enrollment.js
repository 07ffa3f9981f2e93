const { path, options, assertion: existing } = main.dataset;
// The server library wraps the options in `publicKey`, as the browser's API does.
const read = (text) => {
  const it = JSON.parse(text);
  return it.publicKey ?? it;
};
const buttons = ["existing", "create"].map(byId).filter(Boolean);

const SAYS = {
  offline: "offline",
  passkey_not_accepted: "not-accepted",
  passkey_required: "not-accepted",
  access_denied: "not-accepted",
  invalid_request: "not-accepted",
};
const ENDS = { ok: "enrolled", not_open: "closed", not_found: "closed" };

let busy = false;
const step = (act) => async () => {
  if (busy) return;
  busy = true;
  buttons.forEach((it) => it.setAttribute("aria-disabled", "true"));
  try {
    say("confirm");
    await act();
  } catch (error) {
    say(error.name === "InvalidStateError" ? "already" : "cancelled");
  }
  busy = false;
  buttons.forEach((it) => it.removeAttribute("aria-disabled"));
};

// Each ceremony has its own button: some browsers allow only one per tap.
let speaks;
const useExisting = async () => {
  speaks = await assertion(read(existing));
  byId("existing").hidden = true;
  byId("create").hidden = false;
  byId("create").focus();
  say("confirmed");
};

// A passkey whose registration did not arrive is sent again: creating another would leave two on the device.
let made;
const create = async () => {
  made ??= await registration(read(options));
  say("sending");
  const { error: answer } = await send(path, { registration: made, ...(speaks && { assertion: speaks }) });
  if (answer in ENDS) return finish(ENDS[answer]);
  say(SAYS[answer] ?? "unavailable");
};

if (capable) {
  byId("actions").hidden = false;
  byId("unable").hidden = true;
  byId("existing")?.addEventListener("click", step(useExisting));
  byId("create").addEventListener("click", step(create));
}
