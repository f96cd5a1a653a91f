/** Where recordings are dropped, and how far each one is sent. */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { texts } from "../texts";
import { goOnSending, removeFile, type SentFile, sendFile, sentFiles, stopSending } from "./uploads";

export function UploadArea({ onDone }: { onDone: () => void }) {
  const t = texts.value;
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const send = (files: Iterable<File> | ArrayLike<File>) => {
    for (const file of Array.from(files)) sendFile(file, onDone);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    over.value = false;
    send(event.dataTransfer?.files ?? []);
  };
  return (
    <section
      class={over.value ? "drop over" : "drop"}
      aria-label={t.upload.title}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => (over.value = false)}
      onDrop={drop}
    >
      <p>
        {t.library.drop}{" "}
        <button type="button" onClick={() => input.current?.click()}>
          {t.library.choose}
        </button>
      </p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept="audio/*,video/*"
        aria-label={t.library.choose}
        onChange={(event) => {
          send(event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
      {sentFiles.value.length > 0 && (
        <ul class="sent">
          {sentFiles.value.map((file) => (
            <FileRow key={file.id} file={file} />
          ))}
        </ul>
      )}
    </section>
  );
}

function FileRow({ file }: { file: SentFile }) {
  const t = texts.value.upload;
  const words = {
    sending: t.sending(file.percent),
    waiting: t.again,
    stopped: t.sending(file.percent),
    done: t.done,
    failed: t.failed(file.reason),
  }[file.state];
  return (
    <li data-state={file.state}>
      <span class="name">{file.name}</span>
      <progress max={100} value={file.percent} aria-label={file.name} />
      <span role="status">{words}</span>
      {(file.state === "sending" || file.state === "waiting") && (
        <button type="button" onClick={() => void stopSending(file)}>
          {t.stop}
        </button>
      )}
      {file.state === "stopped" && (
        <button type="button" onClick={() => goOnSending(file)}>
          {t.resume}
        </button>
      )}
      {(file.state === "done" || file.state === "failed" || file.state === "stopped") && (
        <button type="button" class="plain" aria-label={t.remove} onClick={() => removeFile(file)}>
          ×
        </button>
      )}
    </li>
  );
}
