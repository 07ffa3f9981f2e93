// Two sign-ins with an unmodified openid-client: one is approved, one is denied.
//
//   ISSUER, CLIENT_ID, LOGIN_HINT                  required
//   AUTH_METHOD                                    basic (default), post, private_key_jwt or mtls
//   CLIENT_SECRET                                  required with basic and post
//   CLIENT_JWK                                     required with private_key_jwt: the private key with its kid, on P-256 or Ed25519
//   SIGNED_REQUESTS                                true: the requests are also signed with that key
//   CLIENT_CERTIFICATE, CLIENT_KEY, AUTHORITY      required with mtls: files in PEM
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//
// Prints one JSON line about the approved sign-in. Exits with 1 and the reason if anything is not as expected.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as client from 'openid-client';
import * as undici from 'undici';

const { ISSUER, CLIENT_ID, LOGIN_HINT, DECIDE_URL, AUTH_METHOD = 'basic' } = process.env;
const { CLIENT_SECRET, CLIENT_JWK, CLIENT_CERTIFICATE, CLIENT_KEY, AUTHORITY } = process.env;
const credentials = {
  basic: { CLIENT_SECRET },
  post: { CLIENT_SECRET },
  private_key_jwt: { CLIENT_JWK },
  mtls: { CLIENT_CERTIFICATE, CLIENT_KEY, AUTHORITY },
};
assert(credentials[AUTH_METHOD], `AUTH_METHOD is ${AUTH_METHOD}, not one of ${Object.keys(credentials)}`);
const required = { ISSUER, CLIENT_ID, LOGIN_HINT, DECIDE_URL, ...credentials[AUTH_METHOD] };
for (const [name, value] of Object.entries(required)) assert(value, `${name} is not set`);

const jwk = CLIENT_JWK && JSON.parse(CLIENT_JWK);
// By curve: the name of the algorithm in a header, and the parameters for importing and signing.
const algorithms = {
  'P-256': ['ES256', { name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }],
  Ed25519: ['Ed25519', { name: 'Ed25519' }, { name: 'Ed25519' }],
};
const [alg, imported, used] = (jwk && algorithms[jwk.crv]) ?? [];
const key = jwk && (await crypto.subtle.importKey('jwk', jwk, imported, false, ['sign']));
const authMethods = {
  basic: () => client.ClientSecretBasic(CLIENT_SECRET),
  post: () => client.ClientSecretPost(CLIENT_SECRET),
  private_key_jwt: () => client.PrivateKeyJwt({ key, kid: jwk.kid }),
  mtls: () => client.TlsClientAuth(),
};

const issuer = new URL(ISSUER);
const onThisMachine = issuer.protocol === 'http:' && issuer.hostname === 'localhost';
const overMtls = AUTH_METHOD === 'mtls';
// The certificate is presented to every host that asks for one, which the issuer's own host does not.
const shown = overMtls && { cert: readFileSync(CLIENT_CERTIFICATE), key: readFileSync(CLIENT_KEY), ca: readFileSync(AUTHORITY) };
const dispatcher = overMtls ? new undici.Agent({ connect: shown }) : undefined;
const send = overMtls ? (url, options) => undici.fetch(url, { ...options, dispatcher }) : fetch;
const metadata = overMtls ? { use_mtls_endpoint_aliases: true } : undefined;
const config = await client.discovery(issuer, CLIENT_ID, metadata, authMethods[AUTH_METHOD](), {
  execute: onThisMachine ? [client.allowInsecureRequests] : [],
  [client.customFetch]: send,
});
const { token_endpoint, mtls_endpoint_aliases } = config.serverMetadata();
const tokenEndpoint = overMtls ? mtls_endpoint_aliases.token_endpoint : token_endpoint;
// Without this, openid-client trusts the TLS connection and does not verify the ID token's signature.
client.enableNonRepudiationChecks(config);

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

// Resolves with the first response of the token endpoint, which openid-client does not expose.
function firstPoll() {
  return new Promise((resolve) => {
    config[client.customFetch] = async (url, options) => {
      const response = await send(url, options);
      if (url === tokenEndpoint) resolve(await response.clone().json());
      return response;
    };
  });
}

// openid-client does not sign this kind of request, but sends the parameters that it is given.
async function signed(parameters) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg, kid: jwk.kid, typ: 'oauth-authz-req+jwt' };
  const own = { iss: CLIENT_ID, aud: ISSUER, iat: now, nbf: now, exp: now + 60, jti: crypto.randomUUID() };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const message = `${encode(header)}.${encode({ ...own, ...parameters })}`;
  const signature = await crypto.subtle.sign(used, key, Buffer.from(message));
  return { request: `${message}.${Buffer.from(signature).toString('base64url')}` };
}

async function ask(binding_message) {
  const asked = { scope: 'openid profile', login_hint: LOGIN_HINT, binding_message };
  const parameters = process.env.SIGNED_REQUESTS === 'true' ? await signed(asked) : asked;
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
  // The same token is not accepted without the certificate.
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
