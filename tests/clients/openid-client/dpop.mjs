// A sign-in with an unmodified openid-client whose tokens are bound to its own key (DPoP), and the use of these tokens.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required
//   DPOP_ALG                                       ES256 (default), PS256 or Ed25519
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//
// The provider has to require nonces. Prints one JSON line. Exits with 1 and the reason if anything is not as expected.

import assert from 'node:assert/strict';
import * as client from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL, DPOP_ALG = 'ES256' } = process.env;
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL })) {
  assert(value, `${name} is not set`);
}

const issuer = new URL(ISSUER);
const onThisMachine = issuer.protocol === 'http:' && issuer.hostname === 'localhost';
const config = await client.discovery(issuer, CLIENT_ID, undefined, client.ClientSecretBasic(CLIENT_SECRET), {
  execute: onThisMachine ? [client.allowInsecureRequests] : [],
});
client.enableNonRepudiationChecks(config);
assert(config.serverMetadata().dpop_signing_alg_values_supported.includes(DPOP_ALG));

// The responses of each endpoint, which openid-client does not expose: the error if there was one, otherwise the status.
const answers = { [config.serverMetadata().token_endpoint]: [], [config.serverMetadata().userinfo_endpoint]: [] };
let polled;
const firstPending = new Promise((resolve) => (polled = resolve));
config[client.customFetch] = async (url, options) => {
  const response = await fetch(url, options);
  const { error } = await response.clone().json();
  answers[url]?.push(error ?? response.status);
  if (error === 'authorization_pending') polled();
  return response;
};

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

const keys = await client.randomDPoPKeyPair(DPOP_ALG);
const DPoP = client.getDPoPHandle(config, keys);
const parameters = { scope: 'openid profile', login_hint: LOGIN_HINT, binding_message: 'W6SCT' };
const request = await client.initiateBackchannelAuthentication(config, parameters);
const [tokens] = await Promise.all([
  client.pollBackchannelAuthenticationGrant(config, request, undefined, { DPoP }),
  firstPending.then(() => decide(request.auth_req_id, 'allow')),
]);
assert.equal(tokens.token_type, 'dpop');
const { sub } = tokens.claims();
const { cnf } = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
assert.equal(cnf.jkt, await DPoP.calculateThumbprint());

const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
assert.equal(userinfo.sub, sub);

// Without a nonce it learns from the challenge that it needs one.
const fresh = client.getDPoPHandle(config, keys);
assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: fresh })).sub, sub);

// A stolen token is useless: it is not accepted as a bearer token, nor with another key.
const endpoint = new URL(config.serverMetadata().userinfo_endpoint);
const asBearer = await fetch(endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
assert.equal(asBearer.status, 401);
const thief = client.getDPoPHandle(config, await client.randomDPoPKeyPair(DPOP_ALG));
await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: thief }), { status: 401 });

const told = await client.tokenIntrospection(config, tokens.access_token);
assert.deepEqual([told.active, told.token_type, told.cnf], [true, 'DPoP', cnf]);

const [token_endpoint, userinfo_endpoint] = Object.values(answers);
console.log(JSON.stringify({ sub, token_endpoint, userinfo_endpoint }));
