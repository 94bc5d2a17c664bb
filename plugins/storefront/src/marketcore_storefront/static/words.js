/**
 * Amounts, times, spans and refusals in words. The server prints the same (`wording.py`); amounts stay texts, so no
 * cent is ever rounded.
 */

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** @param {{amount: string, currency: string}} money @returns {string} such as `KES 1,850.00` */
export function money({ amount, currency }) {
  const [units, fraction] = amount.split(".");
  const grouped = units.replace(/(?<=\d)(?=(?:\d{3})+$)/g, ",");
  return `${currency} ${grouped}${fraction ? `.${fraction}` : ""}`;
}

/** @param {number} milliseconds left @returns {string} such as `2 d 4 h`, `3 h 12 min` or `12:05` */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1_000));
  if (seconds >= DAY) return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${Math.floor(seconds / MINUTE)}:${String(seconds % MINUTE).padStart(2, "0")}`;
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @param {string} time @returns {string} day and minute in the reader's own time zone */
export const moment = (time) => day.format(new Date(time));

/**
 * @param {string} time
 * @param {number} now
 * @returns {string} the second, and the day unless it is this one, in the reader's own time zone
 */
export function clockTime(time, now) {
  const at = new Date(time);
  const isToday = at.toDateString() === new Date(now).toDateString();
  return isToday ? second.format(at) : `${date.format(at)}, ${second.format(at)}`;
}

/** @param {number} number @param {string} one @param {string} many */
export const count = (number, one, many) => `${number || "no"} ${number === 1 ? one : many}`;

const REFUSALS = {
  "bid-too-low": (problem) =>
    problem.next_minimum ? `Too low: bid ${money(problem.next_minimum)} or more.` : problem.detail,
  "auction-closed": () => "This auction has ended; the bid came too late.",
  "auction-not-started": () => "This auction has not started yet.",
  "own-auction": () => "This is your own auction: you cannot bid on it.",
  "account-blocked": () => "Your account is blocked: you may look, but not bid.",
  "not-authenticated": () => "Your session has ended. Sign in again.",
};

/** @param {any} problem a problem document @returns {string} what a person should read */
export function refusal(problem) {
  const words = REFUSALS[codeOf(problem)];
  if (words) return sentence(words(problem));
  const fields = Object.values(problem.errors ?? {});
  return sentence(fields.length ? `The amount ${fields.join("; ")}` : problem.detail || problem.title);
}

/** @param {any} problem @returns {string} its code, such as `bid-too-low` */
export const codeOf = (problem) => String(problem.type ?? "").split(":").pop() ?? "";

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Make of what people type what the API reads: `1,500` is `1500` and `1500,50` is `1500.50`. @param {string} typed */
export function amountOf(typed) {
  const text = typed.replace(/[\s\u00a0']/g, "");
  if (/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text)) return text.replaceAll(",", "");
  return /^\d+,\d{1,2}$/.test(text) ? text.replace(",", ".") : text;
}
