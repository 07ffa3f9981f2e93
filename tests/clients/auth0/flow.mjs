// Two sign-ins with an unmodified auth0: one is approved, one is denied.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; LOGIN_HINT is the person's sub, the client uses client_secret_post
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//   AUTH0                                          required; the module with AuthenticationClient: auth0-6 (version 6) or auth0/legacy (version 7)
//
// Prints one JSON line about the approved sign-in. Exits with 1 and the reason if anything is not as expected.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL, AUTH0 } = process.env;
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL, AUTH0 })) {
  assert(value, `${name} is not set`);
}
const { AuthenticationClient } = await import(AUTH0);

// The SDK adds https:// before the domain and its own paths after it; it does not use discovery.
const { backchannel } = new AuthenticationClient({
  domain: new URL(ISSUER).host,
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
});
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', ISSUER));

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

// Given the older request_expiry, the SDK also sends requested_expiry.
async function ask(binding_message) {
  const audience = 'https://api.example.com';
  const options = { userId: LOGIN_HINT, scope: 'openid profile', binding_message, audience, request_expiry: '45' };
  const request = await backchannel.authorize(options);
  assert.equal(request.expires_in, 45);
  return request;
}

function refused(request, error) {
  return assert.rejects(backchannel.backchannelGrant(request), { name: 'AuthApiError', error, statusCode: 400 });
}

async function approved() {
  const request = await ask('W4SCT');
  await sleep(request.interval * 1000);
  await refused(request, 'authorization_pending');
  await decide(request.auth_req_id, 'allow');

  await sleep(request.interval * 1000);
  const tokens = await backchannel.backchannelGrant(request);
  // The SDK returns the ID token of this grant without validating it.
  const { payload } = await jwtVerify(tokens.id_token, keys, { issuer: ISSUER, audience: CLIENT_ID });
  const { sub, acr } = payload;
  return { sub, acr, audience: decodeJwt(tokens.access_token).aud };
}

async function denied() {
  const request = await ask('W5SCT');
  await decide(request.auth_req_id, 'deny');
  await refused(request, 'access_denied');
}

const result = await approved();
await denied();
console.log(JSON.stringify(result));
