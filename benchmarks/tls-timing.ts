import { Buffer } from "node:buffer";
import {
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from "node:crypto";

import { assert } from "../src/base/assert.ts";
import { SeededRandom } from "../src/base/random.ts";
import { openBlock, rsaUnwrapKey, unwrapPreMaster, type UnwrapRequest } from "../src/tls/keys/rsa-unwrapping.ts";
import type { Bench } from "./harness.ts";
import { judge, T_LEAK, type Timed, type Verdict } from "./welch.ts";

const MODULUS_OCTETS = 256;
const PRE_MASTER_AT = MODULUS_OCTETS - 48;
const VERSION = 0x0303;
/** Inputs that are made ahead of being measured. */
const BATCH = 500;
/** The check alone takes less than the clock can tell: so many make one sample. */
const CHECKS_PER_SAMPLE = 16;
/** Samples that are thrown away: in them the engine compiles what is measured. */
const WARM_UP = 3000;

/** What can be wrong with a block of the right length, and of what kind it must look the same as none. */
const DEFECTS: readonly (readonly [name: string, spoil: (block: Buffer) => void])[] = [
  ["first octet", (block) => (block[0] = 1)],
  ["block type", (block) => (block[1] = 1)],
  ["zero at the beginning of the padding", (block) => (block[2] = 0)],
  ["zero at the end of the padding", (block) => (block[PRE_MASTER_AT - 2] = 0)],
  ["no zero behind the padding", (block) => (block[PRE_MASTER_AT - 1] = 7)],
  ["nothing in its place", (block) => block.set(nonZeroOctets(MODULUS_OCTETS - 1), 1)],
  ["version", (block) => (block[PRE_MASTER_AT + 1] = 2)],
];

function nonZeroOctets(length: number): Buffer {
  const octets = randomBytes(length);
  for (let at = 0; at < length; at++) octets[at] = Math.max(1, octets[at]);
  return octets;
}

function goodBlock(): Buffer {
  const block = nonZeroOctets(MODULUS_OCTETS);
  block[0] = 0;
  block[1] = 2;
  block[PRE_MASTER_AT - 1] = 0;
  block.set(randomBytes(48), PRE_MASTER_AT);
  block.writeUInt16BE(VERSION, PRE_MASTER_AT);
  return block;
}

interface Input {
  readonly octets: Buffer;
  /** Of `DEFECTS`; -1 for none. */
  readonly defect: number;
}
interface Sample extends Timed {
  readonly defect: number;
}

/** As many valid inputs as others, in random order. */
class Experiment {
  readonly #random = new SeededRandom(1);
  readonly #make: (block: Buffer) => Buffer;
  readonly #measured: (octets: Buffer) => number;

  /** `make` turns a block into what is measured; `measured` gives the nanoseconds that it took. */
  constructor(make: (block: Buffer) => Buffer, measured: (octets: Buffer) => number) {
    this.#make = make;
    this.#measured = measured;
  }

  run(count: number): Sample[] {
    const samples: Sample[] = [];
    for (let at = count > WARM_UP ? -WARM_UP : 0; at < count; at += BATCH) {
      const inputs = Array.from({ length: Math.min(BATCH, count - at) }, () => this.#input());
      for (const { octets, defect } of inputs) {
        const ns = this.#measured(octets);
        if (at >= 0) samples.push({ ns, second: defect >= 0, defect });
      }
    }
    return samples;
  }

  #input(): Input {
    const block = goodBlock();
    const bits = this.#random.nextInt32() >>> 0;
    const defect = (bits & 1) === 0 ? -1 : (bits >>> 1) % DEFECTS.length;
    if (defect >= 0) DEFECTS[defect][1](block);
    return { octets: this.#make(block), defect };
  }
}

type Unwrap = (request: UnwrapRequest) => Buffer;

/** Times `unwrap` on ciphertexts in always the same place, so that no input has memory of its own. */
function timed(unwrap: Unwrap, privateKey: KeyObject): (octets: Buffer) => number {
  const key = rsaUnwrapKey(privateKey);
  const wrapped = Buffer.alloc(MODULUS_OCTETS);
  const substitute = randomBytes(48);
  return (octets) => {
    wrapped.set(octets);
    const beginMs = performance.now();
    unwrap({ key, wrapped, clientVersion: VERSION, substitute });
    return (performance.now() - beginMs) * 1e6;
  };
}

function timedCheck(): (octets: Buffer) => number {
  const block = Buffer.alloc(MODULUS_OCTETS);
  const substitute = randomBytes(48);
  return (octets) => {
    block.set(octets);
    const beginMs = performance.now();
    for (let i = 0; i < CHECKS_PER_SAMPLE; i++) openBlock(block, true, VERSION, substitute);
    return ((performance.now() - beginMs) * 1e6) / CHECKS_PER_SAMPLE;
  };
}

/** The leak that is planted: the substitute is drawn only where it is needed, as RFC 5246 §7.4.7.1 tells not to. */
function leakyUnwrap({ key, wrapped }: UnwrapRequest): Buffer {
  const block = privateDecrypt({ key: key.key, padding: constants.RSA_NO_PADDING }, wrapped);
  const padding = block.subarray(2, PRE_MASTER_AT - 1);
  const good =
    block[0] === 0 &&
    block[1] === 2 &&
    !padding.includes(0) &&
    block[PRE_MASTER_AT - 1] === 0 &&
    block.readUInt16BE(PRE_MASTER_AT) === VERSION;
  return good ? Buffer.from(block.subarray(PRE_MASTER_AT)) : randomBytes(48);
}

function unwrapping(encrypt: (block: Buffer) => Buffer, privateKey: KeyObject): (n: number) => number {
  const key = rsaUnwrapKey(privateKey);
  const request = { key, wrapped: encrypt(goodBlock()), clientVersion: VERSION, substitute: randomBytes(48) };
  return (n) => {
    let hash = 0;
    for (let i = 0; i < n; i++) hash += unwrapPreMaster(request)[0];
    return hash;
  };
}

function tell(bench: Bench, name: string, { t, tMost, percentile, medians }: Verdict): void {
  bench.figure(`${name}: Welch's t`, t, "");
  bench.figure(`${name}: t furthest from 0 of all crops`, tMost, `(below percentile ${percentile.toFixed(1)})`);
  bench.figure(`${name}: median of valid less that of invalid`, medians[0] - medians[1], "ns");
}

/**
 * Whether time tells a valid padding from an invalid one: |t| stays below 4.5 for the whole unwrapping and for the check
 * alone, and the same test sees a leak that is planted here. Samples are interleaved at random and cropped as dudect does.
 * Errors: throws where one of the three is not so.
 */
export async function tlsTiming(bench: Bench): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 8 * MODULUS_OCTETS });
  const encrypt = (block: Buffer): Buffer =>
    publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
  await bench.bench("tls/keys: unwrap a pre-master secret", { smoke: 5, full: 2000 }, unwrapping(encrypt, privateKey));
  const count = bench.isSmoke ? 200 : 100_000;
  const whole = new Experiment(encrypt, timed(unwrapPreMaster, privateKey)).run(count);
  tell(bench, "unwrapping", judge(whole));
  for (const [defect, [name]] of DEFECTS.entries()) {
    const two = whole.filter((sample) => !sample.second || sample.defect === defect);
    bench.figure(`unwrapping, ${name}: t furthest from 0`, judge(two).tMost, "");
  }
  const check = judge(new Experiment((block) => block, timedCheck()).run(count));
  tell(bench, "the check alone", check);
  const leak = judge(new Experiment(encrypt, timed(leakyUnwrap, privateKey)).run(count));
  tell(bench, "a planted leak", leak);
  if (bench.isSmoke) return;
  assert(Math.abs(judge(whole).tMost) < T_LEAK, "time tells a valid padding from an invalid one");
  assert(Math.abs(check.tMost) < T_LEAK, "time tells how the check of a padding ends");
  assert(Math.abs(leak.tMost) >= T_LEAK, "the test does not see a leak");
}
