// Two sign-ins with an unmodified openid-client: one is approved, one is denied.
//
//   ISSUER, CLIENT_ID, LOGIN_HINT                  required
//   AUTH_METHOD                                    basic (default), post or mtls
//   CLIENT_SECRET                                  required with basic and post
//   CLIENT_CERTIFICATE, CLIENT_KEY, AUTHORITY      required with mtls: files in PEM
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides as the person asked would
//
// Prints one JSON line about the approved sign-in. Exits with 1, and says why, when anything is not as it should be.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as client from 'openid-client';
import * as undici from 'undici';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL, AUTH_METHOD = 'basic' } = process.env;
const { CLIENT_CERTIFICATE, CLIENT_KEY, AUTHORITY } = process.env;
const overMtls = AUTH_METHOD === 'mtls';
const credential = overMtls ? { CLIENT_CERTIFICATE, CLIENT_KEY, AUTHORITY } : { CLIENT_SECRET };
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, LOGIN_HINT, DECIDE_URL, ...credential })) {
  assert(value, `${name} is not set`);
}
const authMethods = { basic: client.ClientSecretBasic, post: client.ClientSecretPost, mtls: client.TlsClientAuth };
assert(authMethods[AUTH_METHOD], `AUTH_METHOD is ${AUTH_METHOD}, not basic, post or mtls`);

const issuer = new URL(ISSUER);
const onThisMachine = issuer.protocol === 'http:' && issuer.hostname === 'localhost';
// The certificate is shown to whoever asks for one, which the issuer's own host does not.
const shown = overMtls && { cert: readFileSync(CLIENT_CERTIFICATE), key: readFileSync(CLIENT_KEY), ca: readFileSync(AUTHORITY) };
const dispatcher = overMtls ? new undici.Agent({ connect: shown }) : undefined;
const send = overMtls ? (url, options) => undici.fetch(url, { ...options, dispatcher }) : fetch;
const metadata = overMtls ? { use_mtls_endpoint_aliases: true } : undefined;
const config = await client.discovery(issuer, CLIENT_ID, metadata, authMethods[AUTH_METHOD](CLIENT_SECRET), {
  execute: onThisMachine ? [client.allowInsecureRequests] : [],
  [client.customFetch]: send,
});
const { token_endpoint, mtls_endpoint_aliases } = config.serverMetadata();
const tokenEndpoint = overMtls ? mtls_endpoint_aliases.token_endpoint : token_endpoint;
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
      const response = await send(url, options);
      if (url === tokenEndpoint) resolve(await response.clone().json());
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
  const result = { sub, acr, auth_time, expires_in: tokens.expires_in };
  if (!overMtls) return result;
  const { sub: userinfo_sub } = await client.fetchUserInfo(config, tokens.access_token, sub);
  // The same token without the certificate is nobody's.
  const { userinfo_endpoint } = config.serverMetadata();
  const bare = await fetch(userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal(bare.status, 401);
  return { ...result, userinfo_sub };
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
