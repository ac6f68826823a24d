import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { open, realpath, type FileHandle } from "node:fs/promises";
import { join, sep } from "node:path";

import type { BodyWriter } from "./body-writer.ts";
import { parseRange, type ByteRange } from "./byte-range.ts";
import type { HttpHandler } from "./connection.ts";
import { contentTypeOf } from "./content-types.ts";
import { HttpError, notAllowed } from "./http-error.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse } from "./response.ts";

/** Octets of a file that are read at once and given away; how many wait is for the connection's high-water mark to say. */
export const FILE_PIECE_OCTETS = 131_072;

/**
 * Serves the files of folder `root` to GET and HEAD: index.html for a folder, validators and 304 (RFC 9110 §13), one byte range (§14).
 * Never leaves `root`, symbolic links followed; names that begin with a dot are not there (`.git`, `.env`).
 */
export function staticFiles(root: string): HttpHandler {
  const realRoot = realpath(root);
  // Told by the first request as well; without this, a folder that is missing would be an unhandled rejection.
  realRoot.catch(() => undefined);
  return async (request, response) => {
    const names = namesOf(request.path);
    if (request.method !== "GET" && request.method !== "HEAD") throw notAllowed("GET, HEAD");
    const folder = await realRoot;
    const file = await openInside(folder, names, request.path);
    try {
      await serveFile(file, request, response);
    } finally {
      await file.handle.close();
    }
  };
}

/** The names on the way to the file. Each is decoded once, then judged: RFC 3986 §7.3. */
function namesOf(path: string): readonly string[] {
  const query = path.indexOf("?");
  const names = (query < 0 ? path : path.slice(0, query)).split("/").slice(1);
  const last = names.at(-1);
  const decoded = (last === "" ? names.slice(0, -1) : names).map(decodeName);
  return decoded;
}

function decodeName(text: string): string {
  let name: string;
  try {
    name = decodeURIComponent(text);
  } catch {
    throw new HttpError(400, "malformed percent-encoding");
  }
  if (name.includes("\0")) throw new HttpError(400, "NUL in the path");
  // A dot in front covers "." and ".." too; a separator can only have been smuggled in by its encoding.
  if (name === "" || name.startsWith(".") || name.includes("/") || name.includes("\\")) throw new HttpError(404);
  return name;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

async function openInside(root: string, names: readonly string[], path: string): Promise<OpenFile> {
  const found = await openFile(root, join(root, ...names));
  if (found !== "folder") return found;
  const query = path.indexOf("?");
  const bare = query < 0 ? path : path.slice(0, query);
  // Relative links of an index page are meant from inside the folder. One slash in front: never to another host.
  if (!bare.endsWith("/")) throw new HttpError(308, undefined, { location: `${bare}/` });
  const index = await openFile(root, join(root, ...names, "index.html"));
  if (index === "folder") throw new HttpError(404);
  return index;
}

async function openFile(root: string, path: string): Promise<OpenFile | "folder"> {
  try {
    const real = await realpath(path);
    if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)) throw new HttpError(404);
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    const handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const file = await statusOf(handle, real).catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
    if (file !== null && file !== "folder") return file;
    await handle.close();
    if (file === "folder") return file;
    throw new HttpError(404);
  } catch (error) {
    throw error instanceof HttpError ? error : httpErrorOf(error);
  }
}

/** Null for what is neither a file nor a folder. */
async function statusOf(handle: FileHandle, name: string): Promise<OpenFile | "folder" | null> {
  const status = await handle.stat();
  if (status.isFile()) return { handle, name, size: status.size, modifiedMs: status.mtimeMs };
  return status.isDirectory() ? "folder" : null;
}

function httpErrorOf(error: unknown): Error {
  const code = error instanceof Error && "code" in error ? error.code : null;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
    case "ELOOP":
      return new HttpError(404);
    case "EACCES":
    case "EPERM":
      return new HttpError(403);
    default:
      return error instanceof Error ? error : new Error(String(error));
  }
}

async function serveFile(file: OpenFile, request: HttpRequest, response: HttpResponse): Promise<void> {
  const etag = `"${file.size.toString(16)}-${Math.floor(file.modifiedMs * 1000).toString(16)}"`;
  const headers = {
    "content-type": contentTypeOf(file.name),
    "last-modified": new Date(file.modifiedMs).toUTCString(),
    etag,
    "accept-ranges": "bytes",
  };
  if (isNotModified(request, etag, file.modifiedMs)) {
    response.send(304, headers);
    return;
  }
  const range = request.method === "GET" ? rangeOf(request, etag, file) : null;
  if (range === "unsatisfiable") {
    response.send(416, { ...headers, "content-range": `bytes */${String(file.size)}` });
    return;
  }
  const from = range?.from ?? 0;
  const to = range?.to ?? file.size;
  const partial = { ...headers, "content-range": `bytes ${String(from)}-${String(to - 1)}/${String(file.size)}` };
  const writer = range === null ? response.start(200, headers, file.size) : response.start(206, partial, to - from);
  if (request.method === "GET") await copyFile(file.handle, from, to, writer);
  writer.end();
}

/** RFC 9110 §13.2.2: If-None-Match counts alone where it is there. */
function isNotModified(request: HttpRequest, etag: string, modifiedMs: number): boolean {
  const noneMatch = request.headers.get("if-none-match");
  if (noneMatch !== null) {
    return noneMatch.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
  }
  const since = Date.parse(request.headers.get("if-modified-since") ?? "");
  return !Number.isNaN(since) && Math.floor(modifiedMs / 1000) * 1000 <= since;
}

/** RFC 9110 §13.1.5: with If-Range, a range only of the very file that it names. */
function rangeOf(request: HttpRequest, etag: string, file: OpenFile): ByteRange | "unsatisfiable" | null {
  const text = request.headers.get("range");
  const condition = request.headers.get("if-range");
  if (text === null || (condition !== null && condition !== etag)) return null;
  return parseRange(text, file.size);
}

async function copyFile(handle: FileHandle, from: number, to: number, writer: BodyWriter): Promise<void> {
  for (let at = from; at < to;) {
    // New memory each time: the connection keeps it until the client has acknowledged it.
    const piece = Buffer.allocUnsafeSlow(Math.min(FILE_PIECE_OCTETS, to - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return; // It has become shorter: `end` will find that octets are missing.
    at += bytesRead;
    if (!writer.write(piece.subarray(0, bytesRead))) await writer.drained();
  }
}
