/** Asks the manager: JSON both ways, the session's cookie, and its word against forgery. */

import type { Mistake, Session } from "./types";

/** An answer that says what is wrong, RFC 9457. */
export class ProblemError extends Error {
  readonly status: number;
  /** A sentence for a person. */
  readonly detail: string;
  /** What of the settings is wrong, where settings are. */
  readonly mistakes: Mistake[];
  /** All that the answer says beyond the standard's members. */
  readonly extensions: Record<string, unknown>;
  /** After how many seconds it is worth asking again; null: not told. */
  readonly retryAfterS: number | null;

  constructor(status: number, body: Record<string, unknown>, retryAfterS: number | null = null) {
    const detail = String(body["detail"] ?? body["title"] ?? `HTTP ${status}`);
    super(detail);
    this.name = "ProblemError";
    this.status = status;
    this.detail = detail;
    this.mistakes = Array.isArray(body["mistakes"]) ? (body["mistakes"] as Mistake[]) : [];
    this.extensions = body;
    this.retryAfterS = retryAfterS;
  }

  /** The manager could not be asked at all. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }
}

/** What is asked beside the path. */
export interface Ask {
  query?: Record<string, string | number | boolean | null | undefined>;
  /** The ETag that a change is founded on: refused with 412 where it is no longer so. */
  ifMatch?: string;
  signal?: AbortSignal;
  /** A 401 is answered to the caller and does not lead to the login. */
  quiet401?: boolean;
}

/** An answer together with its ETag. */
export interface Tagged<T> {
  value: T;
  etag: string | null;
}

const ROOT = "api/v1/";
let csrf: string | null = null;
let onLoggedOut: () => void = () => {};

/** Takes the word against forgery from a session's answer. */
export function useSession(session: Session): void {
  csrf = session.csrf;
}

/** Calls C{told} whenever the manager says that nobody is logged in. */
export function whenLoggedOut(told: () => void): void {
  onLoggedOut = told;
}

/** The address of a route, relative to the page; for links and EventSource. */
export function address(path: string, query?: Ask["query"]): string {
  const known = Object.entries(query ?? {}).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const asked = new URLSearchParams(known.map(([name, value]) => [name, String(value)]));
  return ROOT + path.replace(/^\//, "") + (known.length > 0 ? `?${asked}` : "");
}

async function problemOf(response: Response): Promise<ProblemError> {
  const after = Number(response.headers.get("Retry-After"));
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    body = { detail: `${response.status} ${response.statusText}`.trim() };
  }
  return new ProblemError(response.status, body, after > 0 ? after : null);
}

async function exchange(method: string, path: string, body: unknown, ask: Ask) {
  const headers: Record<string, string> = { Accept: "application/json" };
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  if (method !== "GET" && csrf !== null) headers["X-CSRF-Token"] = csrf;
  if (ask.ifMatch) headers["If-Match"] = ask.ifMatch;
  if (ask.signal) init.signal = ask.signal;
  let response: Response;
  try {
    response = await fetch(address(path, ask.query), init);
  } catch (why) {
    if (why instanceof DOMException && why.name === "AbortError") throw why;
    throw new ProblemError(0, { detail: "The manager does not answer." });
  }
  if (response.ok) return response;
  if (response.status === 401 && !ask.quiet401) onLoggedOut();
  throw await problemOf(response);
}

async function read<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const type = response.headers.get("Content-Type") ?? "";
  return (type.includes("json") ? await response.json() : await response.text()) as T;
}

async function send<T>(method: string, path: string, body: unknown, ask: Ask = {}): Promise<T> {
  return read<T>(await exchange(method, path, body, ask));
}

/**
 * The manager's routes, by paths relative to `/api/v1/`. Each throws ProblemError, and
 * DOMException "AbortError" where `ask.signal` says so. Parts of a path that come from data go
 * through `encodeURIComponent`, or the `path` template.
 */
export const api = {
  get: <T>(path: string, ask?: Ask) => send<T>("GET", path, undefined, ask),
  post: <T>(path: string, body: unknown = {}, ask?: Ask) => send<T>("POST", path, body, ask),
  put: <T>(path: string, body: unknown, ask?: Ask) => send<T>("PUT", path, body, ask),
  patch: <T>(path: string, body: unknown, ask?: Ask) => send<T>("PATCH", path, body, ask),
  delete: <T = void>(path: string, ask?: Ask) => send<T>("DELETE", path, undefined, ask),
  /** As C{get}, with the ETag that a change names by `ifMatch`. */
  async getTagged<T>(path: string, ask: Ask = {}): Promise<Tagged<T>> {
    const response = await exchange("GET", path, undefined, ask);
    const etag = response.headers.get("ETag");
    return { value: await read<T>(response), etag };
  },
};

/** A path of which each part put in is escaped: path`evses/${name}/start`. */
export function path(texts: TemplateStringsArray, ...parts: (string | number)[]): string {
  return texts.reduce(
    (whole, text, i) => whole + encodeURIComponent(String(parts[i - 1])) + text,
  );
}
