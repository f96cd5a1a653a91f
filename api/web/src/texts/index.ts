/** The language of the page: that of the browser, or the one that the person has chosen. */
import { computed, signal } from "@preact/signals";
import { remember, remembered } from "../parts/memory";
import { de } from "./de";
import { en, type Texts } from "./en";

export const LANGUAGES: Record<string, Texts> = { en, de };

export const language = signal(chosen());
export const texts = computed<Texts>(() => LANGUAGES[language.value] ?? en);

function chosen(): string {
  const wanted = [remembered("language"), ...navigator.languages.map((tag) => tag.split("-")[0] ?? "")];
  return wanted.find((tag) => tag !== null && tag in LANGUAGES) ?? "en";
}

export function choose(tag: string): void {
  language.value = tag;
  remember("language", tag);
}
