import { privateDecrypt, sign } from "node:crypto";

import type { SignJob, UnwrapJob } from "./jobs.ts";
import { decryptionKey, unwrapSteps } from "./keys/rsa-unwrapping.ts";
import { signatureKey } from "./signature-schemes.ts";

/** What is done with a private key, as data that another thread takes: keys are shared there, not copied. */
export type PrivateOperation =
  | {
      readonly kind: "decrypt";
      readonly key: ReturnType<typeof decryptionKey>;
      readonly input: Uint8Array;
    }
  | {
      readonly kind: "sign";
      readonly key: ReturnType<typeof signatureKey>;
      readonly hash: string;
      readonly input: Uint8Array;
    };

/** Does it at once. Errors: throws where the key cannot be used. */
export const operate = (operation: PrivateOperation): Buffer =>
  operation.kind === "decrypt"
    ? privateDecrypt(operation.key, operation.input)
    : sign(operation.hash, operation.input, operation.key);

/** A job's operation, and how its octets become the job's result; `finish` owns them. */
export interface PrivateSteps {
  readonly operation: PrivateOperation;
  readonly finish: (octets: Buffer) => Buffer;
}

export function privateSteps(job: UnwrapJob | SignJob): PrivateSteps {
  if (job.kind === "sign") {
    const { scheme, key, octets } = job;
    const operation = { kind: "sign", key: signatureKey(scheme, key), hash: scheme.hash, input: octets } as const;
    return { operation, finish: (signature) => signature };
  }
  const { input, finish } = unwrapSteps(job);
  return { operation: { kind: "decrypt", key: decryptionKey(job.key.key), input }, finish };
}
