/** A connection that is lost without an answer. */

/** The connection is lost without an answer; adapters make the client see that. */
export class ConnectionDropped extends Error {
  constructor() {
    super('connection dropped by a fault');
    this.name = 'ConnectionDropped';
  }
}
