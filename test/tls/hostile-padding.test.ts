import fc from "fast-check";
import { expect, test } from "vitest";

import { serverEnd } from "./support/endpoint.ts";
import { HandClient } from "./support/hand-client.ts";

/** RFC 8017 §7.2.2 with a modulus of 256 octets: where the parts of the block stand. */
const LENGTH = 256,
  ZERO_AT = LENGTH - 49,
  VERSION_AT = LENGTH - 48,
  RANDOM_AT = LENGTH - 46;

/** All that somebody on the path, or the client, sees of a server: what it says and when, and how it ends. */
interface Observed {
  readonly afterKeyExchange: string;
  readonly afterChangeCipherSpec: string;
  readonly afterFinished: string;
  readonly failures: readonly unknown[];
  readonly isOpen: boolean;
}

/** A client that has heard ServerHelloDone. */
function greeted(): HandClient {
  const client = new HandClient(serverEnd()).hello();
  client.heard();
  return client;
}

function observe(wrapped: (client: HandClient) => Buffer): Observed {
  const client = greeted();
  client.keyExchange(wrapped(client));
  const afterKeyExchange = client.heard();
  client.changeCipherSpec();
  const afterChangeCipherSpec = client.heard();
  client.finished();
  const { failures, connection } = client.server;
  return {
    afterKeyExchange,
    afterChangeCipherSpec,
    afterFinished: client.heard(),
    failures,
    isOpen: connection.isOpen,
  };
}

/** A good wrapping of another secret: what every bad one must look like. The alert is in the clear, 20 is bad_record_mac. */
const REFUSED = {
  afterKeyExchange: "",
  afterChangeCipherSpec: "",
  afterFinished: "15030300020214",
  failures: [{ kind: "fault", alert: "bad_record_mac", reason: "a record cannot be opened" }],
  isOpen: false,
};

const spoilt =
  (spoil: (block: Buffer) => unknown) =>
  (client: HandClient): Buffer =>
    client.wrap(client.block((block) => void spoil(block)));

test("RFC 5246 §7.4.7.1: a good wrapping of another secret is answered by bad_record_mac at Finished, and nothing before", () => {
  expect(observe(spoilt((block) => (block[LENGTH - 1] ^= 1)))).toEqual(REFUSED);
});

/** Each place of the block by what stands there, with what must not stand there. */
const PLACES: readonly (readonly [what: string, from: number, to: number, values: readonly number[]])[] = [
  ["the first octet", 0, 1, [1, 2, 0x80]],
  ["the block type", 1, 2, [0, 1, 3, 0x82, 0xff]],
  ["the first eight octets of the padding", 2, 10, [0]],
  ["the rest of the padding", 10, ZERO_AT, [0]],
  ["the zero behind the padding", ZERO_AT, ZERO_AT + 1, [1, 2, 0x80, 0xff]],
  ["the version", VERSION_AT, RANDOM_AT, [0, 2, 4, 0xff]],
  ["the secret itself", RANDOM_AT, LENGTH, [0, 0xff]],
];

test.for(PLACES)(
  "RFC 5246 §7.4.7.1: %s, wrong at every place and in every way, looks the same",
  ([, from, to, values]) => {
    for (let at = from; at < to; at++) {
      for (const value of values) {
        // A first octet that high is not below the modulus, and is not to be wrapped: the next lower one is.
        const octet = at === 0 ? Math.min(value, 0x7f) : value;
        expect(observe(spoilt((block) => (block[at] = octet)))).toEqual(REFUSED);
      }
    }
  },
);

test("RFC 5246 §7.4.7.1: a secret of any length but 48 looks the same", () => {
  for (let length = 0; length <= LENGTH - 11; length++) {
    if (length === 48) continue;
    const spoil = (block: Buffer): void => {
      block.fill(0xaa, 2);
      block[LENGTH - length - 1] = 0;
      if (length >= 2) block.writeUInt16BE(0x0303, LENGTH - length);
    };
    expect(observe(spoilt(spoil))).toEqual(REFUSED);
  }
});

test("RFC 5246 §7.4.7.1: blocks at random look the same", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: LENGTH - 1, maxLength: LENGTH - 1 }), (octets) => {
      expect(observe((client) => client.wrap(Buffer.concat([Buffer.alloc(1), octets])))).toEqual(REFUSED);
    }),
    { numRuns: 60 },
  );
});

test("RFC 5246 §7.4.7.1: a ciphertext of any length and any octets looks the same", () => {
  const lengths = fc.oneof(fc.constantFrom(0, 1, 48, 128, 255, 256, 257, 512), fc.nat(16_000));
  fc.assert(
    fc.property(lengths, fc.nat(255), (length, octet) => {
      expect(observe(() => Buffer.alloc(length, octet))).toEqual(REFUSED);
    }),
    { numRuns: 60 },
  );
});

test("RFC 5246 §7.4.7.1: ciphertexts around the modulus look the same", () => {
  const modulus = (client: HandClient): bigint => BigInt(`0x${client.modulus().toString("hex")}`);
  for (const offset of [-2n, -1n, 0n, 1n, 2n, 1000n]) {
    const wrapped = (client: HandClient): Buffer => Buffer.from((modulus(client) + offset).toString(16), "hex");
    expect(observe(wrapped)).toEqual(REFUSED);
  }
  for (const small of [0n, 1n, 2n]) {
    const wrapped = (): Buffer => Buffer.from(small.toString(16).padStart(2 * LENGTH, "0"), "hex");
    expect(observe(wrapped)).toEqual(REFUSED);
  }
});

test("RFC 5246 §7.4.7.1: a good wrapping with a zero in front, or without its own, looks the same", () => {
  expect(observe((client) => Buffer.concat([Buffer.alloc(1), client.wrap(client.block())]))).toEqual(REFUSED);
  expect(observe((client) => client.wrap(client.block()).subarray(1))).toEqual(REFUSED);
  expect(observe((client) => client.wrap(client.block()).subarray(0, -1))).toEqual(REFUSED);
});

test("RFC 5246 §7.4.7.1: the version of the secret is that of ClientHello: any other looks like a bad padding", () => {
  for (let version = 0; version <= 0xffff; version += 0x0101) {
    if (version === 0x0303) continue;
    expect(observe(spoilt((block) => block.writeUInt16BE(version, VERSION_AT)))).toEqual(REFUSED);
  }
});

test("RFC 5246 §7.4.7.1: what follows a bad wrapping may be cut off anywhere: silence, as with a good one", () => {
  for (const wrapped of [spoilt(() => {}), spoilt((block) => (block[1] = 1))]) {
    const client = greeted();
    client.keyExchange(wrapped(client)).changeCipherSpec();
    client.server.connection.inputEnded();
    expect(client.heard()).toBe("");
    expect(client.server.failures).toEqual([{ kind: "truncated" }]);
  }
});
