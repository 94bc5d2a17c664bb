/** An auction as the page knows it: what an event or an answer makes of it. Nothing here touches the page. */

const OF_STANDINGS = ["price", "next_minimum", "bids", "ends_at", "seq"];
const CHANGES = ["auction.bid", "auction.retracted", "auction.paused", "auction.resumed"];
const OF_BIDS = [...OF_STANDINGS, "paused", "remaining_ms", "leader", "reserve", "buy_now", "extensions", "log_head"];

/** @param {any} lot @param {{type: string, offset: number, data: any}} event @returns {any} the lot after it */
export function after(lot, { type, offset, data }) {
  const at = { ...lot, stream: { ...lot.stream, offset } };
  if (CHANGES.includes(type)) return own({ ...at, ...chosen(data, OF_BIDS) });
  if (type === "auction.ending_soon") return { ...at, ...chosen(data, ["ends_at", "price"]) };
  if (type === "auction.closed") return own(closed(at, data));
  if (type === "auction.cancelled") return { ...at, state: "closed", outcome: "cancelled", next_minimum: null };
  return at;
}

function closed(lot, { outcome, price, winner, log_head }) {
  return { ...lot, state: "closed", outcome, price: price ?? lot.price, leader: winner, next_minimum: null, log_head };
}

/** Take a document that was read; an older one than the events heard tells only what is the reader's own. */
export function reread(lot, document) {
  const [epoch, known] = [document.stream.epoch, lot.stream.epoch];
  const isOther = epoch && known && epoch !== known;
  if (!isOther && document.stream.offset < lot.stream.offset) return own({ ...lot, mine: document.mine });
  return { ...document, seq: lot.seq };
}

/** Take the answer to a bid of the reader's. */
export function bidden(lot, standing) {
  const mine = { ...lot.mine, maximum: standing.maximum, leading: standing.leading };
  if ((lot.seq ?? 0) >= standing.seq) return own({ ...lot, mine });
  return { ...lot, ...chosen(standing, OF_STANDINGS), mine };
}

/** Say anew whether the reader leads. */
function own(lot) {
  if (!lot.mine) return lot;
  return { ...lot, mine: { ...lot.mine, leading: Boolean(lot.leader && lot.leader.bidder === lot.mine.bidder) } };
}

/** @returns {"scheduled" | "open" | "paused" | "closing" | "closed"} the state by the marketplace's clock */
export function phase(lot, now) {
  if (lot.state === "closed") return "closed";
  if (now < Date.parse(lot.starts_at)) return "scheduled";
  if (lot.paused) return "paused";
  return !lot.ends_at || now < Date.parse(lot.ends_at) ? "open" : "closing";
}

function chosen(data, names) {
  return Object.fromEntries(names.filter((name) => name in data).map((name) => [name, data[name]]));
}
