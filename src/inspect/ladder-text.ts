import type { Rung } from "./ladder.ts";

/** Columns of a ladder line: time, left state, the arrow between its two rails, right state, listener. */
const TIME_COLUMNS = 9;
const STATE_COLUMNS = 12;
const ARROW_COLUMNS = 66;

/** RFC 9293 §3.3.2: the state in which there is no TCB. */
const ABSENT = "CLOSED";

const sequence = ({ relativeSeq, relativeAck }: Rung): string =>
  relativeAck === null ? `seq=${relativeSeq}` : `seq=${relativeSeq} ack=${relativeAck}`;

function arrow(rung: Rung): string {
  const ports = `${rung.sourcePort} > ${rung.destinationPort}`;
  const text = ` ${ports}  ${rung.flags.join(",")}  ${sequence(rung)} len=${rung.length} win=${rung.window} `;
  const body = text.padEnd(ARROW_COLUMNS - 4, "-");
  if (rung.from === "left") return `--${body}${rung.arrived ? "->" : "-x"}`;
  return `${rung.arrived ? "<-" : "x-"}${body}--`;
}

function line(time: string, left: string, middle: string, right: string, listener: string): string {
  const start = `${time.padStart(TIME_COLUMNS)}  ${left.padEnd(STATE_COLUMNS)}`;
  return `${start} |${middle.padEnd(ARROW_COLUMNS)}| ${right.padEnd(STATE_COLUMNS)} ${listener}`.trimEnd();
}

/**
 * One segment as lines of text. `seq` and `ack` count from each side's initial sequence number; a SYN is followed by that
 * number as it is on the wire, and by its options, and any segment by `notes` on what it carries. The sender's state is that
 * after it was sent, the receiver's that after it had arrived.
 */
export function formatRung(rung: Rung, notes: readonly string[] = []): readonly string[] {
  const time = `${(rung.atUs / 1000).toFixed(2)} ms`;
  const [left, right] = [rung.leftState ?? ABSENT, rung.rightState ?? ABSENT];
  const head = line(time, left, arrow(rung), right, rung.listenerState ?? "CLOSED");
  const below = [
    ...(rung.flags.includes("SYN") ? [`initial sequence number ${rung.seq}`] : []),
    ...(rung.options.length > 0 || rung.flags.includes("SYN") ? [rung.options.join(", ")] : []),
    ...notes,
  ];
  return [head, ...below.map((text) => line("", "", `     ${text}`, "", ""))];
}

/** The head of the columns, and all rungs. */
export function formatLadder(rungs: readonly Rung[], names: { readonly left: string; readonly right: string }): string {
  return [...ladderHead(names), ...rungs.flatMap((rung) => formatRung(rung))].map((text) => `${text}\n`).join("");
}

/** The lines above a ladder. */
export function ladderHead(names: { readonly left: string; readonly right: string }): readonly string[] {
  return [line("time", names.left, "", names.right, "listener")];
}
