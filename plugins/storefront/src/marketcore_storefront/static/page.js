/** What every page has: who is signed in, the sign-in dialog, and the live connection with its light. */

import { MarketLive, ProblemError } from "/static/marketcore-live.js";
import { Session } from "./session.js";
import { refusal } from "./words.js";

export const session = new Session();
export const live = new MarketLive({ url: document.body.dataset.live, ticket: () => session.ticket() });

/** @param {string} id @returns {HTMLElement} */
export const part = (id) => document.getElementById(id);

/** Show `text` in `element`, or hide it where there is none. @param {HTMLElement} element @param {string} text */
export function say(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

const STATUS = { open: "Live", connecting: "Connecting…", waiting: "Reconnecting…", closed: "Not live" };

function showStatus() {
  const light = part("connection");
  light.hidden = false;
  light.dataset.status = live.status === "open" ? "open" : live.status === "connecting" ? "connecting" : "lost";
  light.querySelector("[data-text]").textContent = STATUS[live.status];
}

function showAccount() {
  const account = part("account");
  account.hidden = false;
  account.querySelector("[data-who]").textContent = session.user?.username ?? "";
  account.querySelector("[data-sign-in]").hidden = Boolean(session.user);
  account.querySelector("[data-sign-out]").hidden = !session.user;
}

async function signIn(event) {
  event.preventDefault();
  const form = part("sign-in-form");
  const fault = part("sign-in-fault");
  const button = form.querySelector("button[type=submit]");
  const { name, password } = Object.fromEntries(new FormData(form));
  if (!name.trim() || !password) return say(fault, "Enter your name and your password.");
  say(fault, "");
  button.disabled = true;
  try {
    await session.signIn(name.trim(), password);
    form.reset();
    part("sign-in").close();
  } catch (error) {
    say(fault, error instanceof ProblemError ? reason(error.problem) : "The marketplace does not answer. Try again.");
    part("sign-in-password").focus();
  } finally {
    button.disabled = false;
  }
}

const WRONG = "This name and password do not belong together.";
const reason = (problem) => (problem.status === 401 ? WRONG : refusal(problem));

export function askToSignIn() {
  part("sign-in").showModal();
  part("sign-in-name").focus();
}

live.addEventListener("status", showStatus);
session.addEventListener("change", () => {
  showAccount();
  live.reconnect();
});
for (const button of document.querySelectorAll("[data-sign-in]")) button.addEventListener("click", askToSignIn);
document.querySelector("[data-sign-out]").addEventListener("click", () => session.signOut());
part("sign-in-form").addEventListener("submit", signIn);
showAccount();
showStatus();
