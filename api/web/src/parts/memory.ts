/** What this browser remembers of the person's choices. Without storage, nothing. */

export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(`minutebook.${name}`);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`minutebook.${name}`, value);
  } catch {
    // The choice then lasts as long as the page.
  }
}
