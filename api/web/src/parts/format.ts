/** Times, dates and sizes as people read them. */

/** Seconds as `1:02` or `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${hours ? String(minutes).padStart(2, "0") : minutes}:${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

export function day(iso: string, locale: string): string {
  return new Date(iso).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}

/** One digit behind the point, in the person's language. */
export function tenths(seconds: number, locale: string): string {
  return Math.max(0, seconds).toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A size in megabytes, in the person's language. */
export function megabytes(bytes: number, locale: string): string {
  return (bytes / 1e6).toLocaleString(locale, { style: "unit", unit: "megabyte", maximumFractionDigits: 0 });
}

/** The languages that the page offers. The API knows more. */
export const COMMON_LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt", "pl", "ja", "zh"];

/** A language by its code, in the person's language. */
export function nameOf(language: string, locale: string): string {
  return new Intl.DisplayNames([locale], { type: "language" }).of(language) ?? language;
}

/** The parts of a text, without spaces around them and without empty ones. */
export function listed(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((each) => each.trim())
    .filter(Boolean);
}
