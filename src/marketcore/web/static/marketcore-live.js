/**
 * A marketplace's live events and commands in a browser: one WebSocket that comes back by itself.
 *
 * Every subscription hears each event of its channel once and in order, however often the connection breaks. Where
 * the marketplace cannot tell any more what was missed, it gets a new document (`snapshot`) or is asked to load one
 * (`lost`). Commands are sent once: one whose answer is lost is reported as such, never repeated.
 *
 * @module
 * @typedef {import("./marketcore-live-stream.js").Position} Position
 * @typedef {import("./marketcore-live-stream.js").LiveEvent} LiveEvent
 * @typedef {import("./marketcore-live-stream.js").Problem} Problem
 * @typedef {import("./marketcore-live-stream.js").Listener} Listener
 * @typedef {import("./marketcore-live-stream.js").Carrier} Carrier
 * @typedef {"connecting" | "open" | "waiting" | "closed"} Status
 */

import { Stream, safely } from "./marketcore-live-stream.js";

const RESTARTED = 1001;
const SLOW = 4008;
const RATE = 4029;
const TOO_MANY_SOCKETS = 4030;
const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
const NOT_FOUND = 4404;
const BROKEN = 1006;

const AT_ONCE = new Set([RESTARTED, SLOW, UNAUTHENTICATED]);
const FOR_GOOD = new Set([FORBIDDEN, NOT_FOUND]);
const STEADY = 5_000; // ms after which a connection that ends was a good one
const PACE = 15; // frames per second; the gateway's own limit is 20 unless it is set otherwise
const LATER = 503; // the one refusal of a channel that is worth another try

/** The marketplace refused: `problem` is the document that HTTP would have answered. */
export class ProblemError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** No answer came. With `sent` the command may have been carried out: look before doing it again. */
export class UnansweredError extends Error {
  /** @param {string} message @param {boolean} sent */
  constructor(message, sent) {
    super(message);
    this.name = "UnansweredError";
    this.sent = sent;
  }
}

/**
 * A live connection. `ticket` is asked at every connection and answers the `ticket` of `POST /api/v1/live/tickets`, or
 * `null` to stay anonymous. Dispatches `status` (detail: Status) and `problem` (detail: Problem, not about a command).
 */
export class MarketLive extends EventTarget {
  /** @type {Status} */ #status = "waiting";
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Map<string, Stream>} */ #streams = new Map();
  /** @type {Map<number, any>} */ #commands = new Map();
  /** @type {Map<number, Stream | null>} */ #asked = new Map();
  /** @type {Map<string, Set<(event: LiveEvent) => void>>} */ #listeners = new Map();
  /** @type {{frame: any, command?: any}[]} */ #outbox = [];
  /** @type {string | null} */ #ticketInUse = null;
  /** @type {string | null} */ #refusedTicket = null;
  #online = () => this.#status === "waiting" && this.#connect();
  /** @type {Carrier} */ #carrier = {
    join: (stream) => this.#join(stream),
    delay: (failures) => this.#delay(failures),
    heard: (event) => this.#dispatch(event),
  };
  #settings;
  #closed = false;
  #attempt = 0; // counts connections, so that what belongs to an old one can tell
  #failures = 0;
  #ids = 0;
  #pace = PACE;
  #allowance = 0;
  #countedAt = 0;
  #openedAt = 0;
  #heardAt = 0;
  #askedAt = 0;
  /** @type {any} */ #retry;
  /** @type {any} */ #watch;
  /** @type {any} */ #sending;

  /**
   * @param {object} options
   * @param {string} options.url the live process, such as `wss://market.example/live/`; may be relative to the page
   * @param {() => string | null | Promise<string | null>} [options.ticket]
   * @param {number} [options.timeout] ms for opening, for a ticket, and for a command's answer
   * @param {number} [options.idle] ms of silence after which the connection is tested
   * @param {{first?: number, longest?: number}} [options.retry] ms between attempts: doubled from `first` to `longest`
   */
  constructor({ url, ticket = () => null, timeout = 10_000, idle = 25_000, retry = {} }) {
    super();
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace(/^http/, "ws");
    this.#settings = { url: address.href, ticket, timeout, idle, first: 500, longest: 30_000, ...retry };
    globalThis.addEventListener?.("online", this.#online);
    queueMicrotask(() => this.#attempt || this.#connect());
  }

  /** @returns {Status} */
  get status() {
    return this.#status;
  }

  /**
   * Listen to a channel; `since` and the handlers are described at `Listener`.
   *
   * @param {string} channel @param {Listener} [listener]
   * @returns {{channel: string, readonly position: Position | null, close: () => void}}
   */
  subscribe(channel, listener = {}) {
    if (this.#streams.has(channel)) {
      throw new Error(`you listen to ${channel} already: close that subscription first, or use on() for its events`);
    }
    const stream = new Stream(channel, listener, this.#carrier);
    this.#streams.set(channel, stream);
    this.#join(stream);
    return {
      channel,
      get position() {
        return stream.position && { ...stream.position };
      },
      close: () => this.#leave(stream),
    };
  }

  /**
   * Call `listener` with the events of one type, whatever channel brings them; return how to stop.
   *
   * @param {string} type @param {(event: LiveEvent) => void} listener @returns {() => void}
   */
  on(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /**
   * Send a command once and answer its reply; `ProblemError` or `UnansweredError`.
   * While there is no connection it waits for one, not longer than `timeout`.
   *
   * @param {string} name @param {object} [data] @param {{timeout?: number}} [options] @returns {Promise<any>}
   */
  command(name, data = {}, { timeout = this.#settings.timeout } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#status === "closed") return reject(new UnansweredError(`${name}: not connected`, false));
      const id = ++this.#ids;
      const late = () => this.#abandon(id, `no answer within ${timeout} ms`);
      const command = { id, name, frame: { op: "command", id, name, data }, sent: false, resolve, reject };
      this.#commands.set(id, Object.assign(command, { timer: setTimeout(late, timeout) }));
      if (this.#status === "open") this.#send(command.frame, command);
    });
  }

  /** Connect anew at once with a new ticket: after a log-in or log-out, or when `status` is "closed". */
  reconnect() {
    if (this.#closed) throw new Error("this connection was closed with close(): make another one");
    this.#disconnect("the connection was replaced");
    this.#refusedTicket = null;
    this.#connect();
  }

  /** End everything. */
  close() {
    this.#closed = true;
    globalThis.removeEventListener?.("online", this.#online);
    for (const stream of this.#streams.values()) stream.ended = true;
    this.#streams.clear();
    this.#giveUp("the connection was closed");
  }

  async #connect() {
    const attempt = ++this.#attempt;
    clearTimeout(this.#retry);
    this.#become("connecting");
    let ticket = null;
    try {
      ticket = await within(this.#settings.timeout, this.#settings.ticket());
    } catch (error) {
      console.warn("marketcore-live: no ticket, trying again:", error);
      if (attempt === this.#attempt) this.#wait(BROKEN);
      return;
    }
    if (attempt !== this.#attempt) return;
    const unwelcome = this.#refusedTicket !== null && (ticket === null || ticket === this.#refusedTicket);
    if (unwelcome) this.#giveUp("the session has ended: log in");
    else this.#open(ticket);
  }

  /** @param {string | null} ticket */
  #open(ticket) {
    const socket = new WebSocket(this.#settings.url);
    this.#socket = socket;
    this.#ticketInUse = ticket;
    this.#openedAt = this.#askedAt = 0;
    this.#heardAt = now();
    socket.onopen = () => this.#greet(ticket);
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => this.#end(code);
    this.#watch = setInterval(() => this.#check(), Math.min(1_000, this.#settings.idle / 2));
  }

  /** @param {string | null} ticket */
  #greet(ticket) {
    this.#openedAt = this.#countedAt = now();
    this.#allowance = this.#pace;
    if (ticket !== null) this.#send({ op: "auth", ticket });
    this.#ping(); // its answer proves the ticket, and a gateway wants a first frame soon
    for (const stream of this.#streams.values()) this.#join(stream);
  }

  #ping() {
    this.#askedAt = now();
    this.#send({ op: "ping" });
  }

  /** Notice a connection that has died without a word. */
  #check() {
    const { timeout, idle } = this.#settings;
    const asked = this.#askedAt > this.#heardAt;
    const since = now() - (asked ? this.#askedAt : this.#heardAt);
    if (asked || !this.#openedAt) return since > timeout ? this.#end(BROKEN) : undefined;
    return since > idle ? this.#ping() : undefined;
  }

  /** @param {any} frame */
  #hear(frame) {
    this.#heardAt = now();
    if (this.#status !== "open") this.#opened();
    if (frame.op === "event") this.#streams.get(frame.channel)?.take(frame);
    else if (frame.op === "subscribed") this.#streams.get(frame.channel)?.begin(frame);
    else if (frame.op === "signal") this.#signal(frame);
    else if (frame.op === "reply") this.#settle(frame.id)?.resolve(frame.data);
    else if (frame.op === "error") this.#refused(frame);
  }

  /** @param {import("./marketcore-live-stream.js").LiveSignal} signal */
  #signal({ channel, type, data }) {
    const stream = this.#streams.get(channel);
    if (stream) safely(() => stream.listener.signal?.({ channel, type, data }));
  }

  #opened() {
    this.#refusedTicket = null;
    this.#become("open");
    for (const command of this.#commands.values()) this.#send(command.frame, command);
  }

  /** @param {{id?: number, problem: Problem}} frame */
  #refused({ id = 0, problem }) {
    const command = this.#settle(id);
    if (command) return command.reject(new ProblemError(problem));
    const ours = this.#asked.has(id);
    const stream = ours ? this.#asked.get(id) : this.#streams.get(problem.channel);
    if (ours && !stream) return undefined; // leaving a channel that we were not in
    if (stream && problem.status === LATER) {
      stream.faults ||= 1;
      return void stream.repair();
    }
    if (stream) this.#giveUpChannel(stream, problem);
    return void this.dispatchEvent(new CustomEvent("problem", { detail: problem }));
  }

  /** @param {Stream} stream @param {Problem} problem */
  #giveUpChannel(stream, problem) {
    if (this.#streams.get(stream.channel) !== stream) return;
    stream.ended = true;
    this.#streams.delete(stream.channel);
    safely(() => stream.listener.refused?.(problem));
  }

  /** @param {Stream} stream */
  #join(stream) {
    if (!this.#openedAt || stream.ended || stream.loading) return;
    if (stream.asked) this.#ask({ op: "unsubscribe", channel: stream.channel }, null);
    stream.asked = true;
    const since = stream.position ? { since: stream.position } : {};
    this.#ask({ op: "subscribe", channel: stream.channel, ...since }, stream);
  }

  /** @param {Stream} stream */
  #leave(stream) {
    if (stream.ended) return;
    stream.ended = true;
    this.#streams.delete(stream.channel);
    if (stream.asked) this.#ask({ op: "unsubscribe", channel: stream.channel }, null);
  }

  /** @param {object} frame @param {Stream | null} stream whom a refusal concerns */
  #ask(frame, stream) {
    const id = ++this.#ids;
    this.#asked.set(id, stream);
    this.#send({ ...frame, id });
  }

  /** @param {object} frame @param {any} [command] */
  #send(frame, command) {
    this.#outbox.push({ frame, command });
    this.#flush();
  }

  /** Send what the pace allows, the rest soon: a gateway closes sockets that send too much. */
  #flush() {
    clearTimeout(this.#sending);
    this.#allowance = Math.min(this.#pace, this.#allowance + ((now() - this.#countedAt) * this.#pace) / 1_000);
    this.#countedAt = now();
    while (this.#outbox.length && this.#allowance >= 1 && this.#socket?.readyState === WebSocket.OPEN) {
      const { frame, command } = /** @type {{frame: any, command?: any}} */ (this.#outbox.shift());
      if (command && !this.#commands.has(command.id)) continue; // given up meanwhile
      if (command) command.sent = true;
      this.#allowance -= 1;
      this.#socket.send(JSON.stringify(frame));
    }
    if (this.#outbox.length) this.#sending = setTimeout(() => this.#flush(), 1_000 / this.#pace);
  }

  /** @param {number} id @returns {any} the command that waits for this answer */
  #settle(id) {
    const command = this.#commands.get(id);
    clearTimeout(command?.timer);
    this.#commands.delete(id);
    return command;
  }

  /** @param {number} id @param {string} reason */
  #abandon(id, reason) {
    const { name, sent, reject } = this.#settle(id);
    const outcome = sent ? "it may have been carried out" : "it was not sent";
    reject(new UnansweredError(`${name}: ${reason}; ${outcome}`, sent));
  }

  /** The connection has ended with this code. @param {number} code */
  #end(code) {
    const lived = this.#openedAt ? now() - this.#openedAt : 0;
    this.#disconnect("the connection broke");
    if (FOR_GOOD.has(code)) return this.#giveUp("there is nothing here for you");
    if (lived > STEADY) this.#failures = 0;
    if (code === UNAUTHENTICATED) this.#refusedTicket = this.#ticketInUse ?? "";
    if (code === RATE) this.#pace = Math.max(1, this.#pace / 2);
    if (code === TOO_MANY_SOCKETS) this.#failures = Math.max(this.#failures, 4);
    return this.#wait(code);
  }

  /** @param {number} code */
  #wait(code) {
    const atOnce = AT_ONCE.has(code) && this.#failures === 0;
    // Even at once is not at the same instant: a gateway that restarts has everybody coming back to it.
    const delay = atOnce ? Math.random() * 200 : this.#delay(this.#failures);
    this.#failures += 1;
    this.#become("waiting");
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  /** @param {number} failures @returns {number} ms, half of them by chance */
  #delay(failures) {
    const { first, longest } = this.#settings;
    return Math.min(longest, first * 2 ** failures) * (0.5 + Math.random() / 2);
  }

  /** Leave the socket, if there is one, and all that hangs on it. @param {string} reason */
  #disconnect(reason) {
    const socket = this.#socket;
    this.#socket = null;
    this.#openedAt = 0;
    this.#outbox = [];
    this.#asked.clear();
    for (const timer of [this.#watch, this.#sending, this.#retry]) clearTimeout(timer);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const stream of this.#streams.values()) stream.part();
    for (const { id, sent } of [...this.#commands.values()]) if (sent) this.#abandon(id, reason);
  }

  /** @param {string} reason */
  #giveUp(reason) {
    this.#attempt += 1;
    this.#disconnect(reason);
    this.#become("closed");
    for (const id of [...this.#commands.keys()]) this.#abandon(id, reason);
  }

  /** @param {Status} status */
  #become(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
  }

  /** @param {LiveEvent} event */
  #dispatch(event) {
    for (const listener of this.#listeners.get(event.type) ?? []) safely(() => listener(event));
  }
}

const now = () => performance.now();

/** @template T @param {number} ms @param {T | Promise<T>} answer @returns {Promise<T>} */
function within(ms, answer) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    Promise.resolve(answer).then(resolve, reject);
  });
}
