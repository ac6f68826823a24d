import type { TcpHandler } from "../../sockets/tcp.ts";

/** RFC 863: what comes in is thrown away. Beyond it, a peer that has ended is told how many octets came, in decimal digits. */
export const discardHandler: TcpHandler = {
  data() {
    // The connection counts.
  },
  end(connection) {
    connection.send(new TextEncoder().encode(String(connection.bytesRead)));
    connection.end();
  },
};
