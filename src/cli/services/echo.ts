import type { TcpHandler } from "../../sockets/tcp.ts";

/**
 * RFC 862: what comes in goes out, as it came, and the end as well. Octets are copied once, since they are lent; a peer that
 * sends without reading fills the send queue and is then not read from, so that its own window closes.
 */
export const echoHandler: TcpHandler = {
  data(connection, octets, start, end) {
    if (!connection.sendCopy(octets.subarray(start, end))) connection.pause();
  },
  drain(connection) {
    connection.resume();
  },
  end(connection) {
    connection.end();
  },
};
