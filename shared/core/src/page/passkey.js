const main = document.querySelector("main");
const byId = (id) => document.getElementById(id);
const words = (id) => byId(id).content.cloneNode(true);

// A notice is read out by a screen reader; a final message replaces the whole page.
const say = (id) => {
  byId("notice").replaceChildren(words(id));
  byId("notice").scrollIntoView({ block: "nearest" });
};
const finish = (id) => {
  main.replaceChildren(words(id));
  const heading = main.querySelector("h1");
  document.title = heading.textContent;
  heading.focus();
};

// What was answered on this device is kept for a day, so that a reloaded page can say it. Only the kind of answer and
// its time are kept, and storage may be blocked.
const DAY = 24 * 60 * 60 * 1000;
const keep = (path, id) => {
  try {
    const answers = JSON.parse(localStorage.getItem("answers") ?? "{}");
    const recent = Object.entries(answers).filter(([, it]) => it.at > Date.now() - DAY);
    localStorage.setItem("answers", JSON.stringify({ ...Object.fromEntries(recent), [path]: { id, at: Date.now() } }));
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

const capable = "PublicKeyCredential" in window && Boolean(window.crypto?.subtle);

// Binary members are transferred as base64url.
const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (it) => it.charCodeAt(0));
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const credentials = (list) => (list ?? []).map((it) => ({ ...it, id: decode(it.id) }));

const sent = ({ id, rawId, type }, response) =>
  ({ id, rawId: encode(rawId), type, response, clientExtensionResults: {} });

const assertion = async (options, signal) => {
  const { challenge, allowCredentials } = options;
  const publicKey = { ...options, challenge: decode(challenge), allowCredentials: credentials(allowCredentials) };
  const passkey = await navigator.credentials.get({ publicKey, signal });
  const { clientDataJSON, authenticatorData, signature, userHandle } = passkey.response;
  return sent(passkey, {
    clientDataJSON: encode(clientDataJSON),
    authenticatorData: encode(authenticatorData),
    signature: encode(signature),
    userHandle: userHandle && encode(userHandle),
  });
};

const registration = async (options) => {
  const { challenge, user, excludeCredentials } = options;
  const passkey = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: decode(challenge),
      user: { ...user, id: decode(user.id) },
      excludeCredentials: credentials(excludeCredentials),
    },
  });
  const { clientDataJSON, attestationObject } = passkey.response;
  return sent(passkey, {
    clientDataJSON: encode(clientDataJSON),
    attestationObject: encode(attestationObject),
  });
};

// The error's members. `error` is "ok" if there is none, "offline", or undefined if the response is not this server's.
const send = async (path, body) => {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
    });
    if (answer.ok) return { error: "ok" };
    return await answer.json().catch(() => ({}));
  } catch {
    return { error: "offline" };
  }
};
