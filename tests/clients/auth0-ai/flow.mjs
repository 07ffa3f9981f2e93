// Two calls of a tool that an unmodified @auth0/ai protects: one is approved, one is denied.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; LOGIN_HINT is the person's sub, the client uses client_secret_post
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//
// Prints one JSON line about the approved sign-in. Exits with 1 and the reason if anything is not as expected.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';

// Its modules for `import` import each other without file extensions, which bundlers accept and Node does not.
const require = createRequire(import.meta.url);
const { AsyncAuthorizerBase, getAsyncAuthorizationCredentials } = require('@auth0/ai/AsyncAuthorization');
const { AccessDeniedInterrupt } = require('@auth0/ai/interrupts');
const { MemoryStore } = require('@auth0/ai/stores');

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL } = process.env;
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL })) {
  assert(value, `${name} is not set`);
}

const auth0 = { domain: new URL(ISSUER).host, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', ISSUER));

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

// The SDK polls at once, gets slow_down, and waits for the time in Retry-After.
function tool(toolCallID, action) {
  const authorizer = new AsyncAuthorizerBase(auth0, {
    store: new MemoryStore(),
    scopes: ['profile'],
    audience: 'https://api.example.com',
    userID: async () => LOGIN_HINT,
    bindingMessage: async () => `Tool call ${toolCallID}`,
    requestedExpiry: 60,
    onAuthorizationRequest: (request) => decide(request.id, action),
    onUnauthorized: (why) => ({ refused: why }),
  });
  const context = () => ({ threadID: 'one', toolName: 'balance', toolCallID });
  return authorizer.protect(context, async () => getAsyncAuthorizationCredentials());
}

const { accessToken, idToken } = await tool('4711', 'allow')();
const { payload } = await jwtVerify(idToken, keys, { issuer: ISSUER, audience: CLIENT_ID });
const { refused } = await tool('4712', 'deny')();
assert(refused instanceof AccessDeniedInterrupt, `${refused}`);
console.log(JSON.stringify({ sub: payload.sub, acr: payload.acr, audience: decodeJwt(accessToken).aud }));
