/** Plays the audio of a meeting. The time that it shows is that of the transcript. */
import { signal } from "@preact/signals";
import type { Stretch } from "./timeline";

/** Silence is left a little before it ends, so that the first sound is whole. */
const LEAD_S = 0.2;

export class Playback {
  readonly nowS = signal(0);
  readonly playing = signal(false);
  readonly failed = signal(false);
  readonly skipsSilence = signal(false);
  /** Whether the transcript scrolls with the spoken word. */
  readonly follows = signal(true);
  quiet: Stretch[] = [];
  private readonly audio = new Audio();

  constructor(source: string) {
    this.audio.preload = "metadata";
    this.audio.src = source;
    this.audio.addEventListener("play", this.onState);
    this.audio.addEventListener("pause", this.onState);
    this.audio.addEventListener("ended", this.onState);
    this.audio.addEventListener("timeupdate", this.look);
    this.audio.addEventListener("seeked", this.look);
    this.audio.addEventListener("error", () => (this.failed.value = true));
  }

  close(): void {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  toggle(): void {
    if (this.audio.paused) void this.play();
    else this.audio.pause();
  }

  async play(): Promise<void> {
    this.follows.value = true;
    // The browser may refuse, or the page may leave before the sound begins. The button shows what is.
    await this.audio.play().catch(() => {});
  }

  /** Go to *s*, and play from there on. */
  playFrom(s: number): void {
    this.seek(s);
    void this.play();
  }

  seek(s: number): void {
    this.audio.currentTime = Math.max(0, s);
    this.nowS.value = this.audio.currentTime;
    this.follows.value = true;
  }

  setRate(rate: number): void {
    this.audio.playbackRate = rate;
  }

  private readonly onState = () => {
    this.playing.value = !this.audio.paused;
    if (this.playing.value) requestAnimationFrame(this.watch);
  };

  /** Once for each picture, so that the mark is on the word that is heard. */
  private readonly watch = () => {
    this.look();
    if (!this.audio.paused) requestAnimationFrame(this.watch);
  };

  private readonly look = () => {
    const s = this.audio.currentTime;
    if (this.skipsSilence.value && !this.audio.paused) {
      const quiet = this.quiet.find(({ startS, endS }) => startS <= s && s < endS - 2 * LEAD_S);
      if (quiet) this.audio.currentTime = quiet.endS - LEAD_S;
    }
    this.nowS.value = this.audio.currentTime;
  };
}
