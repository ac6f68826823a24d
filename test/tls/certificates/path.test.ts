import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { afterAll, expect, test } from "vitest";

import { certificateFacts } from "../../../src/tls/certificates/certificate-facts.ts";
import { Certificate } from "../../../src/tls/certificates/certificate.ts";
import { PATH_MAX, verifyPath, type Purpose } from "../../../src/tls/certificates/path.ts";
import { TrustStore } from "../../../src/tls/certificates/trust-store.ts";
import { verifyPeer } from "../../../src/tls/certificates/verify-peer.ts";
import { Authority, CA, SERVER, type MakeOptions, type Made } from "../support/authority.ts";

const authority = new Authority();
afterAll(() => authority.remove());
const make = (name: string, options: MakeOptions = {}): Made => authority.make(name, options);

const certificates = (pems: readonly Made[]): Certificate[] =>
  pems.map(({ pem }) => new Certificate(new X509Certificate(pem)));

function judge(chain: readonly Made[], roots: readonly Made[], purpose: Purpose = "server", nowMs = NOW_MS) {
  const store = new TrustStore(roots.map(({ pem }) => pem));
  return verifyPath({ chain: certificates(chain), roots: store, purpose, nowMs });
}

/** What Node's own client says of the chain, without the name. */
async function askNode(chain: readonly Made[], roots: readonly Made[]): Promise<string | null> {
  const [leaf] = chain;
  const server = createServer({ cert: chain.map(({ pem }) => pem).join(""), key: leaf.key });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = connect({
    port,
    host: "127.0.0.1",
    ca: roots.map(({ pem }) => pem),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  await once(socket, "secureConnect");
  const { authorizationError } = socket as { authorizationError: unknown };
  socket.destroy();
  server.close();
  return (authorizationError as string | undefined) ?? null;
}

/** A day from now: every certificate here is valid by then, unless it is to be bad. */
const NOW_MS = Date.parse(new X509Certificate(make("clock").pem).validFrom) + 86_400_000;
const root = make("root", { extensions: CA });
const otherRoot = make("other root", { extensions: CA });
const middle = make("middle", { by: root, extensions: CA });
const lower = make("lower", { by: middle, extensions: CA });
const leafOf = (by: Made, name: string, extra: readonly string[] = []): Made =>
  make(name, { by, extensions: [...SERVER, ...extra] });
const leaf = leafOf(root, "leaf");
const deep = leafOf(lower, "deep");
const selfSigned = make("self", { extensions: SERVER });
const long: Made[] = [make("long 0", { extensions: CA })];
for (let at = 1; at <= PATH_MAX; at++) long.unshift(make(`long ${at}`, { by: long[0], extensions: CA }));
const short = make("short", {
  by: root,
  extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=keyCertSign"],
});
const belowShort = make("below short", { by: short, extensions: CA });
const noSigner = make("no signer", { by: root, extensions: ["basicConstraints=CA:TRUE", "keyUsage=digitalSignature"] });
const noCa = make("no ca", { by: root, extensions: ["basicConstraints=CA:FALSE"] });
const clientsCa = make("clients only", { by: root, extensions: [...CA, "extendedKeyUsage=clientAuth"] });
const constrained = (name: string, constraint: string): Made =>
  make(name, { by: root, extensions: [...CA, `nameConstraints=critical,${constraint}`] });
const onlyTest = constrained("only test", "permitted;DNS:test");
const notLocal = constrained("not local", "excluded;DNS:localhost");
const onlyNet = constrained("only net", "permitted;IP:10.0.0.0/255.0.0.0");
const expired = make("expired", { by: root, extensions: SERVER, days: -1 });
const expiredMiddle = make("expired middle", { by: root, extensions: CA, days: -1 });

/** Shaped as a chain, the roots, and what comes of it; Node's answer is the same unless another one is named. */
const CASES: readonly (readonly [
  what: string,
  chain: Made[],
  roots: Made[],
  code: string | null,
  node?: string | null,
])[] = [
  ["a leaf below a root", [leaf], [root], null],
  ["a leaf with the root sent along", [leaf, root], [root], null],
  ["a chain of four in order", [deep, lower, middle], [root], null],
  ["a chain of four out of order", [deep, middle, lower], [root], null],
  ["a chain with strangers in it", [deep, otherRoot, lower, selfSigned, middle, leaf], [root], null],
  ["a link that is only among the roots", [deep, lower], [root, middle], null],
  ["a self-signed leaf that is trusted", [selfSigned], [selfSigned], null],
  ["a self-signed leaf", [selfSigned], [root], "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["a root that is not trusted", [leaf, root], [otherRoot], "SELF_SIGNED_CERT_IN_CHAIN"],
  ["a leaf alone", [leaf], [otherRoot], "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ["a missing link", [deep, lower], [root], "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
  ["a missing first link", [deep, middle], [root], "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  [
    "RFC 5280 §6.1: a link as a root that is signed by somebody else",
    [deep, lower],
    [middle],
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_GET_ISSUER_CERT",
  ],
  ["RFC 5280 §6.1.3 (a)(2): an expired leaf", [expired], [root], "CERT_HAS_EXPIRED"],
  ["an expired link", [leafOf(expiredMiddle, "below expired"), expiredMiddle], [root], "CERT_HAS_EXPIRED"],
  [
    "RFC 5280 §6.1.4 (k): a link that is no CA",
    [leafOf(noCa, "below no ca"), noCa],
    [root],
    "INVALID_CA",
    "INVALID_PURPOSE",
  ],
  ["a leaf as a link", [leafOf(leaf, "below leaf"), leaf], [root], "INVALID_CA", "INVALID_PURPOSE"],
  [
    "RFC 5280 §6.1.4 (n): a link that may not sign",
    [leafOf(noSigner, "below no signer"), noSigner],
    [root],
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNSPECIFIED",
  ],
  ["RFC 5280 §6.1.4 (m): a path of the length that is allowed", [leafOf(short, "short leaf"), short], [root], null],
  ["a path that is longer", [leafOf(belowShort, "too deep"), belowShort, short], [root], "PATH_LENGTH_EXCEEDED"],
  [
    "RFC 5280 §4.2.1.12: a client's certificate as a server's",
    [make("client", { by: root, extensions: ["extendedKeyUsage=clientAuth"] })],
    [root],
    "INVALID_PURPOSE",
  ],
  ["a link for clients only", [leafOf(clientsCa, "below clients"), clientsCa], [root], "INVALID_PURPOSE"],
  [
    "RFC 5280 §4.2.1.3: a key that may only sign certificates",
    [leafOf(root, "signer", ["keyUsage=keyCertSign"])],
    [root],
    "INVALID_PURPOSE",
  ],
  ["RFC 5280 §4.2.1.10: a name outside what is permitted", [leafOf(onlyTest, "out"), onlyTest], [root], "UNSPECIFIED"],
  [
    "a name within what is permitted",
    [make("in", { by: onlyTest, extensions: ["subjectAltName=DNS:a.b.test,DNS:test"] }), onlyTest],
    [root],
    null,
  ],
  [
    "a name that only ends alike",
    [make("alike", { by: onlyTest, extensions: ["subjectAltName=DNS:atest"] }), onlyTest],
    [root],
    "UNSPECIFIED",
  ],
  ["a name that is excluded", [leafOf(notLocal, "excluded"), notLocal], [root], "UNSPECIFIED"],
  [
    "an address within what is permitted",
    [make("10", { by: onlyNet, extensions: ["subjectAltName=IP:10.9.8.7"] }), onlyNet],
    [root],
    null,
  ],
  [
    "an address outside",
    [make("11", { by: onlyNet, extensions: ["subjectAltName=IP:11.9.8.7"] }), onlyNet],
    [root],
    "UNSPECIFIED",
  ],
  [
    "RFC 5280 §4.2: a critical extension that nobody knows",
    [leafOf(root, "critical", ["1.2.3.4=critical,DER:0500"])],
    [root],
    "UNSPECIFIED",
  ],
  ["an extension that nobody knows", [leafOf(root, "harmless", ["1.2.3.4=DER:0500"])], [root], null],
];

test.for(CASES)("%s", async ([, chain, roots, code, node = code]) => {
  expect(judge(chain, roots, "server", NOW_MS)?.code ?? null).toBe(code);
  expect(await askNode(chain, roots)).toBe(node);
});

test("a path that is too long", () => {
  const below = (ca: Made): Made[] => [leafOf(ca, `below ${ca.name}`), ...long];
  const roots = [long[long.length - 1]];
  expect(judge(below(long[0]), roots)?.code).toBe("CERT_CHAIN_TOO_LONG");
  expect(judge(below(long[1]), roots)?.code).toBe("CERT_CHAIN_TOO_LONG");
  expect(judge(below(long[2]), roots)).toBeNull();
});

test("RFC 9155: a signature by SHA-1 is worth nothing below a root", () => {
  const weak = make("sha1", { by: root, extensions: SERVER, digest: "sha1" });
  expect(judge([weak], [root])?.code).toBe("UNSPECIFIED");
  const weakRoot = make("sha1 root", { extensions: CA, digest: "sha1" });
  expect(judge([leafOf(weakRoot, "below sha1")], [weakRoot])).toBeNull();
});

test("RFC 5280 §6.1.3 (a)(2): dates are of the moment, their ends included", () => {
  const { notBeforeMs, notAfterMs } = certificates([leaf])[0];
  const codeAt = (nowMs: number) => judge([leaf], [leaf, root], "server", nowMs)?.code ?? null;
  expect(codeAt(notBeforeMs - 1000)).toBe("CERT_NOT_YET_VALID");
  expect([
    codeAt(Math.max(notBeforeMs, certificates([root])[0].notBeforeMs)),
    codeAt(certificates([root])[0].notAfterMs),
  ]).toEqual([null, null]);
  expect(codeAt(notAfterMs + 1000)).toBe("CERT_HAS_EXPIRED");
});

test("a client's certificate is for clients", () => {
  const client = make("a client", { by: root, extensions: ["extendedKeyUsage=clientAuth"] });
  expect(judge([client], [root], "client", NOW_MS)).toBeNull();
  expect(judge([leaf], [root], "client", NOW_MS)?.code).toBe("INVALID_PURPOSE");
});

test("a signature that was changed, with every name in order", () => {
  const raw = Buffer.from(new X509Certificate(leaf.pem).raw);
  raw[raw.length - 1] ^= 1;
  const forged = new Certificate(new X509Certificate(raw));
  const roots = new TrustStore([root.pem]);
  const failure = verifyPath({ chain: [forged], roots, purpose: "server", nowMs: NOW_MS });
  expect(failure?.code).toBe("CERT_SIGNATURE_FAILURE");
});

test("many certificates of one name cost a bounded number of signatures", () => {
  const twins = Array.from({ length: 8 }, (_, at) => make(`twin ${at}`, { subject: "/CN=root", extensions: CA }));
  const failure = judge([leaf, ...twins], [otherRoot], "server", NOW_MS);
  expect(failure).not.toBeNull();
  expect(judge([leaf, ...twins], [root], "server", NOW_MS)).toBeNull();
});

const names = make("names", {
  by: root,
  extensions: ["subjectAltName=DNS:a.test,DNS:*.b.test,DNS:*.test,DNS:x*.c.test,IP:192.0.2.1,IP:2001:db8::1"],
});
const bare = make("bare.test", { by: root, subject: "/CN=bare.test" });

test.for([
  ["a.test", true],
  ["A.TEST", true],
  ["a.test.", true],
  ["b.a.test", false],
  ["one.b.test", true],
  ["one.two.b.test", false],
  ["b.test", false],
  [".b.test", false],
  ["xy.c.test", false],
  ["192.0.2.1", true],
  ["192.0.2.2", false],
  ["2001:db8::1", true],
  ["2001:0db8:0:0::0:1", true],
  ["::ffff:192.0.2.1", false],
  ["2001:db8::2", false],
  ["", false],
  ["a.test\0.evil.test", false],
] as const)("RFC 9525 §6: %s is in the certificate: %s", ([host, matches]) => {
  const failure = verifyPeer({
    chain: [new X509Certificate(names.pem)],
    resumed: false,
    roots: new TrustStore([root.pem]),
    purpose: "server",
    nowMs: NOW_MS,
    host,
  });
  expect(failure?.code ?? null).toBe(matches ? null : "ERR_TLS_CERT_ALTNAME_INVALID");
});

test("RFC 9525 §2: the common name is no host name", () => {
  const failure = verifyPeer({
    chain: [new X509Certificate(bare.pem)],
    resumed: false,
    roots: new TrustStore([root.pem]),
    purpose: "server",
    nowMs: NOW_MS,
    host: "bare.test",
  });
  expect(failure).toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
    reason: expect.stringContaining("DNS name") as string,
  });
});

test("certificates that were cut or changed are read without an exception", () => {
  const { raw } = new X509Certificate(onlyTest.pem);
  for (let at = 0; at < raw.length; at++) {
    certificateFacts(raw.subarray(0, at));
    const changed = Buffer.from(raw);
    changed[at] ^= 0x1f;
    certificateFacts(changed);
  }
  expect(certificateFacts(raw)?.nameConstraints?.permitted).toHaveLength(1);
});
