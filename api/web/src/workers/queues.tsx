/** The queues: how much waits in each, who takes from it, and whether it is paused. */
import { clock } from "../parts/format";
import type { Queue, Worker } from "../server/types";
import { texts } from "../texts";
import { askQueue } from "./store";

export function Queues({ queues, workers }: { queues: Queue[]; workers: Worker[] }) {
  const t = texts.value.workers;
  return (
    <section aria-labelledby="queues">
      <h2 id="queues">{t.queues}</h2>
      <ul class="queues">
        {queues.map((queue) => (
          <QueueRow key={queue.queue} queue={queue} workers={workers} />
        ))}
      </ul>
    </section>
  );
}

function QueueRow({ queue, workers }: { queue: Queue; workers: Worker[] }) {
  const t = texts.value.workers;
  const takers = workers.filter((worker) => worker.state !== "lost" && worker.takes.includes(queue.queue));
  const action = queue.paused ? "resume" : "pause";
  return (
    <li class="row" data-queue={queue.queue}>
      <strong class="grow">{queue.queue}</strong>
      <span>
        {t.waiting(queue.waiting)}
        {queue.oldest_s != null && `, ${t.oldest(clock(queue.oldest_s))}`}
      </span>
      <span class={queue.paused || takers.length === 0 ? "state lost" : "state"}>
        {queue.paused ? t.paused : t.takers(takers.length)}
      </span>
      <button
        type="button"
        aria-label={t.order(t[action], queue.queue)}
        onClick={() => void askQueue(queue.queue, action)}
      >
        {t[action]}
      </button>
    </li>
  );
}
