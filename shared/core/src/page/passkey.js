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
