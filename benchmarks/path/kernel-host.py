"""One end of the kernel's TCP, driven by lines on standard input, answering with lines of JSON. It ends with its input.

  kernel-host.py receive PORT           says "ready"; each line is answered by {sender's address: octets received so far}
  kernel-host.py send ADDRESS PORT      says "connected", then sends all it can; each line is answered by TCP_INFO
"""
import json
import socket
import struct
import sys
import threading

CHUNK = 1 << 18
# struct tcp_info of linux/tcp.h, from its 32-bit fields on.
FIELDS = ("rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv "
          "last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space "
          "total_retrans").split()


def say(what):
    print(json.dumps(what), flush=True)


def receive(port):
    octets = {}

    def count(connection, address):
        chunk = bytearray(CHUNK)
        try:
            while (length := connection.recv_into(chunk)) > 0:
                octets[address] = octets.get(address, 0) + length
        except OSError:
            pass  # The sender ends by a reset.

    def accept(listener):
        while True:
            connection, (address, _) = listener.accept()
            threading.Thread(target=count, args=(connection, address), daemon=True).start()

    listener = socket.create_server(("", port))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    say("ready")
    for _ in sys.stdin:
        say(octets)


def send(address, port):
    connection = socket.create_connection((address, port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # The end is a reset.
    say("connected")

    def fill():
        chunk = bytes(CHUNK)
        while True:
            connection.sendall(chunk)

    threading.Thread(target=fill, daemon=True).start()
    for _ in sys.stdin:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8 + 4 * len(FIELDS))
        say(dict(zip(FIELDS, struct.unpack_from(f"={len(FIELDS)}I", info, 8))))


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]))
else:
    send(sys.argv[2], int(sys.argv[3]))
