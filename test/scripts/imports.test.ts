import { describe, expect, test } from "vitest";

import { checkImports } from "../../scripts/imports/check.js";
import { EDGES, FILE_EDGES } from "../../scripts/imports/edges.js";

const check = (files: Record<string, string>): string[] =>
  checkImports(new Map(Object.entries(files)), EDGES, FILE_EDGES);

describe("style §1: imports only point up the list", () => {
  test("an allowed edge passes", () => {
    expect(check({ "base/seq.ts": "", "tcp/states.ts": 'import type { Seq } from "../base/seq.ts";' })).toEqual([]);
  });

  test("a forbidden edge is named", () => {
    const files = { "tcp/states.ts": 'import { parse } from "../ipv4/parse.ts";', "ipv4/parse.ts": "" };
    expect(check(files)).toEqual(["tcp/states.ts: tcp may not import ipv4 (../ipv4/parse.ts)"]);
  });

  test.each([
    ["export from", 'export { a } from "../sockets/a.ts";'],
    ["export all", 'export * from "../sockets/a.ts";'],
    ["side effect", 'import "../sockets/a.ts";'],
    ["dynamic", 'const load = () => import("../sockets/a.ts");'],
    ["type query", 'export type A = import("../sockets/a.ts").A;'],
  ])("a forbidden edge hides in no form of import: %s", (_, text) => {
    expect(check({ "base/x.ts": text, "sockets/a.ts": "" })).toEqual([
      "base/x.ts: base may not import sockets (../sockets/a.ts)",
    ]);
  });

  test("a core imports nothing of Node and nothing from npm; the driver may use Node", () => {
    const text = 'import { hrtime } from "node:process";';
    expect(check({ "tcp/x.ts": text, "stack/demux.ts": text, "stack/driver.ts": text })).toEqual([
      "tcp/x.ts: may not import node:process: this folder is pure",
      "stack/demux.ts: may not import node:process: this folder is pure",
    ]);
    expect(check({ "udp/x.ts": 'import { x } from "@scope/name/deep";' })).toEqual([
      "udp/x.ts: may not import the package @scope/name",
    ]);
  });

  test("a folder without a row, a file that is missing and a way out of src/ are faults", () => {
    expect(check({ "helpers/x.ts": "" })).toEqual(['helpers/x.ts: folder "helpers" has no row in the table of edges']);
    expect(check({ "base/x.ts": 'import "./gone.ts"; import "../../test/y.ts";' })).toEqual([
      "base/x.ts: imports ./gone.ts, which is no file of src/",
      "base/x.ts: imports ../../test/y.ts, which lies outside src/",
    ]);
  });

  test("folders that import each other are a fault even where both edges are allowed", () => {
    const edges = { a: { folders: ["b"] }, b: { folders: ["a"] } };
    const files = new Map([
      ["a/x.ts", 'import "../b/y.ts";'],
      ["b/y.ts", 'import "../a/x.ts";'],
    ]);
    expect(checkImports(files, edges)).toEqual(["folders import each other in a circle: a -> b -> a"]);
  });
});

test("the table itself points only up the list of style §1", () => {
  const rows = Object.entries(EDGES);
  const order = rows.map(([folder]) => folder);
  for (const [folder, row] of rows) {
    for (const target of row.folders) {
      if (target === "index.ts") continue;
      expect(order.indexOf(target), `${folder} -> ${target}`).toBeLessThan(order.indexOf(folder));
    }
  }
});
