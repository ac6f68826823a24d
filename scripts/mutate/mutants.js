import { CLOSING } from "./mutants/closing.js";
import { DEMULTIPLEXING } from "./mutants/demultiplexing.js";
import { FLOW_CONTROL } from "./mutants/flow-control.js";
import { HANDSHAKE } from "./mutants/handshake.js";
import { NETWORK } from "./mutants/network.js";
import { RECEIVING } from "./mutants/receiving.js";
import { RECOVERY } from "./mutants/recovery.js";
import { SUBTLE } from "./mutants/subtle.js";
import { VALIDATION } from "./mutants/validation.js";

/**
 * Bugs that somebody might make, one a mutant: in `file` the text `find` becomes `replace`, and `breaks` says what goes
 * wrong then. They were written from the source and the RFCs alone, before their author had seen a test, so that they are
 * not made to measure. `find` occurs exactly once: a change of the source that touches it moves the mutant along.
 */
export const MUTANTS = [
  ...HANDSHAKE,
  ...VALIDATION,
  ...RECEIVING,
  ...RECOVERY,
  ...FLOW_CONTROL,
  ...CLOSING,
  ...DEMULTIPLEXING,
  ...NETWORK,
  ...SUBTLE,
];
