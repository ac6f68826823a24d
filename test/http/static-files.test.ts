import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { parseRange } from "../../src/http/byte-range.ts";
import { staticFiles } from "../../src/http/static-files.ts";
import { rig, turn, type MemoryClient } from "./support/memory-client.ts";

const BIG = randomBytes(3_000_000);
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fourtuple-http-"));
  const root = join(folder, "root");
  await mkdir(join(root, "sub dir"), { recursive: true });
  await mkdir(join(root, "empty"));
  await writeFile(join(folder, "secret.txt"), "secret");
  await mkdir(join(folder, "root-not"));
  await writeFile(join(folder, "root-not", "x.txt"), "secret");
  await writeFile(join(root, "index.html"), "<p>index</p>");
  await writeFile(join(root, "sub dir", "index.html"), "<p>sub</p>");
  await writeFile(join(root, "a.txt"), "0123456789");
  await utimes(join(root, "a.txt"), 784_111_777, 784_111_777);
  await writeFile(join(root, "empty.bin"), "");
  await writeFile(join(root, ".hidden"), "secret");
  await writeFile(join(root, "big.bin"), BIG);
  await symlink("../secret.txt", join(root, "out.txt"));
  await symlink("a.txt", join(root, "in.txt"));
  await symlink("../root-not", join(root, "out"));
});
afterAll(() => rm(folder, { recursive: true }));

const connect = (): { client: MemoryClient; errors: readonly unknown[] } => {
  const { client, errors } = rig(staticFiles(join(folder, "root")));
  return { client: client(), errors };
};

async function ask(path: string, more = "", method = "GET"): Promise<{ status: number; head: string; body: string }> {
  const { client, errors } = connect();
  client.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`);
  const complete = (): boolean => {
    const end = client.text.indexOf("\r\n\r\n");
    const length = Number(/content-length: (\d+)/.exec(client.text)?.[1] ?? 0);
    return end >= 0 && (method === "HEAD" || client.text.length >= end + 4 + length);
  };
  while (!complete()) await turn();
  expect(errors).toEqual([]);
  const end = client.text.indexOf("\r\n\r\n");
  return { status: client.statuses[0], head: client.text.slice(0, end + 2), body: client.text.slice(end + 4) };
}

describe("files of a folder", () => {
  test.each([
    ["/a.txt", 200, "0123456789", "text/plain; charset=utf-8"],
    ["/a.txt?x=../..", 200, "0123456789", "text/plain; charset=utf-8"],
    ["/%61.txt", 200, "0123456789", "text/plain; charset=utf-8"],
    ["/in.txt", 200, "0123456789", "text/plain; charset=utf-8"],
    ["/", 200, "<p>index</p>", "text/html; charset=utf-8"],
    ["/sub%20dir/", 200, "<p>sub</p>", "text/html; charset=utf-8"],
    ["/empty.bin", 200, "", "application/octet-stream"],
  ])("%s is there", async (path, status, body, type) => {
    const answer = await ask(path);
    expect([answer.status, answer.body]).toEqual([status, body]);
    expect(answer.head).toContain(`content-type: ${type}\r\n`);
    expect(answer.head).toContain(`content-length: ${String(body.length)}\r\n`);
  });

  test.each([
    ["/none", 404],
    ["/a.txt/b", 404],
    ["/empty/", 404],
    ["/../secret.txt", 404],
    ["/sub%20dir/../../secret.txt", 404],
    ["/%2e%2e/secret.txt", 404],
    ["/..%2fsecret.txt", 404],
    ["/%2e%2e%2fsecret.txt", 404],
    ["/..%5csecret.txt", 404],
    ["/%252e%252e/secret.txt", 404],
    ["//etc/passwd", 404],
    ["/out.txt", 404],
    ["/out/x.txt", 404],
    ["/.hidden", 404],
    ["/a.txt%00.html", 400],
    ["/%", 400],
    ["/%ff", 400],
    [`/${"x".repeat(300)}`, 404],
  ])("RFC 3986 §7: %s is not", async (path, status) => {
    const answer = await ask(path);
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain("secret");
  });

  test("a folder is redirected to its slash", async () => {
    expect((await ask("/sub%20dir")).head).toContain("location: /sub%20dir/\r\n");
  });

  test("RFC 9110 §15.5.6: only GET and HEAD", async () => {
    expect((await ask("/a.txt", "", "DELETE")).head).toContain("allow: GET, HEAD\r\n");
  });

  test("RFC 9110 §9.3.2: HEAD has the head of GET", async () => {
    expect((await ask("/big.bin", "", "HEAD")).head).toBe((await ask("/big.bin")).head);
  });

  test("a long file comes whole, and no faster than the client takes it", async () => {
    const { client } = connect();
    client.highWater = 200_000;
    client.write("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    let most = 0;
    while (client.text.length < BIG.length) {
      await turn();
      most = Math.max(most, client.queuedOctets);
      if (client.queuedOctets >= client.highWater) client.drain();
    }
    expect(most).toBeLessThan(400_000);
    const body = Buffer.concat(client.pieces);
    const digest = (octets: Buffer): string => createHash("sha256").update(octets).digest("hex");
    expect(digest(body.subarray(body.indexOf("\r\n\r\n") + 4))).toBe(digest(BIG));
  });
});

describe("validators and ranges", () => {
  test("RFC 9110 §13.1: what the client has already is answered with 304", async () => {
    const etag = /etag: (.*)\r/.exec((await ask("/a.txt")).head)?.[1] ?? "";
    const date = "Sun, 06 Nov 1994 08:49:37 GMT";
    expect((await ask("/a.txt", `If-None-Match: "x", W/${etag}\r\n`)).status).toBe(304);
    expect((await ask("/a.txt", "If-None-Match: *\r\n")).status).toBe(304);
    expect((await ask("/a.txt", `If-None-Match: "x"\r\nIf-Modified-Since: ${date}\r\n`)).status).toBe(200);
    expect((await ask("/a.txt", `If-Modified-Since: ${date}\r\n`)).status).toBe(304);
    expect((await ask("/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n")).status).toBe(200);
    expect((await ask("/a.txt", `Range: bytes=1-2\r\nIf-Range: ${etag}\r\n`)).status).toBe(206);
    expect((await ask("/a.txt", 'Range: bytes=1-2\r\nIf-Range: "x"\r\n')).status).toBe(200);
  });

  test("RFC 9110 §14: one range is 206, one outside is 416, others are ignored", async () => {
    const part = await ask("/a.txt", "Range: bytes=2-4\r\n");
    expect([part.status, part.body]).toEqual([206, "234"]);
    expect(part.head).toContain("content-range: bytes 2-4/10\r\n");
    expect((await ask("/a.txt", "Range: bytes=-3\r\n")).body).toBe("789");
    const outside = await ask("/a.txt", "Range: bytes=10-\r\n");
    expect(outside.status).toBe(416);
    expect(outside.head).toContain("content-range: bytes */10\r\n");
    expect((await ask("/a.txt", "Range: bytes=0-1,3-4\r\n")).body).toBe("0123456789");
  });

  test.each([
    ["bytes=0-0", { from: 0, to: 1 }],
    ["bytes=0-", { from: 0, to: 10 }],
    ["bytes=9-99", { from: 9, to: 10 }],
    ["bytes=-99", { from: 0, to: 10 }],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=10-11", "unsatisfiable"],
    ["bytes=5-4", null],
    ["bytes=-", null],
    ["octets=0-1", null],
    ["bytes=0x1-2", null],
  ])("RFC 9110 §14.1.2: %s", (text, range) => {
    expect(parseRange(text, 10)).toEqual(range);
  });
});
