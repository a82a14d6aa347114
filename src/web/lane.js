// The lane: messages that nobody has to look at pass without a call of the machine, which is told afterwards what has passed.

// Made of src/proto/contract by `cargo xtask contract`.
// <contract>
const MAX_DOUBTED = 1000;
const MAX_DOUBTED_BYTES = 1048576;
// </contract>

/**
 * A message that may not have arrived.
 *
 * @typedef {{ id: number, data: any, length: number, at: number }} Doubted
 */

export class Lane {
  /** @param {number} id @param {WebSocket} socket @param {number} longest The length beyond which a message does not pass. */
  constructor(id, socket, longest) {
    this.id = id;
    this.socket = socket;
    this.longest = longest;
    this.received = 0;
    /** When the last message arrived, by `performance.now()`; negative if none has. */
    this.heard = -1;
    this.sent = 0;
    // Two generations, so that none has to be moved when there are too many: the machine takes the last of both.
    /** @type {Doubted[]} */
    this.older = [];
    /** @type {Doubted[]} */
    this.newer = [];
    this.newerLength = 0;
  }

  /** Sends, and ignores a failure, as `write` of the driver. @param {number} id @param {any} data Nobody changes it any more. @param {number} length */
  send(id, data, length) {
    this.sent++;
    if (this.newer.length === MAX_DOUBTED || this.newerLength + length > MAX_DOUBTED_BYTES) {
      this.older = this.newer;
      this.newer = [];
      this.newerLength = 0;
    }
    // One that is longer than all that may be in doubt together leaves nothing in doubt, so that nobody asks for its data.
    const kept = length > MAX_DOUBTED_BYTES ? undefined : data;
    this.newer.push({ id, data: kept, length, at: performance.now() });
    this.newerLength += length;
    try {
      this.socket.send(data);
    } catch {
      // The caller was told that the message was taken; the loss of the socket tells the rest.
    }
  }

  /** A message has arrived. */
  hear() {
    this.received++;
    this.heard = performance.now();
  }

  /** What may not have arrived, in order. */
  doubted() {
    return [...this.older, ...this.newer];
  }
}
