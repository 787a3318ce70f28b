// A connection to the feed of one or more tables, which resumes by itself.

import { signal } from "@preact/signals";

export interface Frame<Row> {
  table: string;
  action: "partial" | "insert" | "update" | "delete" | "heartbeat" | "checksum" | "error" | "unsubscribed";
  keys?: string[];
  epoch: number;
  seq: number;
  prev: number;
  ts?: string;
  more?: boolean;
  code?: string;
  message?: string;
  data?: Row[];
}

// Link says how a connection is doing.
export interface Link {
  state: "connecting" | "live" | "lost";
  heard: number; // when the last frame came, in milliseconds; 0 before the first
  again: number; // when it is tried again, while it is lost
}

export class Feed<Row> {
  readonly link = signal<Link>({ state: "connecting", heard: 0, again: 0 });
  private source: EventSource | null = null;
  private group: Frame<Row>[] = [];

  constructor(
    private readonly path: string,
    // apply takes a whole group of frames: what one event did.
    private readonly apply: (group: readonly Frame<Row>[]) => void,
  ) {
    this.open();
  }

  close(): void {
    this.source?.close();
    this.source = null;
  }

  private open(): void {
    const source = new EventSource(this.path);
    this.source = source;
    source.onmessage = (e: MessageEvent<string>) => {
      this.link.value = { state: "live", heard: Date.now(), again: 0 };
      const frame = JSON.parse(e.data) as Frame<Row>;
      this.group.push(frame);
      if (frame.more) return;
      const group = this.group;
      this.group = [];
      this.apply(group);
    };
    source.onerror = () => {
      this.group = [];
      this.link.value = { ...this.link.peek(), state: "lost", again: Date.now() + 3000 };
    };
  }
}
