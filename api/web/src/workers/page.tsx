/** The workers at a glance, for people who run the server: what each does, queues, live meetings, failed tasks. */
import { useEffect } from "preact/hooks";
import { tenths } from "../parts/format";
import type { Fleet } from "../server/types";
import { texts } from "../texts";
import { Failures } from "./failures";
import { Queues } from "./queues";
import { fault, fleet, flowerAddress, LOOK_MS, look } from "./store";
import { WorkerCard } from "./worker_card";

export function WorkersPage() {
  const t = texts.value.workers;
  const now = fleet.value;
  useEffect(() => {
    void look();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void look();
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const flower = flowerAddress(now?.flower_url, location.hostname);
  return (
    <section class="workers">
      <div class="row">
        <h1 class="grow">{t.title}</h1>
        {flower && (
          <a href={`${flower}/tasks`} target="_blank" rel="noreferrer">
            {t.flower}
          </a>
        )}
      </div>
      {fault.value && <p role="alert">{fault.value}</p>}
      {now && (
        <>
          {now.workers.length === 0 && <p class="alarm">{t.none}</p>}
          <div class="cards">
            {now.workers.map((worker) => (
              <WorkerCard key={worker.name} worker={worker} meetings={now.meetings} flower={flower} />
            ))}
          </div>
          <Queues queues={now.queues} workers={now.workers} />
          <Meetings fleet={now} />
          <Failures failures={now.failures} />
        </>
      )}
    </section>
  );
}

function Meetings({ fleet }: { fleet: Fleet }) {
  const { workers: t, locale, library, state } = texts.value;
  return (
    <section aria-labelledby="delays">
      <h2 id="delays">{t.meetings(fleet.unfinished)}</h2>
      {fleet.meetings.length === 0 && <p class="hint">{t.noMeetings}</p>}
      <ul class="delays">
        {fleet.meetings.map((meeting) => (
          <li key={meeting.meeting_id} class="row">
            <a class="grow" href={`#/meetings/${meeting.meeting_id}`}>
              {meeting.title || library.untitled}
            </a>
            <span class={`state ${meeting.state}`}>{state[meeting.state]}</span>
            <span class="time">{t.behind(tenths(meeting.behind_s, locale))}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
