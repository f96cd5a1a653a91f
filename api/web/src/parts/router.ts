/** Where the person is: the part of the address after `#`. So the server needs no route for it. */
import { signal } from "@preact/signals";

export interface Place {
  path: string[];
  query: URLSearchParams;
}

export const place = signal(read());

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

window.addEventListener("hashchange", () => {
  place.value = read();
  window.scrollTo(0, 0);
});

export function go(hash: string): void {
  location.hash = hash;
}
