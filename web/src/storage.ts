//! What this browser keeps. Storage may be forbidden or full; then the page works and keeps nothing.

/** A text that was kept under a name. */
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`docle.${name}`);
  } catch {
    return null;
  }
}

/** Keeps a text; answers whether it could. */
export function keep(name: string, text: string): boolean {
  try {
    localStorage.setItem(`docle.${name}`, text);
    return true;
  } catch {
    return false;
  }
}

/** Forgets a text. */
export function forget(name: string): void {
  try {
    localStorage.removeItem(`docle.${name}`);
  } catch {
    // Nothing was kept either.
  }
}
