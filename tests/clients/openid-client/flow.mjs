// Two sign-ins with an unmodified openid-client: one is approved, one is denied.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required
//   AUTH_METHOD                                    basic (default) or post
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides as the person asked would
//
// Prints one JSON line about the approved sign-in. Exits with 1, and says why, when anything is not as it should be.

import assert from 'node:assert/strict';
import * as client from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL, AUTH_METHOD = 'basic' } = process.env;
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL })) {
  assert(value, `${name} is not set`);
}
const authMethods = { basic: client.ClientSecretBasic, post: client.ClientSecretPost };
assert(authMethods[AUTH_METHOD], `AUTH_METHOD is ${AUTH_METHOD}, not basic or post`);

const issuer = new URL(ISSUER);
const onThisMachine = issuer.protocol === 'http:' && issuer.hostname === 'localhost';
const config = await client.discovery(issuer, CLIENT_ID, undefined, authMethods[AUTH_METHOD](CLIENT_SECRET), {
  execute: onThisMachine ? [client.allowInsecureRequests] : [],
});
// Without this, openid-client trusts the connection and does not look at the ID token's signature.
client.enableNonRepudiationChecks(config);

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

// Resolves with the first answer of the token endpoint, which openid-client keeps to itself.
function firstPoll() {
  return new Promise((resolve) => {
    config[client.customFetch] = async (url, options) => {
      const response = await fetch(url, options);
      if (url === config.serverMetadata().token_endpoint) resolve(await response.clone().json());
      return response;
    };
  });
}

function ask(binding_message) {
  const parameters = { scope: 'openid profile', login_hint: LOGIN_HINT, binding_message };
  return client.initiateBackchannelAuthentication(config, parameters);
}

async function approved() {
  const request = await ask('W4SCT');
  assert.match(request.auth_req_id, /^[A-Za-z0-9._-]+$/);
  const [tokens] = await Promise.all([
    client.pollBackchannelAuthenticationGrant(config, request),
    firstPoll().then((answer) => {
      assert.equal(answer.error, 'authorization_pending');
      return decide(request.auth_req_id, 'allow');
    }),
  ]);
  const claims = tokens.claims();
  assert(claims.sub, 'the ID token has no sub');
  assert.equal(claims.iss, ISSUER);
  assert.deepEqual([claims.aud].flat(), [CLIENT_ID]);
  assert.equal(tokens.token_type, 'bearer');
  const { sub, acr, auth_time } = claims;
  return { sub, acr, auth_time, expires_in: tokens.expires_in };
}

async function denied() {
  const request = await ask('W5SCT');
  await decide(request.auth_req_id, 'deny');
  await assert.rejects(client.pollBackchannelAuthenticationGrant(config, request), {
    name: 'ResponseBodyError',
    error: 'access_denied',
    status: 400,
  });
}

const result = await approved();
await denied();
console.log(JSON.stringify(result));
