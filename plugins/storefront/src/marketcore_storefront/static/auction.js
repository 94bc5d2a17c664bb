/** The page of one auction: what the server printed, kept true by live events. */

import { ProblemError } from "/static/marketcore-live.js";
import { offerBidding, showBidding } from "./bidding.js";
import { ServerClock } from "./clock.js";
import { forgetWin, headline, showOutcome, takeWin } from "./ending.js";
import { History } from "./history.js";
import { after, bidden, phase, reread } from "./lot.js";
import { live, part, say, session } from "./page.js";
import { clockTime, count, money, moment, refusal, span } from "./words.js";
import { newKey } from "./session.js";

const SOON = 60_000;
const UNDECIDED = 2_500; // ms after the end until the page asks how it went
const WITHOUT_LIVE = 5_000; // ms between questions while no events come
const STATES = { scheduled: "Not started", open: "Open", paused: "Paused", closing: "Ending…", closed: "Ended" };
const ENDS = { scheduled: "Starts in", open: "Ends in", paused: "Paused", closing: "Time is up", closed: "Ended" };
const RESERVES = { none: "", met: "Reserve met", not_met: "Reserve not met" };
const WARNINGS = [[60_000, "One minute left."], [10_000, "Ten seconds left."]];

const element = part("lot");
const clock = new ServerClock();
const history = new History(JSON.parse(element.dataset.bids), clock);
let lot = JSON.parse(element.dataset.auction);
let now = null;
let askedAt = 0;
let outbid = false;
/** @type {{close: () => void} | null} */ let own = null;

const path = `/api/v1/auctions/${lot.id}`;

/** @returns {boolean} whether the reader has bid here */
const hasBid = () => Boolean(lot.mine?.bidding) || history.has(lot.mine?.bidder);

/** Tell people who do not look at the screen. */
function announce(text) {
  part("news").textContent = text;
}

function become(next) {
  const before = lot;
  lot = next;
  clock.learn(lot.server_now);
  show();
  if (before.price.amount !== lot.price.amount) glow(part("price"));
  if (lot.state === "open" && before.state === "open" && lot.ends_at > before.ends_at) extended();
  if (lot.mine?.leading) outbid = false;
  else if (before.mine?.leading) lostLead();
}

function show() {
  const at = phase(lot, clock.now());
  part("state").textContent = STATES[at];
  part("state").dataset.state = at;
  say(part("extended"), lot.extensions ? `Extended ${lot.extensions} ×` : "");
  part("price").textContent = money(lot.price);
  part("price-label").textContent = lot.outcome === "sold" ? "Sold for" : lot.bids ? "Current bid" : "Starting price";
  part("bid-count").textContent = count(lot.bids, "bid", "bids");
  say(part("reserve"), RESERVES[lot.reserve]);
  part("reserve").dataset.reserve = lot.reserve;
  const time = at === "scheduled" ? lot.starts_at : lot.ends_at;
  part("end-label").textContent = at === "open" && !time ? "Ends when its seller says so" : ENDS[at];
  part("end-time").dateTime = time ?? "";
  part("end-time").textContent = time ? moment(time) : "";
  part("log-link").hidden = at !== "closed";
  say(part("leader").querySelector("[data-name]"), lot.leader?.name ?? "");
  part("leader").hidden = !lot.leader;
  part("leader").firstChild.textContent = lot.outcome === "sold" ? "Winner: " : "Highest bidder: ";
  if (at === "closed") say(part("extension"), "");
  showStanding(at);
  showBidding(lot, at === "open");
  showChoices(at);
  showOutcome(lot, hasBid(), show);
  history.show(lot.mine?.bidder);
  tick();
}

function showStanding(at) {
  const running = at !== "scheduled" && at !== "closed";
  const leading = running && Boolean(lot.mine?.leading);
  const behind = running && hasBid();
  part("standing").dataset.standing = leading ? "leading" : "outbid";
  const lost = behind || (running && outbid) ? "You have been outbid" : "";
  say(part("standing"), leading ? "You are the highest bidder" : lost);
}

function showChoices(at) {
  const buy = at === "open" && lot.buy_now && session.user;
  say(part("buy-now"), buy ? `Buy now for ${money(lot.buy_now)}` : "");
  part("watch").hidden = !lot.mine || at === "closed";
  part("watch").setAttribute("aria-pressed", String(Boolean(lot.mine?.watching)));
  part("choices").hidden = part("buy-now").hidden && part("watch").hidden;
}

/** Keep the countdown true, and notice the start and the end when they come. */
function tick() {
  const at = phase(lot, clock.now());
  if (part("state").dataset.state !== at) return show();
  const time = at === "scheduled" ? lot.starts_at : lot.ends_at;
  const left = time ? clock.until(time) : (lot.remaining_ms ?? Infinity);
  const text = at === "closing" ? "0:00" : at === "closed" || left === Infinity ? "" : span(left);
  if (text !== now) say(part("countdown"), (now = text));
  part("countdown").toggleAttribute("data-soon", at === "closing" || (at === "open" && left < SOON));
  for (const [limit, words] of WARNINGS) if (at === "open" && left <= limit && left > limit - 300) announce(words);
  return askIfSilent(at, left);
}

/** Ask over HTTP where events cannot be waited for: no connection, a start, an end nobody has told of. */
function askIfSilent(at, left) {
  const ago = performance.now() - askedAt;
  const deaf = at !== "closed" && live.status !== "open" && ago > WITHOUT_LIVE;
  const started = at === "open" && lot.state === "scheduled" && ago > 1_000;
  const ended = at === "closing" && left < -UNDECIDED && ago > UNDECIDED;
  if (deaf || started || ended) reload().catch(() => null);
}

function extended() {
  const words = `Extended: a late bid moved the end to ${clockTime(lot.ends_at, clock.now())}.`;
  say(part("extension"), words);
  announce(words);
  glow(part("countdown"));
}

function lostLead() {
  outbid = true;
  show();
  if (lot.next_minimum) announce(`You have been outbid. The next bid is ${money(lot.next_minimum)}.`);
}

function glow(what) {
  what.classList.remove("changed");
  void what.offsetWidth; // begins the animation anew
  what.classList.add("changed");
}

/** Read the auction and its bids again; answers the document. */
async function reload() {
  askedAt = performance.now();
  const asked = [path, `${path}/bids?limit=50`].map((address) => session.request("GET", address));
  const [document, bids] = await Promise.all(asked);
  history.add(bids.items);
  become(reread(lot, document));
  return document;
}

function hear(event) {
  clock.learn(event.data.server_now);
  const told = event.type === "auction.bid" && history.add(event.data.recent);
  const ledBefore = lot.mine?.leading;
  become(after(lot, event));
  if (event.type === "auction.bid") {
    if (!told) reload().catch(() => null);
    if (!lot.mine?.leading && !ledBefore) announce(`New bid: ${money(lot.price)}.`);
  }
  if (event.type === "auction.retracted") reload().catch(() => null);
  if (event.type === "auction.closed" || event.type === "auction.cancelled") {
    announce(headline(lot, hasBid()));
  }
}

function hearOwn({ type, data }) {
  if (data.auction_id !== lot.id || type !== "auction.won") return;
  takeWin(data);
  reload().catch(() => null);
}

function placed(standing) {
  clock.learn(standing.server_now);
  become(bidden(lot, standing));
  outbid = !standing.leading;
  show();
  if (standing.leading) announce(`You are the highest bidder, up to ${money(standing.maximum)}.`);
  else announce("Another bidder’s maximum is higher: you have been outbid.");
  if (!lot.mine?.bidder || live.status !== "open") reload().catch(() => null);
}

function refused({ next_minimum }) {
  if (next_minimum) become({ ...lot, next_minimum });
}

function listenAsMyself() {
  own?.close();
  own = session.user ? live.subscribe(`user:${session.user.id}`, { event: hearOwn }) : null;
}

async function signedInOrOut() {
  forgetWin();
  outbid = false;
  if (!session.user) lot = { ...lot, mine: null };
  listenAsMyself();
  show();
  await reload();
}

async function watch() {
  await attempt(() => session.request(lot.mine.watching ? "DELETE" : "PUT", `${path}/watch`));
  await reload();
}

async function buyNow() {
  const dialog = part("buy-dialog");
  const words = `You buy “${lot.title}” for ${money(lot.buy_now)}. The auction ends at once.`;
  dialog.querySelector("[data-words]").textContent = words;
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes") return;
  dialog.returnValue = "";
  const bought = await attempt(() => session.request("POST", `${path}/purchase`, { key: newKey() }));
  if (bought) takeWin(bought);
  await reload();
}

async function attempt(work) {
  say(part("page-fault"), "");
  try {
    return await work();
  } catch (error) {
    const explained = error instanceof ProblemError;
    say(part("page-fault"), explained ? refusal(error.problem) : "The marketplace does not answer. Try again.");
    return null;
  }
}

function localTimes() {
  for (const time of element.querySelectorAll("tbody time")) time.textContent = clockTime(time.dateTime, clock.now());
  element.querySelector("[data-zone]").remove();
}

clock.learn(lot.server_now);
localTimes();
live.subscribe(`auction:${lot.id}`, {
  since: lot.stream,
  snapshot: (document) => {
    become(reread(lot, document));
    reload().catch(() => null);
  },
  event: hear,
  lost: reload,
});
offerBidding({ lot: () => lot, placed, refused });
part("watch").addEventListener("click", watch);
part("buy-now").addEventListener("click", buyNow);
session.addEventListener("change", () => signedInOrOut().catch(() => null));
listenAsMyself();
show();
setInterval(tick, 200);
if (session.user) reload().catch(() => null);
