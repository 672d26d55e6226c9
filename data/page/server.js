// Talks to the server this page came from. The key is kept for this tab only, and nowhere else.

const KEPT = "claude-memory.key";
let key = sessionStorage.getItem(KEPT);

export class Refused extends Error {
  constructor(status, body) {
    super(body.message ?? `HTTP ${status}`);
    this.status = status;
    this.hint = body.hint;
  }
}

export const isIn = () => Boolean(key);

export function leave() {
  key = null;
  sessionStorage.removeItem(KEPT);
}

/** Enters with a token or key that was typed in. */
export function enter(text) {
  key = text.trim();
  sessionStorage.setItem(KEPT, key);
}

/** Enters with a ticket from `claude-memory open`; whether it was good. */
export async function redeem(ticket) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/api/session", { method: "POST", headers, body: JSON.stringify({ ticket }) });
  if (!answer.ok) return false;
  enter((await answer.json()).key);
  return true;
}

async function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${key}`, ...options.headers };
  const answer = await fetch(path, { ...options, headers });
  if (answer.ok) return answer.json();
  const text = await answer.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = { message: text.trim() };
  }
  throw new Refused(answer.status, body);
}

/** Reads from `/api/…`. */
export const get = (path, parameters = {}, signal) => {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== ""));
  return ask(`/api/${path}?${query}`, { signal });
};

/** Calls a tool as a model would. */
export const tool = (name, argumentsOfIt, signal) => ask(`/api/tools/${name}`, {
  method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify(argumentsOfIt),
});

/** Decides what only the person decides. */
export const decide = (path, decision) => ask(`/api/${path}`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(decision),
});
