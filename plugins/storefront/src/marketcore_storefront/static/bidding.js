/** The form that bids: over the socket where there is one, over HTTP where there is none, with the same answers. */

import { ProblemError, UnansweredError } from "/static/marketcore-live.js";
import { askToSignIn, live, part, say, session } from "./page.js";
import { amountOf, codeOf, money, refusal } from "./words.js";

const UNHEARD = "The marketplace does not answer. Your bid may not have been placed; try again.";
const field = part("maximum");
let touched = false;

/**
 * @param {object} page
 * @param {() => any} page.lot the auction as it stands
 * @param {(standing: any) => void} page.placed a bid was taken
 * @param {(problem: any) => void} page.refused a bid was refused
 */
export function offerBidding({ lot, placed, refused }) {
  field.addEventListener("input", () => {
    touched = true;
    complain("");
  });
  part("bid-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!session.user) return askToSignIn();
    const amount = amountOf(field.value);
    if (!amount) return complain("Enter the most that you would pay.");
    await whileBusy(() => bid(lot(), amount, placed, refused));
  });
}

async function bid(lot, amount, placed, refused) {
  try {
    const standing = await send(lot.id, { amount, currency: lot.currency });
    touched = false;
    complain("");
    placed(standing);
  } catch (error) {
    if (!(error instanceof ProblemError)) return complain(UNHEARD);
    const leads = codeOf(error.problem) === "bid-too-low" && lot.mine?.leading;
    if (leads) return complain(`You lead already, up to ${money(lot.mine.maximum)}. Bid more than that.`);
    complain(refusal(error.problem));
    refused(error.problem);
    if (codeOf(error.problem) === "not-authenticated") askToSignIn();
  }
}

async function send(auctionId, maximum) {
  if (live.status === "open") {
    try {
      return await live.command("auctions.place_bid", { auction_id: auctionId, maximum });
    } catch (error) {
      // The same maximum sent twice counts once, so a lost answer may be asked for again.
      if (!(error instanceof UnansweredError)) throw error;
    }
  }
  return session.request("POST", `/api/v1/auctions/${auctionId}/bids`, { body: { maximum } });
}

async function whileBusy(work) {
  const button = part("bid-form").querySelector("button");
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}

function complain(text) {
  say(part("bid-fault"), text);
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (text) field.focus();
}

/** Say what may be bid next, and fill it in unless somebody is typing. @param {any} lot @param {boolean} open */
export function showBidding(lot, open) {
  const next = lot.next_minimum;
  part("bidding").hidden = !open || !session.user || !next;
  part("invitation").hidden = !open || Boolean(session.user) || !next;
  if (!next) return;
  part("next-minimum").textContent = money(next);
  const leads = lot.mine?.leading && lot.mine.maximum;
  part("bid-hint").textContent = leads
    ? `You lead with a maximum of ${money(lot.mine.maximum)}. Enter more to raise it; nobody sees your maximum.`
    : `Bid ${money(next)} or more. We bid for you, only as high as needed, up to your maximum.`;
  part("bid-form").querySelector("label").textContent = leads ? "Raise your maximum" : "Your maximum bid";
  if (!touched) field.value = leads ? "" : next.amount;
}
