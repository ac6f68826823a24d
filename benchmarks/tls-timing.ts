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
import { openBlock, rsaUnwrapKey, unwrapPreMaster, type UnwrapRequest } from "../src/tls/keys/rsa-unwrapping.ts";
import type { Bench } from "./harness.ts";
import { DEFECTS, Experiment, goodBlock, MODULUS_OCTETS, PRE_MASTER_AT, tell, VERSION } from "./padding-experiment.ts";
import { judge, T_LEAK } from "./welch.ts";

/** The check alone takes less than the clock can tell: so many make one sample. */
const CHECKS_PER_SAMPLE = 16;

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
  const whole = await new Experiment(encrypt, timed(unwrapPreMaster, privateKey)).run(count);
  tell(bench, "unwrapping", judge(whole));
  for (const [defect, [name]] of DEFECTS.entries()) {
    const two = whole.filter((sample) => !sample.second || sample.defect === defect);
    bench.figure(`unwrapping, ${name}: t furthest from 0`, judge(two).tMost, "");
  }
  const check = judge(await new Experiment((block) => block, timedCheck()).run(count));
  tell(bench, "the check alone", check);
  const leak = judge(await new Experiment(encrypt, timed(leakyUnwrap, privateKey)).run(count));
  tell(bench, "a planted leak", leak);
  if (bench.isSmoke) return;
  assert(Math.abs(judge(whole).tMost) < T_LEAK, "time tells a valid padding from an invalid one");
  assert(Math.abs(check.tMost) < T_LEAK, "time tells how the check of a padding ends");
  assert(Math.abs(leak.tMost) >= T_LEAK, "the test does not see a leak");
}
