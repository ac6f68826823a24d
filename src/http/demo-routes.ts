import type { BodyWriter } from "./body-writer.ts";
import type { HttpHandler } from "./connection.ts";
import { HeaderBlock } from "./header-block.ts";
import { HttpError, notAllowed } from "./http-error.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse } from "./response.ts";

const PLAIN = new HeaderBlock({ "content-type": "text/plain" });
const OCTETS = new HeaderBlock({ "content-type": "application/octet-stream" });
/** 100 octets with its line end: what load generators are pointed at. */
const BODY = new TextEncoder().encode(
  "Hello from fourtuple: one port, one listener, a socket per four-tuple.".padEnd(99, ".") + "\n",
);

/** What `serve --http` answers: `GET /` 100 octets of text, `POST /echo` the request's content, `GET /nocontent` 204, else 404 or `otherwise`. */
export function demoRoutes(otherwise: HttpHandler = notFound): HttpHandler {
  return (request, response) => {
    switch (request.path) {
      case "/":
        if (!isGet(request)) throw notAllowed("GET, HEAD");
        response.send(200, PLAIN, BODY);
        return undefined;
      case "/nocontent":
        if (!isGet(request)) throw notAllowed("GET, HEAD");
        response.send(204);
        return undefined;
      case "/echo":
        if (request.method !== "POST") throw notAllowed("POST");
        echo(request, response);
        return undefined;
      default:
        return otherwise(request, response);
    }
  };
}

const isGet = (request: HttpRequest): boolean => request.method === "GET" || request.method === "HEAD";

function notFound(): void {
  throw new HttpError(404);
}

/** Octets go out as they come in: no faster than the client takes them, and none are held here. */
function echo(request: HttpRequest, response: HttpResponse): void {
  const { body } = request;
  const type = request.headers.get("content-type");
  const headers = type === null ? OCTETS : new HeaderBlock({ "content-type": type });
  let writer: BodyWriter | null = null;
  const begin = (): BodyWriter => {
    const begun = response.start(200, headers, body.length ?? undefined);
    begun.onDrain = () => {
      body.resume();
    };
    return begun;
  };
  body.read({
    data: (octets, start, end) => {
      writer ??= begin();
      if (!writer.writeCopy(octets, start, end)) body.pause();
    },
    end: () => {
      writer ??= begin();
      writer.end();
    },
    error: () => {
      response.cut();
    },
  });
}
