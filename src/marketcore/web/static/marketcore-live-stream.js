/**
 * What one listener of a channel has heard: drops what comes twice, notices what is missing, asks for it again.
 *
 * @module
 * @typedef {{epoch: string | null, offset: number}} Position where a listener stands in a channel: the `stream` of a document
 * @typedef {{channel: string, offset: number, type: string, data: any, at: string}} LiveEvent
 * @typedef {{channel: string, type: string, data: any}} LiveSignal true at this moment, stored nowhere
 * @typedef {{type: string, title: string, status: number, detail: string, [extra: string]: any}} Problem as in RFC 9457
 * @typedef {object} Listener
 * @property {Position | null} [since] the `stream` of the document that the events continue
 * @property {(document: any, position: Position) => void} [snapshot] begin again from this document
 * @property {(event: LiveEvent) => void} [event] the next event
 * @property {(signal: LiveSignal) => void} [signal] something is so at this moment, such as that somebody is typing
 * @property {() => unknown} [lost] load the resource again; may answer (a promise of) its `stream` or the document itself
 * @property {(problem: Problem) => void} [refused] this channel may not be listened to: the subscription has ended
 * @typedef {object} Carrier what a stream needs of its connection
 * @property {(stream: Stream) => void} join ask the gateway for the stream from its position on
 * @property {(failures: number) => number} delay ms to wait after so many failures in a row
 * @property {(event: LiveEvent) => void} heard an event that was passed on
 */

/** One channel's listener: drops what it has heard, notices what it has not. */
export class Stream {
  /** @param {string} channel @param {Listener} listener @param {Carrier} carrier */
  constructor(channel, { since = null, ...listener }, carrier) {
    this.channel = channel;
    /** @type {Position | null} */
    this.position = since && positionOf(since);
    this.ended = false;
    this.loading = false;
    this.asked = false; // whether the gateway of this connection was asked for the channel
    this.joined = false;
    this.faults = 0; // gaps and losses since the stream last went on as it should
    this.listener = listener;
    this.carrier = carrier;
  }

  /** The connection has ended. */
  part() {
    this.asked = this.joined = false;
  }

  /** The gateway says where the channel stands, and what was missed. @param {any} frame */
  begin(frame) {
    if (this.loading || this.ended) return;
    this.joined = true;
    if (!frame.recovered || frame.snapshot !== undefined || this.position === null) this.restart(frame);
    const { epoch, offset } = /** @type {Position} */ (this.position);
    this.position = { epoch: epoch ?? frame.epoch, offset };
    for (const event of frame.events ?? []) this.take(event);
    if (!this.joined) return;
    if (/** @type {Position} */ (this.position).offset < frame.offset) this.repair();
    else if (frame.recovered) this.faults = 0;
  }

  /** @param {any} frame */
  restart(frame) {
    this.position = positionOf(frame.snapshot?.stream ?? frame);
    const given = frame.snapshot !== undefined && this.listener.snapshot;
    if (given) safely(() => this.listener.snapshot(frame.snapshot, positionOf(this.position)));
    else if (this.listener.lost) this.reload();
  }

  /** @param {LiveEvent} event */
  take(event) {
    if (!this.joined || this.ended || this.position === null || event.offset <= this.position.offset) return;
    if (event.offset > this.position.offset + 1) return void this.repair();
    this.position = { epoch: this.position.epoch, offset: event.offset };
    this.faults = 0;
    safely(() => this.listener.event?.(event));
    this.carrier.heard(event);
  }

  /** Ask again from the last event that was heard. */
  async repair() {
    this.joined = false;
    await this.patience();
    this.carrier.join(this);
  }

  /** Wait, but not the first time: what does not help at once is not repeated without end. */
  async patience() {
    if (this.faults++) await pause(this.carrier.delay(this.faults - 2));
  }

  /** Let the page load the resource, and go on from what it loaded. */
  async reload() {
    this.joined = false;
    this.loading = true;
    for (let failed = true; failed && !this.ended; ) {
      await this.patience();
      try {
        const answer = /** @type {any} */ (await this.listener.lost());
        const stream = answer?.stream ?? answer;
        if (Number.isInteger(stream?.offset)) this.position = positionOf(stream);
        failed = false;
      } catch (error) {
        console.warn(`marketcore-live: ${this.channel} was not loaded, trying again:`, error);
      }
    }
    this.loading = false;
    this.carrier.join(this);
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {any} place @returns {Position} */
const positionOf = ({ epoch, offset }) => ({ epoch, offset });

/** Run a page's handler: what it throws is reported, and disturbs nobody else. @param {() => void} handler */
export function safely(handler) {
  try {
    handler();
  } catch (error) {
    reportError(error);
  }
}
