import { X509Certificate } from "node:crypto";
import type { CipherNameAndProtocol, DetailedPeerCertificate, EphemeralKeyInfo } from "node:tls";
import { Duplex } from "node:stream";

import type { Wakeup } from "../base/timebase.ts";
import { NetError } from "../sockets/net-error.ts";
import { rethrowLater } from "../sockets/rethrow.ts";
import { WriteSlices } from "../sockets/write-slices.ts";
import { fault } from "./alert.ts";
import { TlsConnection, type ConnectionFailure } from "./connection.ts";
import { explainHandshake } from "./explanation.ts";
import type { HandshakeOutcome } from "./handshake/machine.ts";
import { runJob } from "./job-runner.ts";
import type { Job } from "./jobs.ts";
import { closeInOrder } from "./linger.ts";
import { legacyCertificate, ownCertificate } from "./peer-certificate.ts";
import type { Authorization, Role } from "./role.ts";
import type { ResumableSession } from "./sessions/session.ts";
import { writeResumableSession } from "./sessions/session-codec.ts";
import { errorOf, TlsError } from "./tls-error.ts";
import type { TlsWorld } from "./world.ts";

type WriteCallback = (error?: Error | null) => void;

/** A stream that may be a socket: what is missing is left out. */
export type TransportStream = Duplex & {
  readonly connecting?: boolean | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteFamily?: string | undefined;
  readonly setNoDelay?: (noDelay?: boolean) => unknown;
  readonly setKeepAlive?: (enable?: boolean, initialDelayMs?: number) => unknown;
  readonly setTimeout?: (timeoutMs: number) => unknown;
  readonly resetAndDestroy?: () => unknown;
  readonly ref?: () => unknown;
  readonly unref?: () => unknown;
};

export interface TlsSocketOptions {
  /** Whether our side stays open when the peer ends its own. */
  readonly allowHalfOpen?: boolean | undefined;
}

/**
 * One TLS 1.2 connection over any `Duplex`, in the shape of `tls.TLSSocket`: "secureConnect" (a client's) and "secure" tell that
 * the handshake is over, "session" and "keylog" what was made in it.
 *
 * Writing: may begin at once; what is written waits for the handshake. Its callback comes when the transport asks for more.
 * Ending:  "end" is the peer's close_notify. A transport that ends without one is an error, `ECONNRESET`: something may
 *          have been cut off (RFC 5246 §7.2.1). `end` sends ours, then ends the transport.
 * Errors:  `TlsError`, `NetError`, and what the transport fails with. A fatal alert has been sent by then, and the
 *          transport is closed in order behind it.
 */
export class TlsSocket extends Duplex {
  readonly encrypted = true;
  /** The server that accepted it, or null. `node:http` puts its own server here. */
  server: unknown = null;

  readonly #transport: TransportStream;
  readonly #world: TlsWorld;
  readonly #role: Role;
  readonly #connection: TlsConnection;
  #outcome: HandshakeOutcome | null = null;
  #authorization: Authorization = { authorized: false, authorizationError: null };
  #session: Buffer | null = null;
  #slices: WriteSlices | null = null;
  #written: WriteCallback | null = null;
  /** The transport has asked to wait for "drain". */
  #blocked = false;
  /** The reader has asked to wait. */
  #full = false;
  #failed = false;
  #ended = false;
  #handshakeTimer: Wakeup | null = null;
  #bytesRead = 0;
  #bytesTaken = 0;

  /** Takes `transport` over: it must not be read or written elsewhere. */
  constructor(transport: TransportStream, role: Role, world: TlsWorld, options: TlsSocketOptions = {}) {
    super({ allowHalfOpen: options.allowHalfOpen ?? false });
    this.#transport = transport;
    this.#world = world;
    this.#role = role;
    this.#connection = new TlsConnection(
      {
        write: (octets) => this.#send(octets),
        data: (octets) => this.#deliver(octets),
        job: (job) => this.#work(job),
        secure: (outcome) => this.#secured(outcome),
        session: (session) => this.#keepSession(session),
        keyLog: (line) => this.#tell(() => this.emit("keylog", Buffer.from(line, "latin1"))),
        end: () => this.#peerEnded(),
        fail: (failure) => this.#fail(failure),
      },
      role.makeMachine,
    );
    this.#listen(transport);
    if (Number.isFinite(role.handshakeTimeoutMs)) this.#limitHandshake(role.handshakeTimeoutMs);
    // The hello waits in a transport that still connects.
    this.#connection.start();
  }

  /** Whether the peer is who it must be. */
  get authorized(): boolean {
    return this.#authorization.authorized;
  }
  /** Why it is not, as one of Node's codes. */
  get authorizationError(): string | null {
    return this.#authorization.authorizationError;
  }
  /** The application protocol; false for none. */
  get alpnProtocol(): string | false {
    return this.#outcome?.alpnProtocol ?? false;
  }
  /** The name that the client asked for; false for none. */
  get servername(): string | false {
    return this.#outcome?.servername ?? false;
  }
  /** Octets that this stream gave to its reader, and took from its writer. */
  get bytesRead(): number {
    return this.#bytesRead;
  }
  get bytesWritten(): number {
    return this.#bytesTaken;
  }
  get connecting(): boolean {
    return this.#transport.connecting ?? false;
  }
  get localAddress(): string | undefined {
    return this.#transport.localAddress;
  }
  get localPort(): number | undefined {
    return this.#transport.localPort;
  }
  get remoteAddress(): string | undefined {
    return this.#transport.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.#transport.remotePort;
  }
  get remoteFamily(): string | undefined {
    return this.#transport.remoteFamily;
  }

  /** Null before the handshake is over. */
  getProtocol(): "TLSv1.2" | null {
    return this.#outcome === null ? null : "TLSv1.2";
  }
  /** The cipher suite by OpenSSL's name and IANA's; empty before the handshake is over. */
  getCipher(): CipherNameAndProtocol | Record<string, never> {
    if (this.#outcome === null) return {};
    const { name, standardName } = this.#outcome.secrets.suite;
    return { name, standardName, version: "TLSv1.2" };
  }
  /** How the secret came about, where it is ephemeral; empty where the client wrapped it, or a session was resumed. */
  getEphemeralKeyInfo(): EphemeralKeyInfo | Record<string, never> {
    const exchange = this.#outcome?.exchange ?? null;
    if (exchange?.kind !== "ecdhe") return {};
    return { type: "ECDH", name: exchange.group, size: GROUP_BITS[exchange.group] };
  }
  /** The peer's certificate as `node:tls` gives it, with its issuers if `detailed`; empty where there is none. */
  getPeerCertificate(detailed = false): Partial<DetailedPeerCertificate> {
    const chain = this.#outcome?.peerChain ?? [];
    return detailed ? legacyCertificate(chain) : ownCertificate(chain);
  }
  getPeerX509Certificate(): X509Certificate | undefined {
    return this.#outcome?.peerChain.at(0);
  }
  /** What was told by "session", or the session that was resumed; it holds the master secret. */
  getSession(): Buffer | undefined {
    return this.#session ?? undefined;
  }
  isSessionReused(): boolean {
    return this.#outcome?.resumed ?? false;
  }
  /** What both sides have agreed on, without secrets; null before the handshake is over. */
  get handshake(): HandshakeSummary | null {
    const outcome = this.#outcome;
    if (outcome === null) return null;
    const { client, server } = outcome.secrets.randoms;
    return {
      clientRandom: Buffer.from(client),
      serverRandom: Buffer.from(server),
      resumed: outcome.resumed,
      resumedBy: outcome.resumedBy,
      exchange: outcome.exchange,
      extendedMasterSecret: outcome.extendedMasterSecret,
      encryptThenMac: outcome.encryptThenMac,
    };
  }
  /**
   * How the handshake went, in lines for people: who chose which random, what crossed in the clear and what was wrapped, and which
   * keys each side derived. Without secrets; empty before the handshake is over.
   */
  explain(): string {
    return this.#outcome === null ? "" : explainHandshake(this.#outcome, this.#role.side);
  }
  /** RFC 5705: `length` octets that only the two sides know. Errors: `ERR_TLS_INVALID_STATE` outside an open connection. */
  exportKeyingMaterial(length: number, label: string, context?: Buffer): Buffer {
    const octets = this.#connection.exportKeyingMaterial(label, length, context ?? null);
    if (octets === null) throw new TlsError("ERR_TLS_INVALID_STATE", "the connection is not open");
    return octets;
  }

  setNoDelay(noDelay?: boolean): this {
    this.#transport.setNoDelay?.(noDelay);
    return this;
  }
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    this.#transport.setKeepAlive?.(enable, initialDelayMs);
    return this;
  }
  /** "timeout" after `timeoutMs` in which the transport is idle. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    this.#transport.setTimeout?.(timeoutMs);
    if (listener !== undefined) {
      if (timeoutMs > 0) this.once("timeout", listener);
      else this.off("timeout", listener);
    }
    return this;
  }
  ref(): this {
    this.#transport.ref?.();
    return this;
  }
  unref(): this {
    this.#transport.unref?.();
    return this;
  }
  /** Destroys the stream once all that was written has been handed to the transport. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }
  /** Resets the transport where it can be, and destroys it otherwise. */
  resetAndDestroy(): this {
    this.#transport.resetAndDestroy?.();
    return this.destroy();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: WriteCallback): void {
    this.#begin([chunk], done);
  }
  override _writev(chunks: { chunk: Buffer }[], done: WriteCallback): void {
    this.#begin(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }
  override _final(done: WriteCallback): void {
    // What was written before has waited for the handshake; an end without any text does as well.
    if (this.#outcome === null && !this.#failed) {
      this.once("secure", () => this._final(done));
      return;
    }
    this.#connection.end();
    this.#transport.end(() => done());
  }
  override _read(): void {
    this.#full = false;
    this.#flow();
  }
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#handshakeTimer?.cancel();
    this.#connection.abandon();
    const written = this.#endWrite();
    if (this.#failed) closeInOrder(this.#transport, this.#world.timebase);
    else this.#transport.destroy();
    callback(error);
    written?.(error);
  }

  #listen(transport: TransportStream): void {
    // Otherwise it would end by itself with the peer's end, and an answer that is still due would be lost.
    transport.allowHalfOpen = true;
    transport.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    transport.on("drain", () => this.#drained());
    transport.on("end", () => this.#connection.inputEnded());
    transport.on("error", (error: Error) => this.destroy(error));
    transport.on("close", () => this.#transportClosed());
    transport.on("timeout", () => this.emit("timeout"));
    transport.on("connect", () => this.emit("connect"));
  }

  #receive(chunk: Uint8Array): void {
    if (this.destroyed) return;
    this.#connection.input(chunk);
    this.#flow();
  }

  /** Lets the transport flow while the reader has room and no job is out. */
  #flow(): void {
    const stop = this.#full || this.#connection.waiting;
    if (stop) this.#transport.pause();
    else if (this.#transport.isPaused()) this.#transport.resume();
  }

  #send(octets: Buffer): void {
    if (this.#transport.writable) this.#blocked = !this.#transport.write(octets);
  }

  #deliver(octets: Uint8Array): void {
    this.#bytesRead += octets.length;
    this.#tell(() => {
      if (!this.push(octets)) this.#full = true;
    });
  }

  #work(job: Job): void {
    const watched = {
      ...job,
      resume: (result: never) => {
        (job.resume as (result: never) => void)(result);
        this.#flow();
      },
    } as Job;
    try {
      runJob(watched, this.#role);
    } catch (error) {
      // A callback of the application has thrown.
      const cause = error instanceof Error ? error : new Error(String(error));
      job.refuse({ ...fault("internal_error", cause.message), cause });
    }
  }

  #secured(outcome: HandshakeOutcome): void {
    this.#handshakeTimer?.cancel();
    this.#handshakeTimer = null;
    this.#outcome = outcome;
    this.#authorization = this.#role.judge(outcome);
    this.#tell(() => {
      this.emit("secure");
      if (this.#role.side === "client") this.emit("secureConnect");
    });
    this.#pump();
  }

  #keepSession(session: ResumableSession): void {
    const octets = writeResumableSession(session);
    session.masterSecret.fill(0);
    this.#session = octets;
    this.#tell(() => this.emit("session", octets));
  }

  #peerEnded(): void {
    this.#ended = true;
    this.#tell(() => {
      this.push(null);
      this.read(0);
    });
  }

  #fail(failure: ConnectionFailure): void {
    this.#failed = failure.kind !== "truncated";
    this.destroy(errorOf(failure) ?? this.#cutOff());
  }

  /** The transport ended and no close_notify had come. */
  #cutOff(): Error {
    const { remoteAddress: address = "", remotePort: port = 0 } = this.#transport;
    if (this.#outcome !== null) return new NetError("ECONNRESET", "read", { address, port });
    const text =
      this.#role.side === "client"
        ? "Client network socket disconnected before secure TLS connection was established"
        : "socket hang up";
    return new TlsError("ECONNRESET", text);
  }

  #transportClosed(): void {
    this.#connection.inputEnded();
    if (this.#ended && this.writableFinished) return;
    if (!this.destroyed) this.destroy();
  }

  #limitHandshake(timeoutMs: number): void {
    this.#handshakeTimer = this.#world.timebase.after(timeoutMs, () => {
      this.destroy(new TlsError("ERR_TLS_HANDSHAKE_TIMEOUT", "TLS handshake timeout"));
    });
    this.#handshakeTimer.unref();
  }

  #begin(pieces: readonly Uint8Array[], done: WriteCallback): void {
    this.#slices = new WriteSlices(pieces);
    this.#bytesTaken += this.#slices.left;
    this.#written = done;
    this.#pump();
  }

  #drained(): void {
    this.#blocked = false;
    this.#pump();
  }

  /** Seals slices until the transport asks to wait. */
  #pump(): void {
    const slices = this.#slices;
    if (slices === null || !this.#connection.isOpen) return;
    while (!this.#blocked) {
      const slice = slices.lend();
      if (slice === null) return this.#endWrite()?.();
      this.#connection.write(slice);
      if (this.destroyed) return;
    }
  }

  #endWrite(): WriteCallback | null {
    const written = this.#written;
    this.#slices = null;
    this.#written = null;
    return written;
  }

  /** Runs what the application listens to: what it throws ends as `uncaughtException` and never unwinds through the core. */
  #tell(act: () => void): void {
    try {
      act();
    } catch (error) {
      rethrowLater(error);
    }
  }
}

/** What two sides have agreed on, and how the secret came about. */
export interface HandshakeSummary {
  readonly clientRandom: Buffer;
  readonly serverRandom: Buffer;
  readonly resumed: boolean;
  readonly resumedBy: HandshakeOutcome["resumedBy"];
  readonly exchange: HandshakeOutcome["exchange"];
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
}

const GROUP_BITS: Readonly<Record<string, number>> = { X25519: 253, prime256v1: 256, secp384r1: 384 };
