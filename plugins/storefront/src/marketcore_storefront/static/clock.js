/**
 * The marketplace's time. The browser's own clock may be wrong by minutes and may be set while the page is open, so
 * only its steady timer is used: every document and event brings `server_now`.
 */
export class ServerClock {
  /** @type {number | null} */
  #ahead = null;

  /**
   * Learn from something that was said at `time`. It has been on its way for a while, so the latest reading is the
   * best; what arrives late, such as an event after a lost connection, teaches nothing.
   *
   * @param {string | undefined} time RFC 3339
   */
  learn(time) {
    const ahead = Date.parse(time ?? "") - performance.now();
    if (!Number.isNaN(ahead)) this.#ahead = Math.max(this.#ahead ?? ahead, ahead);
  }

  /** @returns {number} milliseconds since 1970 by the marketplace's clock */
  now() {
    return performance.now() + (this.#ahead ?? 0);
  }

  /** @param {string} time @returns {number} milliseconds until `time`, negative when it has passed */
  until(time) {
    return Date.parse(time) - this.now();
  }
}
