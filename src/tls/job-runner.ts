import { fault } from "./alert.ts";
import type { ChooseJob, Job, VerifyJob } from "./jobs.ts";
import { unwrapPreMaster } from "./keys/rsa-unwrapping.ts";
import { signOctets } from "./signature-schemes.ts";

/** Who answers the questions that are not mere arithmetic. */
export interface JobAnswerers {
  readonly verify: (job: VerifyJob) => void;
  readonly choose: (job: ChooseJob) => void;
}

/** Does a job at once. What throws on the way is our own fault, or the key's: the peer is told `internal_error`. */
export function runJob(job: Job, { verify, choose }: JobAnswerers): void {
  switch (job.kind) {
    case "unwrap":
      return answer(job, () => unwrapPreMaster(job));
    case "sign":
      return answer(job, () => signOctets(job.scheme, job.key, job.octets));
    case "verify":
      return verify(job);
    case "choose":
      return choose(job);
  }
}

interface Answered<Result> {
  readonly resume: (result: Result) => void;
  readonly refuse: Job["refuse"];
}

function answer<Result>(job: Answered<Result>, compute: () => Result): void {
  let result: Result;
  try {
    result = compute();
  } catch {
    return job.refuse(fault("internal_error", "the private key could not be used"));
  }
  job.resume(result);
}
