// The certified provider: oidc-provider with its own sign-in form, which takes
// any password. What differs from one story to the next comes as JSON in
// PROVIDER; options in ../provider.go says what there is.
import fs from 'node:fs';
import https from 'node:https';
import crypto from 'node:crypto';
import { Provider } from 'oidc-provider';

const options = JSON.parse(process.env.PROVIDER);

const people = {
  alice: { name: 'Alice Ädmin', email: 'alice@example.test', email_verified: true, groups: ['admins', 'users'],
    department: 'it' },
  bob: { name: 'Bob', email: 'bob@example.test', email_verified: true, groups: ['users'] },
  // 300 groups: more than one page of memory, which is all nginx has for an answer's header.
  carol: { name: 'Carol', email: 'carol@example.test', email_verified: true,
    groups: ['admins', ...Array.from({ length: 299 }, (_, i) => `department-${i}-of-the-company`)] },
};

// What has been said of somebody since: groups, or null if the account is closed.
function groupsOf(id) {
  const changed = fs.existsSync(options.groups) ? JSON.parse(fs.readFileSync(options.groups)) : {};
  return id in changed ? changed[id] : people[id]?.groups;
}

const provider = new Provider(options.issuer, {
  clients: [{
    client_id: options.client,
    client_secret: options.secret,
    redirect_uris: options.redirectURIs,
    post_logout_redirect_uris: options.postLogoutRedirectURIs,
    backchannel_logout_uri: options.backchannelLogoutURI,
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }, { // a program, which acts for itself
    client_id: 'service',
    client_secret: options.secret,
    redirect_uris: [],
    grant_types: ['client_credentials'],
    response_types: [],
  }],
  jwks: { keys: [{ ...crypto.createPrivateKey(options.key).export({ format: 'jwk' }), kid: 'e2e', alg: 'RS256', use: 'sig' }] },
  acrValues: ['phr'],
  scopes: options.scopes ?? ['openid', 'offline_access', 'profile', 'email', 'groups'],
  claims: { openid: ['sub', 'sid', 'amr', 'acr'], profile: ['name', 'preferred_username', 'department'], email: ['email', 'email_verified'], ...!options.scopes && { groups: ['groups'] } },
  async findAccount(_, id) {
    const groups = groupsOf(id) ?? undefined;
    return groups && { accountId: id, claims: async () => ({ sub: id, preferred_username: id, ...people[id], groups }) };
  },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true }, backchannelLogout: { enabled: true },
    revocation: { enabled: true }, clientCredentials: { enabled: true }, introspection: { enabled: true },
    // Whom an access token is for, and whether it can be read, is the host's name.
    resourceIndicators: { enabled: true, getResourceServerInfo: (_, resource) => ({
      scope: 'read write', audience: resource, accessTokenFormat: new URL(resource).hostname.startsWith('opaque.') ? 'opaque' : 'jwt' }) },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: options.requirePushed ?? false } },
  // Its own refuses addresses of this machine, which here are all there are.
  fetch: (url, { dispatcher, ...init }) => globalThis.fetch(url, init),
  ...options.issueRefreshToken && { issueRefreshToken: () => true },
  rotateRefreshToken: true,
  pkce: { required: () => true },
  cookies: { keys: [crypto.randomBytes(32).toString('hex')] },
  ttl: { AccessToken: 300, IdToken: 300, Session: 3600, Grant: 3600, Interaction: 600, AuthorizationCode: 60 },
});
// Its own form asks for a password alone. Who is in the group second-factor has
// one, and has used it; who is in yesterday has done so then.
const { loginAccount } = provider.Session.prototype;
provider.Session.prototype.loginAccount = function (details) {
  const groups = groupsOf(details.accountId);
  const proof = groups.includes('second-factor') ? { amr: ['pwd', 'mfa'], acr: 'phr' } : { amr: ['pwd'] };
  if (groups.includes('yesterday')) proof.loginTs = Math.floor(Date.now() / 1000) - 24 * 3600;
  loginAccount.call(this, { ...details, ...proof });
};
for (const event of ['server_error', 'authorization.error', 'grant.error', 'userinfo.error', 'end_session.error', 'backchannel.error']) {
  provider.on(event, (...args) => console.error(event, args.find((a) => a instanceof Error)));
}

const [host, port] = options.listen.split(':');
https.createServer({
  key: fs.readFileSync(`${options.tls}/leaf.key`),
  cert: fs.readFileSync(`${options.tls}/chain.crt`),
}, provider.callback()).listen({ host, port });
