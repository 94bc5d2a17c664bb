/** How an auction ended, and what the reader has to do now. */

import { part, session } from "./page.js";
import { moment, money } from "./words.js";

const TRIES = 5;
let shown = "";
/** @type {any} */ let order = null;

/** Take what the reader's own channel tells the winner. @param {any} won */
export function takeWin({ order_id, checkout_id, price, due_at }) {
  order = { id: order_id, checkout_id, total: price, payment_due_at: due_at, state: "pending_payment" };
}

/**
 * @param {any} lot
 * @param {boolean} hasBid whether the reader did
 * @param {() => void} again called when more is known
 */
export function showOutcome(lot, hasBid, again) {
  const box = part("outcome");
  const ended = lot.state === "closed";
    box.hidden = !ended;
  if (!ended) return;
  const won = hasWon(lot);
  box.dataset.mine = won ? "won" : "";
  box.querySelector("h2").textContent = headline(lot, hasBid);
  const next = box.querySelector("[data-next]");
  next.hidden = !won;
  if (won) showOrder(next, lot, again);
}

const hasWon = (lot) => lot.outcome === "sold" && Boolean(lot.mine?.leading);

/** @param {any} lot @param {boolean} hasBid whether the reader did @returns {string} how it ended, in a few words */
export function headline(lot, hasBid) {
  if (lot.outcome === "cancelled") return "The seller has cancelled this auction";
  if (lot.outcome !== "sold") return lot.bids ? "Ended unsold: the reserve was not met" : "Ended without a bid";
  if (hasWon(lot)) return `You won, for ${money(lot.price)}`;
  const sold = `Sold for ${money(lot.price)}`;
  return hasBid ? `${sold} to another bidder` : sold;
}

function showOrder(box, lot, again) {
  if (!order) return void findOrder(lot, again);
  const key = `${order.id} ${order.state}`;
  if (shown === key) return;
  shown = key;
  const due = order.state === "pending_payment";
  box.replaceChildren(
    facts([
      ["Order", String(order.id)],
      [due ? "To pay" : "Price", money(order.total)],
      due ? ["Pay before", moment(order.payment_due_at)] : ["State", order.state],
    ]),
    ...(due ? howToPay() : []),
  );
}

function howToPay() {
  const what = code(`checkout ${order.checkout_id}`);
  const address = "/api/docs#/payments/post_payments_payments";
  return [
    paragraph("Pay in time, or it goes to the next bidder: start a payment of ", what, "."),
    paragraph(link(address, "How to pay")),
  ];
}

async function findOrder(lot, again) {
  if (shown === "searching") return;
  shown = "searching";
  for (let left = TRIES; left && !order && session.user; left -= 1) {
    const { items } = await session.request("GET", "/api/v1/orders?limit=100").catch(() => ({ items: [] }));
    const found = items.find((one) => one.lines.some((line) => line.listing_id === lot.id));
    if (found) order ??= found;
    else await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  shown = "";
  if (order) again();
}

/** Forget the order of whoever was signed in. */
export function forgetWin() {
  order = null;
  shown = "";
}

function facts(pairs) {
  const list = document.createElement("dl");
  for (const [name, value] of pairs) {
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    list.append(term, said);
  }
  return list;
}

function paragraph(...content) {
  const element = document.createElement("p");
  element.append(...content);
  return element;
}

function code(text) {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}

function link(href, text) {
  const element = document.createElement("a");
  element.href = href;
  element.textContent = text;
  return element;
}
