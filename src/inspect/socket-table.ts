import { ANY_ADDRESS, formatAddress } from "../base/address.ts";
import type { Tcp } from "../sockets/tcp.ts";

/** One socket of a stack, as `ss` or `netstat` would list it. */
export interface SocketRow {
  /** A listening socket only receives SYNs; a connected one carries everything else. They are different things. */
  readonly kind: "listening" | "connected";
  readonly state: string;
  /** "address:port"; "*" is the wildcard. */
  readonly remote: string;
  readonly local: string;
}

/** Every socket of a stack: listening ones first, then connected ones by their remote end. */
export function socketRows(stack: { readonly tcp: Pick<Tcp, "connections" | "listeners"> }): SocketRow[] {
  const listening = [...stack.tcp.listeners()].map(({ address, port }): SocketRow => {
    const host = address === ANY_ADDRESS ? "*" : formatAddress(address);
    return { kind: "listening", state: "LISTEN", remote: "*:*", local: `${host}:${port < 0 ? "*" : port}` };
  });
  const connected = [...stack.tcp.connections()].map((socket): SocketRow => ({
    kind: "connected",
    state: socket.stateName,
    remote: `${socket.remoteAddress}:${socket.remotePort}`,
    local: `${socket.localAddress}:${socket.localPort}`,
  }));
  return [...listening, ...connected.sort((a, b) => a.remote.localeCompare(b.remote))];
}

/** The rows as a table of plain text, each four-tuple as `<remote address, remote port, local address, local port>`. */
export function socketTable(rows: readonly SocketRow[]): string {
  const lines = rows.map(({ kind, state, remote, local }) => {
    const tuple = `<${[remote, local].join(", ").replaceAll(":", ", ")}>`;
    return `${kind.padEnd(10)} ${state.padEnd(12)} ${tuple}`;
  });
  const head = `${"socket".padEnd(10)} ${"state".padEnd(12)} <remote address, port, local address, port>`;
  return [head, ...lines].map((text) => `${text}\n`).join("");
}
