/** Who is signed in here: tokens in memory and in this tab's storage, renewed when they have expired. */

import { ProblemError } from "/static/marketcore-live.js";

const KEPT = "marketcore.session";

/** Dispatches `change` when somebody has signed in or out. */
export class Session extends EventTarget {
  /** @type {{access: string, refresh: string, user: {id: number, username: string}} | null} */
  #kept = read();
  /** @type {Promise<void> | null} */
  #renewing = null;

  /** @returns {{id: number, username: string} | null} */
  get user() {
    return this.#kept?.user ?? null;
  }

  /** @param {string} name an e-mail address or a username @param {string} password */
  async signIn(name, password) {
    const body = { [name.includes("@") ? "email" : "username"]: name, password };
    const { access, refresh } = await send("POST", "/api/v1/auth/login", { body });
    const { id, username } = await send("GET", "/api/v1/users/me", { access });
    this.#keep({ access, refresh, user: { id, username } });
  }

  async signOut() {
    const access = this.#kept?.access;
    this.#keep(null);
    // The tokens are gone from here in any case; the server ends the session as well if it can be reached.
    await send("POST", "/api/v1/auth/logout", { access }).catch(() => null);
  }

  /**
   * Ask the API as whoever is signed in, or as nobody.
   *
   * @param {string} method @param {string} path @param {{body?: object, key?: string}} [options]
   * @returns {Promise<any>} the document; `ProblemError` when refused, `TypeError` when nobody answers
   */
  async request(method, path, options = {}) {
    const access = this.#kept?.access;
    try {
      return await send(method, path, { ...options, access });
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.status !== 401 || !access) throw error;
    }
    if (this.#kept?.access === access) await this.#renew();
    return send(method, path, { ...options, access: this.#kept?.access });
  }

  /** @returns {Promise<string | null>} a one-time right to open a socket; `null` for nobody */
  async ticket() {
    if (!this.#kept) return null;
    try {
      return (await this.request("POST", "/api/v1/live/tickets")).ticket;
    } catch (error) {
      if (!this.#kept) return null;
      throw error;
    }
  }

  /** Exchange the refresh token, once however many requests wait for it. */
  #renew() {
    this.#renewing ??= this.#exchange().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #exchange() {
    const kept = this.#kept;
    if (!kept) return;
    try {
      const { access, refresh } = await send("POST", "/api/v1/auth/refresh", { body: { refresh: kept.refresh } });
      this.#keep({ ...kept, access, refresh }, false);
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 401) this.#keep(null);
      else throw error;
    }
  }

  #keep(kept, told = true) {
    this.#kept = kept;
    if (kept) sessionStorage.setItem(KEPT, JSON.stringify(kept));
    else sessionStorage.removeItem(KEPT);
    if (told) this.dispatchEvent(new Event("change"));
  }
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
}

async function send(method, path, { body, key, access } = {}) {
  const headers = { Accept: "application/json" };
  if (access) headers.Authorization = `Bearer ${access}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: "omit" });
  const isJson = /json/.test(answer.headers.get("Content-Type") ?? "");
  const document = isJson ? await answer.json() : null;
  if (!answer.ok) throw new ProblemError(document ?? { title: answer.statusText, status: answer.status, detail: "" });
  return document;
}

/** @returns {string} a name for one wish, so that the wish sent twice is granted once */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
