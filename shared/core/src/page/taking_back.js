// The passkey signs what was shown, what is selected, and the decision. The lengths delimit the parts.
const challenge = async (shown, scope, word) => {
  const length = (text) => {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setUint32(0, new Blob([text]).size);
    return bytes;
  };
  const parts = ["ciba decision 1\0", decode(shown), length(scope), scope, length(word), word];
  return encode(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
};

// Adds the button to a receipt, for whoever has a passkey. `receipt` is what that signs.
const offerToTakeBack = async (path, answer) => {
  const { id, receipt } = answer;
  if (!receipt || !capable || !["approved", "declined"].includes(id)) return;
  const { client, rp, shown, language } = receipt;
  // Computed before the tap, as for an approval.
  const signed = await challenge(shown, "", "take_back");
  main.append(words("mistaken"));
  let busy = false;
  byId("mistake").addEventListener("click", async () => {
    if (busy) return;
    busy = true;
    let ended;
    try {
      say("confirm");
      const passkey = await assertion({ challenge: signed, rpId: rp, userVerification: "required" });
      say("sending");
      const body = { client_id: client, decision: "take_back", language, passkey };
      const { error } = await send(`${path}/decision`, body);
      ended = error === "ok";
      if (!ended) say(error === "offline" ? "offline" : "not-taken-back");
    } catch {
      say("cancelled");
    }
    busy = false;
    if (!ended) return;
    const after = id === "declined" ? "decline-taken-back" : "taken-back";
    keep(path, { id: after });
    finish(after);
  });
};
