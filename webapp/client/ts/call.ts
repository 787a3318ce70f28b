// Calls of an ISURIDE server, with types from its OpenAPI document: paths, bodies, answers.
import type { paths } from "./api";

type Method = "get" | "post";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type JSONOf<T> = T extends { content: { "application/json": infer B } } ? B : undefined;
type Answers<O> = O extends { responses: infer R } ? R : never;
type Success<O> = JSONOf<Answers<O>[keyof Answers<O> & (200 | 201 | 202 | 204)]>;
type Parameters<O> = O extends { parameters: infer P } ? P : never;
type PartOf<O, K extends string> = Parameters<O> extends { [key in K]?: infer V } ? V : never;

export interface Input<O> {
  body?: O extends { requestBody: infer B } ? JSONOf<B> : never;
  path?: PartOf<O, "path">;
  query?: PartOf<O, "query">;
  header?: PartOf<O, "header">;
}

// CallError is an answer that is none of those that a call hopes for. A busy server says in retryAfter for
// how many seconds it wants to be left alone; the same call may be made again then.
export class CallError extends Error {
  constructor(readonly status: number, message: string, readonly retryAfter?: number) {
    super(message);
  }
}

// Client makes calls for the account of a token; without one, a browser's cookies count.
// With keepalive they go on when the page is closed, as browsers allow for 64 KiB.
export class Client {
  constructor(readonly server: string, readonly token?: string, readonly keepalive = false) {}

  async call<P extends keyof paths, M extends Method>(method: M, path: P, input: Input<Operation<P, M>> = {}): Promise<Success<Operation<P, M>>> {
    const at = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((input.path as Record<string, unknown>)[name])));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(input.query ?? {})) if (value !== undefined) query.set(name, String(value));
    const answer = await fetch(this.server + at + (query.size ? `?${query}` : ""), {
      method: method.toUpperCase(),
      headers: { ...(input.header as Record<string, string>), ...(this.token && { Authorization: `Bearer ${this.token}` }) },
      keepalive: this.keepalive,
      body: input.body === undefined ? undefined : JSON.stringify(input.body),
    });
    const text = await answer.text();
    const value = text === "" ? undefined : JSON.parse(text);
    if (!answer.ok) throw new CallError(answer.status, value?.message ?? answer.statusText, seconds(answer.headers.get("Retry-After")));
    return value;
  }
}

// seconds reads a header that may also be missing, or a date, which this server does not send.
function seconds(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}
