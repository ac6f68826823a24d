import type { TcpHandler, TcpSocket } from "../../sockets/tcp.ts";

/** RFC 864, "popular pattern": lines of 72 of the 95 printable ASCII characters, each beginning one further in the ring. */
export const LINE_CHARACTERS = 72;
const FIRST_PRINTABLE = 0x20;
const PRINTABLES = 95;
/** The pattern repeats after one line for each character of the ring; a line ends with CR LF. */
const PERIOD_OCTETS = PRINTABLES * (LINE_CHARACTERS + 2);
/** Periods in one block, so that the block is longer than the longest datagram. */
const BLOCK_PERIODS = 16;

function makeBlock(): Uint8Array {
  const block = new Uint8Array(PERIOD_OCTETS * BLOCK_PERIODS);
  let at = 0;
  for (let line = 0; at < block.length; line++) {
    for (let i = 0; i < LINE_CHARACTERS; i++) block[at++] = FIRST_PRINTABLE + ((line + i) % PRINTABLES);
    block[at++] = 0x0d;
    block[at++] = 0x0a;
  }
  return block;
}

/** Makes the handler of one server; its block of characters is sent again and again, by all connections. */
export function chargen(): { handler: TcpHandler; begin: (connection: TcpSocket) => void } {
  const block = makeBlock();
  const fill = (connection: TcpSocket): void => {
    while (!connection.readEnded && connection.send(block));
  };
  const handler: TcpHandler = {
    data() {
      // RFC 864: what the peer sends is thrown away.
    },
    drain: fill,
    end(connection) {
      connection.end();
    },
  };
  return { handler, begin: fill };
}
