import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

import {
  deriveKeys,
  exportKeyingMaterial,
  extendedMasterSecret,
  masterSecret,
  verifyData,
} from "../../../src/tls/keys/key-schedule.ts";
import { CIPHER_SUITES } from "../../../src/tls/suites.ts";
import { seededOctets } from "../support/endpoint.ts";
import { drawOctets } from "../../../src/tls/random-octets.ts";

/** Everything that is derived, against OpenSSL's TLS1-PRF with labels and seeds put together by hand from the RFCs. */
function theirs(hash: string, secret: Buffer, label: string, seed: readonly Uint8Array[], length: number): string {
  const labelled = Buffer.concat([Buffer.from(label), ...seed]).toString("hex");
  const options = [`digest:${hash}`, `hexsecret:${secret.toString("hex")}`, `hexseed:${labelled}`];
  const args = options.flatMap((option) => ["-kdfopt", option]);
  return execFileSync("openssl", ["kdf", "-keylen", String(length), "-binary", ...args, "TLS1-PRF"]).toString("hex");
}

const random = seededOctets(42);
const draw = (length: number): Buffer => drawOctets(random, length);
const [client, server, preMaster, master, digest] = [draw(32), draw(32), draw(48), draw(48), draw(32)];
const randoms = { client, server };

test.for(["sha256", "sha384"] as const)("RFC 5246 §8.1, RFC 7627 §4: both master secrets with %s", (hash) => {
  expect(masterSecret(hash, preMaster, randoms).toString("hex")).toBe(
    theirs(hash, preMaster, "master secret", [client, server], 48),
  );
  expect(extendedMasterSecret(hash, preMaster, digest).toString("hex")).toBe(
    theirs(hash, preMaster, "extended master secret", [digest], 48),
  );
});

test.for(["sha256", "sha384"] as const)("RFC 5246 §7.4.9: what Finished holds with %s", (hash) => {
  for (const side of ["client", "server"] as const) {
    expect(verifyData(hash, master, side, digest).toString("hex")).toBe(
      theirs(hash, master, `${side} finished`, [digest], 12),
    );
  }
});

test("RFC 5705 §4: exported material, without a context, with an empty one and with any", () => {
  const label = "EXPERIMENTAL fourtuple";
  for (const context of [null, Buffer.alloc(0), draw(300)]) {
    const size = context === null ? [] : [Buffer.of(context.length >> 8, context.length & 0xff), context];
    expect(exportKeyingMaterial("sha256", master, randoms, label, 77, context).toString("hex")).toBe(
      theirs("sha256", master, label, [client, server, ...size], 77),
    );
  }
});

/** Octets of MAC key, key and fixed IV by OpenSSL's name: RFC 5246 appendix C, RFC 5288 §3, RFC 7905 §2. */
const LENGTHS: readonly (readonly [name: RegExp, mac: number, key: number, iv: number])[] = [
  [/AES128-GCM/, 0, 16, 4],
  [/AES256-GCM/, 0, 32, 4],
  [/CHACHA20/, 0, 32, 12],
  [/AES128-SHA256$/, 32, 16, 0],
  [/AES256-SHA256$/, 32, 32, 0],
  [/AES128-SHA$/, 20, 16, 0],
  [/AES256-SHA$/, 20, 32, 0],
];

test.for(CIPHER_SUITES.map((suite) => [suite.name, suite] as const))(
  "RFC 5246 §6.3: the key block of %s",
  ([, suite]) => {
    const [, mac, key, iv] = LENGTHS.find(([name]) => name.test(suite.name)) ?? [/./, 0, 0, 0];
    const { client: ours, server: other } = deriveKeys(suite, master, randoms);
    const inOrder = [ours.mac, other.mac, ours.key, other.key, ours.iv, other.iv];
    expect(inOrder.map(({ length }) => length)).toEqual([mac, mac, key, key, iv, iv]);
    expect(Buffer.concat(inOrder).toString("hex")).toBe(
      theirs(suite.prf, master, "key expansion", [server, client], 2 * (mac + key + iv)),
    );
  },
);
