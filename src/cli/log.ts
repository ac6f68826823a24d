import { pino, type Logger } from "pino";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Lines of JSON on standard error, written at once: a log that is lost with the process says nothing about its end. */
export const openLog = (level: LogLevel): Logger =>
  pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
