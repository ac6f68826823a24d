import { formatAddress } from "../base/address.ts";
import type { PendingSyn, SynVerdict } from "../stack/tcp-service.ts";
import { rethrowLater } from "./rethrow.ts";
import type { IncomingSyn, SynAnswer, SynListener } from "./server-options.ts";

const incoming = (pending: PendingSyn): IncomingSyn => ({
  localAddress: formatAddress(pending.localAddress),
  localPort: pending.localPort,
  remoteAddress: formatAddress(pending.remoteAddress),
  remotePort: pending.remotePort,
});

const verdictOf = (answer: SynAnswer): Exclude<SynVerdict, "later"> => {
  if (typeof answer === "string") return answer;
  return answer ? "accept" : "refuse";
};

/** Asks `onSyn`, now or with "later". An application that throws or rejects has refused; its error becomes `uncaughtException`. */
export function askSynListener(onSyn: SynListener, pending: PendingSyn): SynVerdict {
  try {
    const answer = onSyn(incoming(pending));
    if (!(answer instanceof Promise)) return verdictOf(answer);
    answer.then(
      (settled) => pending.decide(verdictOf(settled)),
      (error: unknown) => {
        pending.decide("refuse");
        rethrowLater(error);
      },
    );
    return "later";
  } catch (error) {
    rethrowLater(error);
    return "refuse";
  }
}
