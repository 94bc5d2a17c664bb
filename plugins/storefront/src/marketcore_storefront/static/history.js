/** The list of bids, newest first: every row once, the reader's own marked. */

import { part } from "./page.js";
import { clockTime, money } from "./words.js";

const SHOWN = 50;
const TOLD = 5; // bids of one event at most

export class History {
  #rows = new Map();

  /** @param {any[]} bids newest first @param {{now: () => number}} clock */
  constructor(bids, clock) {
    this.clock = clock;
    for (const bid of bids) this.#rows.set(bid.seq, bid);
  }

  /** @param {string | undefined} bidder @returns {boolean} whether there is a bid of this bidder */
  has(bidder) {
    return [...this.#rows.values()].some((bid) => bid.bidder === bidder);
  }

  /** Take bids that were told or read; `false` when some before them may be unknown. @param {any[]} recent newest first */
  add(recent) {
    const fresh = recent.filter((bid) => !this.#rows.has(bid.seq));
    for (const bid of fresh) this.#rows.set(bid.seq, bid);
    return fresh.length < recent.length || recent.length < TOLD;
  }

  /** @param {string | undefined} mine the reader's own bidder, if there is one */
  show(mine) {
    const ordered = [...this.#rows.values()].sort((one, other) => other.seq - one.seq).slice(0, SHOWN);
    this.#arrange(ordered);
    for (const row of part("bids").querySelector("tbody").rows) markOwn(row, mine);
    part("bids").hidden = !ordered.length;
    part("no-bids").hidden = ordered.length > 0;
  }

  /** Take rows out and put new ones in; those that stay are not touched, so that they do not arrive again. */
  #arrange(ordered) {
    const body = part("bids").querySelector("tbody");
    const there = new Map([...body.rows].map((row) => [row.dataset.seq, row]));
    const wanted = new Set(ordered.map((bid) => String(bid.seq)));
    for (const [seq, row] of there) if (!wanted.has(seq)) row.remove();
    ordered.forEach((bid, place) => {
      if (!there.has(String(bid.seq))) body.insertBefore(made(bid, this.clock.now()), body.rows[place] ?? null);
    });
  }
}

function made(bid, now) {
  const row = document.createElement("tr");
  row.dataset.seq = bid.seq;
  row.dataset.bidder = bid.bidder;
  row.className = "fresh";
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
