import { expect, test } from "vitest";
import { namesIn, run } from "./code.ts";
import { showPacket } from "./notation.ts";
import { parseScript } from "./parser.ts";
import { type Action, type EventTime, ScriptError, Unsupported } from "./script.ts";

const event = (line: string): { time: EventTime; action: Action } => parseScript(`${line}\n`, "x.pkt").events[0];
const shown = (line: string): string => {
  const { action } = event(line);
  return action.type === "packet" ? showPacket(null, action) : action.type;
};

test("times: absolute, relative, ranges, any", () => {
  const time = (text: string): EventTime => event(`${text} < . 1:1(0) ack 1`).time;
  expect(time("0.25")).toEqual({ kind: "absolute", us: 250_000 });
  expect(time("3")).toEqual({ kind: "absolute", us: 3_000_000 });
  expect(time("+.1")).toEqual({ kind: "relative", us: 100_000 });
  expect(time("+0")).toEqual({ kind: "relative", us: 0 });
  expect(time("1~2.5")).toEqual({ kind: "range", us: 1_000_000, endUs: 2_500_000 });
  expect(time("+.01~+.02")).toEqual({ kind: "relativeRange", us: 10_000, endUs: 20_000 });
  expect(time("*")).toEqual({ kind: "any" });
});

test("packets are written back as they were read", () => {
  for (const packet of [
    "S 0:0(0) win 100 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>",
    "S. 0:0(0) ack 1 <...>",
    "SEW 0:0(0)",
    "FP. 1:11(10) ack 5 win 7 urg 3",
    "R 4294967295:4294967295(0)",
    "- 1:2(1)",
    "[ect0] P. 1:2(1) ack 1",
    "(tos 0x10) . 1:1(0) ack 1",
    "40000 > 8080 . 1:1(0) ack 1 <nop,nop,sack 5:9 1:3>",
    "icmp unreachable frag_needed mtu 1200 [1:1461(1460)]",
    "icmp echo_request",
    "udp (100)",
  ]) {
    expect(shown(`+0 < ${packet}`)).toBe(packet);
    expect(shown(`+0 > ${packet}`)).toBe(packet);
  }
});

test("an inconsistent range of octets is refused with its line", () => {
  const text = "// x\n\n0 < . 1:10(5) ack 1\n";
  expect(() => parseScript(text, "x.pkt")).toThrow(ScriptError);
  try {
    parseScript(text, "x.pkt");
  } catch (error) {
    expect((error as ScriptError).place).toEqual({ file: "x.pkt", line: 3 });
    expect((error as ScriptError).message).toBe("inconsistent TCP sequence numbers and payload length");
  }
});

test("what is no event is refused", () => {
  for (const text of [
    "0 <",
    "0",
    "+0 < Q 0:0(0)",
    "0 read(3, ..., 1)",
    "0 < . 1:1(0) ack",
    "x",
    "2~1 < . 1:1(0) ack 1",
  ]) {
    expect(() => parseScript(text, "x.pkt"), text).toThrow(ScriptError);
  }
});

test("what is in the language and not here is told apart", () => {
  for (const text of [
    "--ip_version=ipv6",
    "0 < ipv6 ::1 > ::2: . 1:1(0)",
    "0 < . 1:1(0) ack 1 <md5 00>",
    "#ifdef X\n",
  ]) {
    expect(() => parseScript(text, "x.pkt"), text).toThrow(Unsupported);
  }
});

test("system calls: arguments, results, errno and durations", () => {
  expect(
    event("+0...0.2 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 40}], msg_flags=0}, A|B) = -1 EAGAIN (x y)")
      .action,
  ).toEqual({
    type: "call",
    name: "sendmsg",
    endUs: 200_000,
    args: [
      { kind: "int", value: 4 },
      {
        kind: "struct",
        items: [],
        fields: new Map([
          ["msg_name", { kind: "ellipsis" }],
          [
            "msg_iov",
            {
              kind: "array",
              items: [{ kind: "struct", fields: new Map(), items: [{ kind: "ellipsis" }, { kind: "int", value: 40 }] }],
            },
          ],
          ["msg_flags", { kind: "int", value: 0 }],
        ]),
      },
      {
        kind: "or",
        parts: [
          { kind: "word", name: "A" },
          { kind: "word", name: "B" },
        ],
      },
    ],
    result: { kind: "int", value: -1 },
    errno: "EAGAIN",
  });
  expect(
    event(
      '0 connect(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}, ...) = 0x2 (flags O_RDWR)',
    ).action,
  ).toMatchObject({ name: "connect", result: { kind: "int", value: 2 } });
});

test("options, comments of three kinds, commands and code", () => {
  const script = parseScript(
    "/* The title */\n--mtu=1200\n--strict_end\n# two\n`one\ntwo` // three\n0 `timed`\n+0 %{ assert a == 1 }% // x\n",
    "x.pkt",
  );
  expect(script.title).toBe("The title");
  expect([...script.options]).toEqual([
    ["mtu", "1200"],
    ["strict_end", ""],
  ]);
  expect(script.commands).toEqual([{ type: "command", text: "one\ntwo" }]);
  expect(script.events.map(({ line, action }) => [line, action])).toEqual([
    [7, { type: "command", text: "timed" }],
    [8, { type: "code", text: " assert a == 1 " }],
  ]);
});

test("code: comparisons, chains, and, or, not, arithmetic, parentheses, assignments", () => {
  const variables = new Map([
    ["a", 5],
    ["b", 7],
  ]);
  const own = new Map<string, number>();
  for (const condition of [
    "a == 5",
    "a != b",
    "4 <= a < b",
    "a + b == 12",
    "a * 2 + 1 == 11",
    "(a + 1) * 2 == 12",
    "b // 2 == 3 and b / 2 == 3.5",
    "b % 4 == 3",
    "-1 % 4 == 3",
    "not a == b",
    "a == 1 or b == 7",
    "a == 5, 'message %d' % a",
    "1 << 4 == 16",
    "a & 4 == 4 & 7",
    "abs(a - b) == 2",
    "max(a, b) == b",
    "0x10 == 16",
    "True",
  ]) {
    expect(run(`assert ${condition}`, variables, own), condition).toBeNull();
  }
  expect(run("c = a + 1; assert c == 6\nprint(c)", variables, own)).toBeNull();
  expect(run("assert c == 6", variables, own)).toBeNull();
  expect(run("assert a == 5; assert b == 8, b", variables, own)).toBe("assertion failed: b == 8, b (b is 7)");
  expect([...namesIn("x = a; assert x == b and not c")]).toEqual(["a", "b", "c"]);
  for (const text of ["import os", "assert a ==", "assert f(a)", "assert a = 1", "assert unknown == 1"]) {
    expect(() => run(text, variables, own), text).toThrow(Unsupported);
  }
});
