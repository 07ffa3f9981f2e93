// Two sign-ins with an unmodified oauth4webapi: one is approved, one is denied. The first polls too early once.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; the client uses client_secret_basic
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//
// Prints one JSON line about the approved sign-in. Exits with 1 and the reason if anything is not as expected.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL } = process.env;
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL })) {
  assert(value, `${name} is not set`);
}

const client = { client_id: CLIENT_ID };
const clientAuth = oauth.ClientSecretBasic(CLIENT_SECRET);
const issuer = new URL(ISSUER);
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer));

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

async function ask(binding_message) {
  const parameters = new URLSearchParams({ scope: 'openid profile', login_hint: LOGIN_HINT, binding_message });
  const response = await oauth.backchannelAuthenticationRequest(as, client, clientAuth, parameters);
  return oauth.processBackchannelAuthenticationResponse(as, client, response);
}

// One poll. Resolves with the tokens, or with the error and the time that the provider asks to wait.
async function poll({ auth_req_id }) {
  const response = await oauth.backchannelAuthenticationGrantRequest(as, client, clientAuth, auth_req_id);
  try {
    const tokens = await oauth.processBackchannelAuthenticationGrantResponse(as, client, response);
    await oauth.validateApplicationLevelSignature(as, response);
    return { tokens };
  } catch (error) {
    if (!(error instanceof oauth.ResponseBodyError)) throw error;
    return { error: error.error, status: error.status, wait: Number(response.headers.get('retry-after')) };
  }
}

async function approved() {
  const request = await ask('W4SCT');
  await sleep(request.interval * 1000);
  assert.equal((await poll(request)).error, 'authorization_pending');
  const early = await poll(request);
  assert.deepEqual({ error: early.error, status: early.status }, { error: 'slow_down', status: 400 });
  assert(early.wait > request.interval, `slow_down asks to wait ${early.wait} s`);
  await sleep(early.wait * 1000);
  assert.equal((await poll(request)).error, 'authorization_pending');
  await decide(request.auth_req_id, 'allow');

  const { tokens } = await poll(request);
  const { sub, acr, aud } = oauth.getValidatedIdTokenClaims(tokens);
  assert.deepEqual([aud].flat(), [CLIENT_ID]);
  return { sub, acr, expires_in: tokens.expires_in };
}

async function denied() {
  const request = await ask('W5SCT');
  await decide(request.auth_req_id, 'deny');
  const { error, status } = await poll(request);
  assert.deepEqual({ error, status }, { error: 'access_denied', status: 400 });
}

const result = await approved();
await denied();
console.log(JSON.stringify(result));
