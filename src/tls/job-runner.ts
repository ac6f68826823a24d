import { fault } from "./alert.ts";
import type { ChooseJob, Job, SignJob, UnwrapJob, VerifyJob } from "./jobs.ts";
import { IN_PLACE, type PrivateKeys } from "./private-key-workers.ts";
import { privateSteps } from "./private-operation.ts";

/** Who answers the questions that are not mere arithmetic. */
export interface JobAnswerers {
  readonly verify: (job: VerifyJob) => void;
  readonly choose: (job: ChooseJob) => void;
  /** Who has private keys at hand; in place, without. */
  readonly privateKeys?: PrivateKeys | undefined;
}

/** Does a job, those that need a private key perhaps later. What throws on the way is our own fault, or the key's: the peer is told `internal_error`. */
export function runJob(job: Job, { verify, choose, privateKeys = IN_PLACE }: JobAnswerers): void {
  switch (job.kind) {
    case "unwrap":
    case "sign":
      return usePrivateKey(job, privateKeys);
    case "verify":
      return verify(job);
    case "choose":
      return choose(job);
  }
}

function usePrivateKey(job: UnwrapJob | SignJob, keys: PrivateKeys): void {
  const { operation, finish } = privateSteps(job);
  keys.run(operation, (octets) => {
    if (octets === null) job.refuse(fault("internal_error", "the private key could not be used"));
    else job.resume(finish(octets));
  });
}
