/** The list of bids, newest first: every row once, the reader's own marked. */

import { part } from "./page.js";
import { clockTime, money } from "./words.js";

const SHOWN = 50;
const TOLD = 5; // bids of one event at most

export class History {
  #rows = new Map();
  #whole = true;

  /** @param {any[]} bids newest first @param {{now: () => number}} clock */
  constructor(bids, clock) {
    this.clock = clock;
    for (const bid of bids) this.#rows.set(bid.seq, bid);
  }

  /** @param {string | undefined} bidder @returns {boolean} whether there is a bid of this bidder */
  has(bidder) {
    return [...this.#rows.values()].some((bid) => bid.bidder === bidder);
  }

  /** Take what one event told; `false` when bids between it and what is known were not told. @param {any[]} recent */
  add(recent) {
    const fresh = recent.filter((bid) => !this.#rows.has(bid.seq));
    for (const bid of fresh) this.#rows.set(bid.seq, bid);
    return fresh.length < recent.length || recent.length < TOLD;
  }

  /** Begin again from a list that was read. @param {any[]} bids */
  replace(bids) {
    this.#rows = new Map(bids.map((bid) => [bid.seq, bid]));
  }

  /** @param {string | undefined} mine the reader's own bidder, if there is one */
  show(mine) {
    const body = part("bids").querySelector("tbody");
    const before = new Map([...body.rows].map((row) => [row.dataset.seq, row]));
    const ordered = [...this.#rows.values()].sort((one, other) => other.seq - one.seq).slice(0, SHOWN);
    const isUpdate = !this.#whole;
    body.replaceChildren(...ordered.map((bid) => before.get(String(bid.seq)) ?? made(bid, isUpdate, this.clock.now())));
    for (const row of body.rows) markOwn(row, mine);
    part("bids").hidden = !ordered.length;
    part("no-bids").hidden = ordered.length > 0;
    this.#whole = false;
  }
}

function made(bid, isNew, now) {
  const row = document.createElement("tr");
  row.dataset.seq = bid.seq;
  row.dataset.bidder = bid.bidder;
  row.classList.toggle("fresh", isNew);
  row.append(cell(named("span", "name", bid.name)), cell(money(bid.price), "sum"), cell(time(bid.at, now)));
  return row;
}

function cell(content, kind = "") {
  const element = document.createElement("td");
  element.className = kind;
  element.append(content);
  return element;
}

function named(tag, kind, text) {
  const element = document.createElement(tag);
  element.className = kind;
  element.textContent = text;
  return element;
}

function time(at, now) {
  const element = document.createElement("time");
  element.dateTime = at;
  element.textContent = clockTime(at, now);
  return element;
}

function markOwn(row, mine) {
  const marked = row.querySelector(".you");
  const own = Boolean(mine) && row.dataset.bidder === mine;
  if (own && !marked) row.cells[0].append(named("span", "you", "you"));
  if (!own) marked?.remove();
}
