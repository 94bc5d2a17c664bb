/** The list of running auctions: prices and countdowns kept true. */

import { ServerClock } from "./clock.js";
import { live } from "./page.js";
import { count, money, span } from "./words.js";

const SOON = 300_000;
const clock = new ServerClock();
const cards = [...document.querySelectorAll("[data-auction]")];

function show(card, { price, bids, ends_at, server_now }) {
  clock.learn(server_now);
  if (price) card.querySelector("[data-price]").textContent = money(price);
  if (bids !== undefined) card.querySelector("[data-bids]").textContent = count(bids, "bid", "bids");
  if (ends_at) card.dataset.ends = ends_at;
  tick();
}

function end(card) {
  card.dataset.ended = "";
  tick();
}

function hear(card, { type, data }) {
  if (type === "auction.closed" || type === "auction.cancelled") end(card);
  else show(card, data);
}

function tick() {
  for (const card of cards) {
    const left = clock.until(card.dataset.ends);
    const text = "ended" in card.dataset ? "Ended" : left > 0 ? span(left) : "Ending…";
    const countdown = card.querySelector("[data-countdown]");
    if (countdown.textContent !== text) countdown.textContent = text;
    card.querySelector(".ends").classList.toggle("soon", left < SOON);
  }
}

for (const card of cards) {
  clock.learn(card.dataset.now);
  live.subscribe(`auction:${card.dataset.auction}`, {
    since: JSON.parse(card.dataset.stream),
    snapshot: (document) => (document.state === "closed" ? end(card) : show(card, document)),
    event: (event) => hear(card, event),
  });
}
if (cards.length) setInterval(tick, 500);
tick();
