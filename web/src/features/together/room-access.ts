//! A place in a room: which room, and what its token allows.

export type Role = "viewer" | "runner" | "editor" | "owner";

export interface RoomAccess {
  room: string;
  token: string;
  role: Role;
  /** The name that the maker of the token has given. */
  name: string | undefined;
  /** When the token ends, in milliseconds since 1970. */
  expiresAt: number;
}

/** Characters of a name in a room; another client may send more. */
export const MAX_NAME = 40;

const ROLES: Role[] = ["viewer", "runner", "editor", "owner"];
const PREFIX = "docle.room.";

/** Whether a role allows what another one does. */
export const allows = (role: Role, needed: Role) => ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** The access that a token gives; undefined where it is none. Only the service can tell whether it is valid. */
export function accessOf(room: string, token: string): RoomAccess | undefined {
  try {
    const text = atob((token.split(".")[0] ?? "").replace(/^rt_/, "").replaceAll("-", "+").replaceAll("_", "/"));
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))) as Record<string, unknown>;
    const { role, name, expiresAt } = claims;
    if (claims["room"] !== room || !ROLES.includes(role as Role) || typeof expiresAt !== "number") return undefined;
    return { room, token, role: role as Role, name: typeof name === "string" ? name : undefined, expiresAt };
  } catch {
    return undefined;
  }
}

/**
 * The access that a fragment gives, `#<room>.<token>`. The token stays in this tab, and the address keeps the room alone: who
 * copies the address does not give the access away.
 */
export function takeAccess(fragment: string): RoomAccess | undefined {
  const [, room = "", token] = /^#(room_[0-9a-f]+)(?:\.(.+))?$/.exec(fragment) ?? [];
  if (room === "") return undefined;
  if (token !== undefined) keepToken(room, token);
  return accessOf(room, token ?? keptToken(room) ?? "");
}

/** Keeps a token for this tab. */
export function keepToken(room: string, token: string): void {
  try {
    sessionStorage.setItem(PREFIX + room, token);
  } catch {
    // Then a reload asks for the link again.
  }
}

function keptToken(room: string): string | null {
  try {
    return sessionStorage.getItem(PREFIX + room);
  } catch {
    return null;
  }
}
