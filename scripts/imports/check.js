import { posix } from "node:path";
import ts from "typescript";

/**
 * Judges the imports of a source tree against a table of edges. Pure: files in, complaints out.
 *
 * Shape: `files` maps a path below `src/` ("tcp/connection.ts") to its text; the answer is one line for each fault.
 */
export function checkImports(files, edges, fileEdges = {}) {
  const faults = [];
  const graph = new Map();
  for (const [path, text] of files) {
    const folder = folderOf(path);
    const row = fileEdges[path] ?? edges[folder];
    if (row === undefined) {
      faults.push(`${path}: folder "${folder}" has no row in the table of edges`);
      continue;
    }
    for (const specifier of specifiersOf(path, text)) {
      const fault = specifier.startsWith(".")
        ? judgeRelative(path, folder, specifier, row, files, graph)
        : judgePackage(specifier, row);
      if (fault !== null) faults.push(`${path}: ${fault}`);
    }
  }
  for (const cycle of cyclesOf(graph)) faults.push(`folders import each other in a circle: ${cycle.join(" -> ")}`);
  return faults;
}

/** "tcp/congestion/cubic.ts" lives in "tcp"; a file directly below `src/` is its own row. */
const folderOf = (path) => path.split("/", 1)[0];

/** Every module that the file names: import, export … from, import(), import type. */
function specifiersOf(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS);
  const found = [];
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      found.push(node.moduleSpecifier.text);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push(node.argument.literal.text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument !== undefined && ts.isStringLiteral(argument)) found.push(argument.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function judgeRelative(path, folder, specifier, row, files, graph) {
  const target = posix.join(posix.dirname(path), specifier);
  if (target.startsWith("..")) return `imports ${specifier}, which lies outside src/`;
  if (!files.has(target)) return `imports ${specifier}, which is no file of src/`;
  const targetFolder = folderOf(target);
  if (targetFolder === folder) return null;
  if (!row.folders.includes(targetFolder)) return `${folder} may not import ${targetFolder} (${specifier})`;
  if (!graph.has(folder)) graph.set(folder, new Set());
  graph.get(folder).add(targetFolder);
  return null;
}

function judgePackage(specifier, row) {
  if (specifier.startsWith("node:"))
    return row.node === true ? null : `may not import ${specifier}: this folder is pure`;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  return (row.packages ?? []).includes(name) ? null : `may not import the package ${name}`;
}

/** Circles of the folder graph, each found from where a depth-first walk first closes it. */
function cyclesOf(graph) {
  const cycles = [];
  const done = new Set();
  const walk = (folder, trail) => {
    const at = trail.indexOf(folder);
    if (at >= 0) {
      cycles.push([...trail.slice(at), folder]);
      return;
    }
    if (done.has(folder)) return;
    for (const next of graph.get(folder) ?? []) walk(next, [...trail, folder]);
    done.add(folder);
  };
  for (const folder of graph.keys()) walk(folder, []);
  return cycles;
}
