import { expect, test } from "vitest";
import { type Outcome, runScript } from "./runner.ts";

const LISTEN = `
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
`;
const SERVER = `${LISTEN}
   +0 < S 0:0(0) win 65535 <mss 1000>
   +0 > S. 0:0(0) ack 1 <mss 1460>
  +.01 < . 1:1(0) ack 1 win 65535
   +0 accept(3, ..., ...) = 4
`;
const run = (text: string): Outcome => runScript(text, "x.pkt");
const reasonOf = (text: string): string => {
  const outcome = run(text);
  return outcome.status === "passed" ? "passed" : `${outcome.status}: ${outcome.reason}`;
};

test("a right script passes, and its first comment is its title", () => {
  expect(run(`// RFC 9293 §3.5: a title\n${SERVER}`)).toEqual({
    status: "passed",
    title: "RFC 9293 §3.5: a title",
    leftOut: 0,
  });
});

test("a wrong number fails with file, line, both packets and their times", () => {
  const text = `${SERVER}+0 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 2\n`;
  expect(reasonOf(text)).toBe(
    "failed: x.pkt:11: error handling packet: live packet field tcp_ack_seq: expected: 2 (0x2) vs actual: 1 (0x1)\n" +
      "script packet: 0.010000 P. 1:101(100) ack 2\n" +
      "actual packet: 0.010000 P. 1:101(100) ack 1 win 65535",
  );
});

const WRONG: readonly (readonly [string, string, string])[] = [
  ["a flag", "+0 write(4, ..., 9) = 9\n+0 > F. 1:10(9) ack 1", "tcp_fin: expected: 1 (0x1) vs actual: 0 (0x0)"],
  [
    "a sequence number",
    "+0 write(4, ..., 9) = 9\n+0 > . 2:11(9) ack 1",
    "tcp_seq: expected: 2 (0x2) vs actual: 1 (0x1)",
  ],
  [
    "a length",
    "+0 write(4, ..., 9) = 9\n+0 > . 1:11(10) ack 1",
    "tcp_payload_length: expected: 10 (0xa) vs actual: 9 (0x9)",
  ],
  [
    "a window",
    "+0 write(4, ..., 9) = 9\n+0 > . 1:10(9) ack 1 win 7",
    "tcp_window: expected: 7 (0x7) vs actual: 65535 (0xffff)",
  ],
  ["an option", "+0 write(4, ..., 9) = 9\n+0 > . 1:10(9) ack 1 <TS val 1 ecr 1>", "bad outbound TCP options"],
  [
    "the ECN field",
    "+0 write(4, ..., 9) = 9\n+0 > [ce] . 1:10(9) ack 1",
    "ip_ecn: expected: 3 (0x3) vs actual: 0 (0x0)",
  ],
  ["a result", "+0 write(4, ..., 9) = 8", "Expected result 8 but got 9"],
  ["an errno", "+0 recv(4, ..., 9, MSG_DONTWAIT) = -1 EPIPE (x)", "Expected errno EPIPE but got EAGAIN"],
  ["a value", "+0 getsockopt(4, SOL_TCP, TCP_MAXSEG, [7], [4]) = 0", "Bad value: expected: 7 actual: 1000"],
  ["poll's events", "+0 poll([{fd=4, events=POLLOUT, revents=0}], 1, 0) = 1", "revents: expected: 0x0 vs actual: 0x4"],
  [
    "an assertion",
    "+0 %{ assert tcpi_snd_cwnd == 3, 'x' }%",
    "assertion failed: tcpi_snd_cwnd == 3, 'x' (tcpi_snd_cwnd is 10)",
  ],
  ["a call that blocks", "+0 read(4, ..., 9) = 9", 'it blocks, and the script gives it no time ("...")'],
  [
    "a call that never returns",
    "+0...0.01 read(4, ..., 9) = 9",
    "read should have returned at 0.020000 sec and still blocks",
  ],
  ["ICMP for TCP", "+0 < udp (9)\n+0 > . 1:1(0) ack 1", "ip_protocol"],
];
for (const [what, lines, message] of WRONG) {
  test(`a script that is wrong in ${what} fails`, () => {
    const reason = reasonOf(`${SERVER}${lines}\n`);
    expect(reason).toMatch(/^failed: x\.pkt:1[0-9]: /);
    expect(reason).toContain(message);
  });
}

test("a packet at another time than expected fails with both times and the tolerance", () => {
  const text = `${SERVER}+0 < P. 1:11(10) ack 1 win 65535\n+.03 > . 1:1(0) ack 11\n`;
  expect(reasonOf(text)).toContain(
    "timing error: expected outbound packet at 0.040000 sec but happened at 0.050000 sec; tolerance 0.004000 sec",
  );
  expect(reasonOf(`--tolerance_usecs=10000\n${text}`)).toBe("passed");
  expect(reasonOf(text.replace("+.03 >", "+.03~+.04 >"))).toBe("passed");
  expect(reasonOf(text.replace("+.03 >", "* >"))).toBe("passed");
  expect(reasonOf(text.replace("+.03 >", "0.05 >"))).toBe("passed");
});

test("a packet that never comes fails", () => {
  expect(reasonOf(`${SERVER}+0 > . 1:1(0) ack 1\n`)).toBe(
    "failed: x.pkt:10: timed out waiting for packet: nothing was sent until 2.010000\nscript packet: 0.010000 . 1:1(0) ack 1",
  );
});

test("a packet that nothing expects fails where the next is expected, and at the end with --strict_end", () => {
  const write = `${SERVER}+0 write(4, ..., 9) = 9\n`;
  expect(reasonOf(write)).toBe("passed");
  expect(reasonOf(`--strict_end\n${write}`)).toContain(
    "packets that nothing expected before the end of the script:\n  0.010000 P. 1:10(9) ack 1 win 65535",
  );
  expect(reasonOf(`${write}+0 close(4) = 0\n+0 > F. 10:10(0) ack 1\n`)).toContain("tcp_fin: expected: 1");
});

test("a blocking call that returns too early or too late fails", () => {
  const accept = (end: string): string =>
    `${LISTEN}+0...${end} accept(3, ..., ...) = 4
     +.02 < S 0:0(0) win 65535 <mss 1000>
     +0 > S. 0:0(0) ack 1 <mss 1460>
     +.01 < . 1:1(0) ack 1 win 65535\n`;
  expect(reasonOf(accept("0.03"))).toBe("passed");
  expect(reasonOf(accept("0.05"))).toContain(
    "expected system call return at 0.050000 sec but happened at 0.030000 sec",
  );
  expect(reasonOf(accept("0.01"))).toContain(
    "expected system call return at 0.010000 sec but happened at 0.030000 sec",
  );
});

test("PSH and the order of options are compared only where the script asks for it", () => {
  const push = `${SERVER}+0 write(4, ..., 9) = 9\n+0 > . 1:10(9) ack 1\n`;
  expect(reasonOf(push)).toBe("passed");
  expect(reasonOf(`--strict_push\n${push}`)).toContain("tcp_psh: expected: 0");
  const order = SERVER.replace("> S. 0:0(0) ack 1 <mss 1460>", "> S. 0:0(0) ack 1 <nop,mss 1460>");
  expect(reasonOf(order)).toBe("passed");
  expect(reasonOf(`--strict_options\n${order}`)).toContain("bad outbound TCP options");
});

test("one super-segment may stand for several segments, unless the script forbids it", () => {
  const text = `${SERVER}+0 write(4, ..., 2000) = 2000\n+0 > . 1:1001(1000) ack 1\n+0 > P. 1001:2001(1000) ack 1\n`;
  expect(reasonOf(text)).toBe("passed");
  expect(reasonOf(`--strict_segments\n${text}`)).toContain(
    "tcp_payload_length: expected: 1000 (0x3e8) vs actual: 2000 (0x7d0)",
  );
});

test("an injected echo of a timestamp that was never seen fails", () => {
  const text = `${LISTEN}
   +0 < S 0:0(0) win 65535 <TS val 1 ecr 0>
   +0 > S. 0:0(0) ack 1 <mss 1460,TS val 50 ecr 1>
   +0 < . 1:1(0) ack 1 win 65535 <TS val 2 ecr 51>\n`;
  expect(reasonOf(text)).toContain("unable to infer live TS ecr for script TS ecr 51");
  expect(reasonOf(text.replace("ecr 51", "ecr 50"))).toBe("passed");
  expect(reasonOf(`--tcp_ts_ecr_scaled\n${text}`)).toBe("passed");
});

const SKIPPED: readonly (readonly [string, string, string])[] = [
  ["IPv6", "--ip_version=ipv6\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "--ip_version=ipv6: IPv4 only"],
  ["an unknown option", "--nothing=1\n0 < udp (1)", "option --nothing"],
  ["a shell command", "`ls`\n0 < udp (1)", 'shell command "ls"'],
  ["an unknown sysctl", "`sysctl -q net.ipv4.tcp_nothing=1`\n0 < udp (1)", "sysctl net.ipv4.tcp_nothing"],
  ["a switch that is missing", "`sysctl -q net.ipv4.tcp_mtu_probing=2`\n0 < udp (1)", "the stack has no switch for it"],
  ["an unknown call", "0 epoll_create(1) = 3", "system call epoll_create"],
  ["an unknown socket option", "0 setsockopt(3, SOL_TCP, TCP_NOTHING, [1], 4) = 0", "setsockopt TCP_NOTHING"],
  ["another protocol", "0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3", "sockets of type SOCK_DGRAM"],
  ["a field of tcp_info", "0 %{ assert tcpi_nothing == 1 }%", "tcpi_nothing is not in info()"],
  ["more Python than there is", `${SERVER}+0 %{ if x: pass }%`, "Python beyond assertions"],
  ["Fast Open", `${LISTEN}+0 < S 0:0(0) win 1 <FO>`, "TCP Fast Open is not in the stack"],
];
for (const [what, text, reason] of SKIPPED) {
  test(`a script that needs ${what} is skipped with the reason, never passed`, () => {
    expect(run(`${text}\n`)).toMatchObject({ status: "skipped", reason: expect.stringContaining(reason) as string });
  });
}

test("what is left out is counted", () => {
  const text = `${SERVER}+0 write(4, ..., 9) = 9\n+0 > P. 1:10(9) ack 1 win 7\n\`ls\`\n`;
  expect(runScript(text, "x.pkt", { leaveOut: ["win"] })).toMatchObject({ status: "skipped" });
  const timed = text.replace("`ls`", "+0 `ls`");
  expect(runScript(timed, "x.pkt", { leaveOut: ["win", "ls"] })).toMatchObject({ status: "passed", leftOut: 2 });
});

test("settings of the stack are those of the sysctls that have an equivalent", () => {
  const text = `\`sysctl -w net.inet.tcp.delacktime=100\`\n${SERVER}+0 < P. 1:11(10) ack 1 win 65535\n+.1 > . 1:1(0) ack 11\n`;
  expect(reasonOf(text)).toBe("passed");
});
