/** The shape of a logger: pino's, so that a pino instance can be passed as it is. */

/** Structured logger. Messages are constant texts; what varies stands in the fields. */
export interface Logger {
  /** Details for somebody who debugs podwright itself. */
  debug(fields: object, message: string): void;
  /** Normal events worth a line. */
  info(fields: object, message: string): void;
  /** Something odd that podwright has dealt with. */
  warn(fields: object, message: string): void;
  /** Something that needs a person. */
  error(fields: object, message: string): void;
}

const nothing = () => {};

/** Writes nothing: the default everywhere. */
export const silentLogger: Logger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing });
