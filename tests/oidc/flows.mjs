// Starts oidc-provider, gets tokens from it as machines and people do, and asks a server with them.
//   node flows.mjs URL_OF_THE_SERVER URL_OF_THE_PROVIDER
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [server, issuer] = process.argv.slice(2);
const callback = `${issuer}/callback-of-the-app`;
const scopes = ['read', 'write', 'administer'];

const key = (kid, type, options, alg) => {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
};

// How somebody signed in: what the form of a real provider would find out.
const signIns = {
  alice: { acr: 'pwd', amr: ['pwd'] },
  root: { acr: 'phr', amr: ['hwk', 'user'] },
};

// A provider with these keys, and an access token that is a JWT for the audience.
const provider = (keys, alg, audience = 'comity') => {
  const made = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'meters',
        client_secret: 'a secret of this test',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: alg,
      },
      {
        client_id: 'app',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        redirect_uris: [callback],
        id_token_signed_response_alg: alg,
      },
    ],
    acrValues: ['pwd', 'phr'],
    cookies: { keys: ['a key of this test'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'Ed25519'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:comity',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: scopes.join(' '),
          audience,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg } },
        }),
      },
    },
    extraTokenClaims: (ctx) => {
      const { acr, amr } = ctx.oidc.entities.AuthorizationCode ?? {};
      return { acr, amr };
    },
    interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope('openid');
      grant.addResourceScope('urn:comity', scopes.join(' '));
      await grant.save();
      return grant;
    },
  });
  const handle = made.callback();
  return async (request, response) => {
    if (!request.url.startsWith('/sign-in/')) return handle(request, response);
    const { params } = await made.interactionDetails(request, response);
    const accountId = params.login_hint;
    const login = { accountId, ...signIns[accountId] };
    await made.interactionFinished(request, response, { login });
  };
};

let handle;
const listening = createServer((request, response) => handle(request, response));
await new Promise((done) => listening.listen(new URL(issuer).port, '127.0.0.1', done));

// A machine's token.
const machineToken = async (scope) => {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('meters:a+secret+of+this+test')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope, resource: 'urn:comity' }),
  });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body.access_token;
};

// A person's tokens, as their browser and an app get them.
const personTokens = async (who, scope) => {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const asked = new URLSearchParams({
    client_id: 'app',
    response_type: 'code',
    redirect_uri: callback,
    scope: `openid ${scope}`,
    resource: 'urn:comity',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    login_hint: who,
  });
  const cookies = new Map();
  let url = `${issuer}/auth?${asked}`;
  for (let hops = 0; !url.startsWith(`${callback}?`); hops += 1) {
    assert.ok(hops < 10, url);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      cookies.set(name, value);
    }
    const to = answer.headers.get('location');
    assert.ok(to, `${url}: ${answer.status} ${await answer.text()}`);
    url = new URL(to, url).href;
  }
  const code = new URL(url).searchParams.get('code');
  assert.ok(code, url);
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'app',
      redirect_uri: callback,
      code,
      code_verifier: verifier,
    }),
  });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body;
};

const check = async (what, token, expected, { method = 'GET', path = '/ngsi-ld/v1/types', body } = {}) => {
  const headers = { authorization: `Bearer ${token}` };
  if (body) headers['content-type'] = 'application/json';
  const answer = await fetch(`${server}${path}`, { method, headers, body });
  const told = await answer.text();
  const challenge = answer.headers.get('www-authenticate') ?? '';
  assert.equal(answer.status, expected.status, `${what}: ${answer.status} ${told}`);
  assert.ok(told.includes(expected.told ?? ''), `${what}: ${told}`);
  assert.ok(challenge.includes(expected.challenge ?? ''), `${what}: ${challenge}`);
  console.log(`ok: ${what}`);
};

const rsa = key('rsa-1', 'rsa', { modulusLength: 2048 }, 'RS256');
handle = provider([rsa], 'RS256');
const lamp = JSON.stringify({ id: `urn:ngsi-ld:Lamp:${Date.now()}`, type: 'Lamp' });
const create = { method: 'POST', path: '/ngsi-ld/v1/entities', body: lamp };
const reading = await machineToken('read');
await check('a machine reads', reading, { status: 200 });
await check('a machine that reads does not write', reading, { status: 403 }, create);
await check('a machine writes', await machineToken('read write'), { status: 201 }, create);

const alice = await personTokens('alice', 'write');
await check('a person reads', alice.access_token, { status: 200, told: 'Lamp' });
await check('a token for the app itself is not one for access', alice.id_token, {
  status: 401, told: 'is of type `JWT`; issuer `staff` allows `at+jwt`', challenge: 'error="invalid_token"',
});
const administer = { path: '/admin/historyRetention' };
const weak = await personTokens('alice', 'administer');
await check('an administrator with a password alone is refused', weak.access_token, {
  status: 403, told: '`acr` one of `phr`; it has `pwd`', challenge: 'acr_values="phr"',
}, administer);
const strong = await personTokens('root', 'administer');
await check('an administrator with a security key administers', strong.access_token, { status: 200 }, administer);

handle = provider([rsa], 'RS256', 'billing');
await check('a token for another service is refused', await machineToken('read'), {
  status: 401, told: 'for audience `billing`',
});

for (const [kid, type, options, alg] of [
  ['ec-1', 'ec', { namedCurve: 'P-256' }, 'ES256'],
  ['ec-2', 'ec', { namedCurve: 'P-384' }, 'ES384'],
  ['ed-1', 'ed25519', {}, 'EdDSA'],
  ['rsa-2', 'rsa', { modulusLength: 3072 }, 'PS256'],
]) {
  await new Promise((done) => setTimeout(done, 150));
  handle = provider([key(kid, type, options, alg)], alg);
  await check(`new keys are followed: ${alg}`, await machineToken('read'), { status: 200 });
  await check(`and the old ones end: ${alg}`, reading, { status: 401, told: 'does not publish' });
}

listening.close();
listening.closeAllConnections();
console.log('all flows passed');
