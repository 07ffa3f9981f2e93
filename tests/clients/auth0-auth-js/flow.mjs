// Two sign-ins with an unmodified @auth0/auth0-auth-js: one is approved, in one call that polls; one is denied, step by step.
//
//   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; LOGIN_HINT is the person's sub, the client uses client_secret_post
//   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//
// Prints one JSON line about the approved sign-in. Exits with 1 and the reason if anything is not as expected.

import assert from 'node:assert/strict';
import { AuthClient } from '@auth0/auth0-auth-js';
import { decodeJwt } from 'jose';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL } = process.env;
for (const [name, value] of Object.entries({ ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT, DECIDE_URL })) {
  assert(value, `${name} is not set`);
}

async function decide(authReqId, action) {
  const url = new URL('/decide', DECIDE_URL);
  url.search = new URLSearchParams({ auth_req_id: authReqId, action });
  const response = await fetch(url, { method: 'POST' });
  assert(response.ok, `${url.pathname} answered ${response.status}: ${await response.text()}`);
}

// The responses, which the call that polls does not expose.
const answers = [];
let seen = async () => {};

const auth0 = new AuthClient({
  domain: new URL(ISSUER).host,
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  customFetch: async (url, options) => {
    const response = await fetch(url, options);
    answers.push(await response.clone().json());
    await seen(answers);
    return response;
  },
});

const options = {
  loginHint: { sub: LOGIN_HINT },
  requestedExpiry: 45,
  authorizationParams: { audience: 'https://api.example.com' },
};

async function approved() {
  seen = async (answers) => {
    if (answers.at(-1).error === 'authorization_pending') {
      await decide(answers.find((answer) => answer.auth_req_id).auth_req_id, 'allow');
    }
  };
  // By default it requests the scope openid, profile, email and offline_access.
  const tokens = await auth0.backchannelAuthentication({ ...options, bindingMessage: 'W4SCT' });
  assert(tokens.refreshToken, 'no refresh token');
  assert(answers.some((answer) => answer.error === 'authorization_pending'));
  const { sub, acr, iss, aud } = tokens.claims;
  assert.deepEqual([iss, aud], [ISSUER, CLIENT_ID]);
  return { sub, acr, audience: decodeJwt(tokens.accessToken).aud };
}

async function denied() {
  seen = async () => {};
  const { authReqId, expiresIn } = await auth0.initiateBackchannelAuthentication({ ...options, bindingMessage: 'W5SCT' });
  assert.equal(expiresIn, 45);
  await decide(authReqId, 'deny');
  await assert.rejects(auth0.backchannelAuthenticationGrant({ authReqId }), (error) => {
    assert.deepEqual([error.name, error.cause.error], ['BackchannelAuthenticationError', 'access_denied']);
    return true;
  });
}

const result = await approved();
await denied();
console.log(JSON.stringify(result));
