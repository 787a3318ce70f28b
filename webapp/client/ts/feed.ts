// Exact copies of tables, kept over one WebSocket that comes back by itself.
export type Row = Record<string, unknown>;
export interface Frame {
  sub?: string; table: string; action: string; keys: string[]; epoch: number; seq: number; prev: number; ts?: string;
  more?: boolean; code?: string; message?: string; data?: Row[];
}
export interface Wanted { table: string; filter?: string; token?: string; since?: string; speed?: string; interval?: string }
export type Listener = (group: Frame[], tables: Map<string, Map<string, Row>>) => void;

// Logs are tables whose rows are only ever inserted: a copy would grow for ever, so they are told, not kept.
const logs = ["matches"];

class Subscription {
  tables = new Map<string, Map<string, Row>>(); // rows by table, by key
  at = ""; // where to resume: after the last whole group
  private group: Frame[] = [];
  private last = -1; // seq of the last frame, -1 on a new connection
  beats = false; // the server sends a heartbeat each second

  constructor(readonly sub: string, readonly wanted: Wanted, private readonly changed: Listener) {}

  begin(): object {
    [this.group, this.last, this.beats] = [[], -1, this.wanted.table !== "notifications"];
    const { since, speed, ...rest } = this.wanted; // a replay that was cut goes on at once
    return { op: "subscribe", sub: this.sub, ...(this.at && rest.table !== "notifications" ? { ...rest, resume: this.at } : this.wanted) };
  }

  // take reports false if frames are missing.
  take(frame: Frame): boolean {
    if (["error", "unsubscribed"].includes(frame.action)) this.beats = false;
    if (["error", "notification", "unsubscribed"].includes(frame.action)) return this.changed([frame], this.tables), true;
    if (this.last >= 0 && frame.action !== "partial" && frame.prev !== this.last) return false;
    this.last = frame.seq;
    this.group.push(frame);
    if (frame.more) return true;
    const group = this.group;
    for (const part of group) this.apply(part);
    [this.group, this.at] = [[], `${frame.epoch}:${frame.seq}`];
    this.changed(group, this.tables);
    return true;
  }

  private apply({ table, action, keys, data = [] }: Frame) {
    if (action === "heartbeat" || action === "checksum" || logs.includes(table)) return;
    if (action === "partial" || !this.tables.has(table)) this.tables.set(table, new Map());
    const rows = this.tables.get(table)!;
    for (const row of data) {
      const key = keys.map((name) => String(row[name])).join("\0");
      if (action === "delete") rows.delete(key);
      else if (action === "update") Object.assign(rows.get(key)!, row);
      else rows.set(key, row);
    }
  }
}

export class Feed {
  private socket?: WebSocket;
  private readonly subscriptions = new Map<string, Subscription>();
  private closed = false;

  // A connection from which nothing comes for so many milliseconds is given up: nobody says that a
  // cable is cut or a machine is gone.
  constructor(private readonly server: string, private readonly status: (connected: boolean) => void = () => {}, private readonly patience = 10_000) { this.connect(); }

  // subscribe calls changed with each whole group of frames and the tables after it.
  subscribe(sub: string, wanted: Wanted, changed: Listener) {
    const s = new Subscription(sub, wanted, changed);
    this.subscriptions.set(sub, s);
    this.send(s.begin());
  }
  unsubscribe(sub: string) { if (this.subscriptions.delete(sub)) this.send({ op: "unsubscribe", sub }); }
  checksum(sub: string, table: string) { this.send({ op: "checksum", sub, table }); }
  close() { this.closed = true; this.socket?.close(); }

  private send(command: object) { if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command)); }

  private connect(pause = 250) {
    const socket = (this.socket = new WebSocket(this.server.replace(/^http/, "ws") + "/api/realtime"));
    let heard = Date.now();
    const gone = () => {
      clearInterval(watch);
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close();
      this.status(false);
      if (!this.closed) setTimeout(() => this.connect(Math.min(pause * 2, 5000)), pause);
    };
    const watch = setInterval(() => {
      const beats = socket.readyState !== WebSocket.OPEN || [...this.subscriptions.values()].some((s) => s.beats);
      if (!beats) heard = Date.now();
      if (Date.now() - heard > this.patience) gone();
    }, this.patience / 4);
    socket.onopen = () => { pause = 250; this.status(true); for (const s of this.subscriptions.values()) this.send(s.begin()); };
    socket.onmessage = ({ data }) => {
      heard = Date.now();
      const frame = JSON.parse(data) as Frame;
      const s = this.subscriptions.get(frame.sub ?? "");
      const later = frame.code === "closing" ? 250 : frame.code === "busy" ? 3000 : 0; // it is to be asked again
      if (s && later) setTimeout(() => this.subscriptions.get(s.sub) === s && this.send(s.begin()), later);
      if (s?.take(frame) === false) socket.close(); // comes back, and resumes
    };
    socket.onclose = socket.onerror = gone; // Node 20 tells of no end where there was no beginning
  }
}
