// An unmodified oidc-provider as a login issuer on this machine, with one person, `alice`, and everything in memory.
//
//   CLIENTS        required: its clients, a JSON array with the names of RFC 7591
//   PORT           optional; otherwise a free port
//
// Prints one JSON line with the issuer when it is ready, and ends when its standard input does. Its own development pages
// log people in: any password will do.

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { CLIENTS, PORT = '0' } = process.env;
assert(CLIENTS, 'CLIENTS is not set');
// What an operator would set for every client of this kind.
const defaults = {
  response_types: ['code'],
  grant_types: ['authorization_code'],
  id_token_signed_response_alg: 'ES256',
  require_auth_time: true,
};
const people = {
  alice: { sub: 'alice', name: 'Alice Example', email: 'alice@example.com', email_verified: true },
};
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

// The issuer has the port in it, so the server listens before there is a provider.
const server = createServer();
server.listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
const issuer = `http://localhost:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: JSON.parse(CLIENTS).map((client) => ({ ...defaults, ...client })),
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomUUID()] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  findAccount: (_, accountId) => people[accountId] && { accountId, claims: () => people[accountId] },
  features: { devInteractions: { enabled: true } },
});
// Its pages import a font from the internet, which a browser of a test must not fetch.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.type === 'text/html') ctx.body = String(ctx.body).replace(/@import url\([^)]*\);/g, '');
});
server.on('request', provider.callback());

process.stdin.on('end', () => process.exit()).resume();
console.log(JSON.stringify({ issuer }));
