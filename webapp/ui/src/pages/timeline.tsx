// The line below the map: the last five minutes, and a slider that goes back to them.

import { useSignal } from "@preact/signals";

import { path } from "../chart";
import { begin, live, moment, refused, replay, speeds } from "../replay";
import { clock, number, t } from "../text";
import { type Timeline, line, most, span } from "../timeline";

const width = 1000;
const height = 40;

export function TimelineBar({ timeline, now }: { timeline: Timeline; now: number }) {
  const r = replay.value;
  const speed = useSignal<number>(4);
  const ago = Math.round((now - moment(r, now)) / 1000);
  return (
    <section class="card timeline" aria-label={t("timeline.label")}>
      <div class="past">
        <Lines timeline={timeline} now={now} at={r && moment(r, now)} />
        <input type="range" min={-span / 1000} max={0} step={1} value={-ago} aria-label={t("timeline.slider")} aria-valuetext={ago === 0 ? t("timeline.live") : t("ago", { n: ago })}
          onChange={(e) => {
            const back = -e.currentTarget.valueAsNumber;
            if (back === 0) live();
            else begin(now - back * 1000, speed.value);
          }} />
      </div>
      <label class="speed"><span class="unseen">{t("timeline.speed")}</span>
        <select value={speed.value} onChange={(e) => {
          speed.value = Number(e.currentTarget.value);
          if (r) begin(moment(r, Date.now()), speed.value);
        }}>{speeds.map((s) => <option key={s} value={s}>× {number(s)}</option>)}</select></label>
      <button class={r ? "primary" : "chip"} disabled={!r} onClick={live}>{t("timeline.live")}</button>
    </section>
  );
}

// ReplayNote says that the past is on the map, or why it is not.
export function ReplayNote({ now }: { now: number }) {
  const r = replay.value;
  if (r) return <p class="note replay" role="status">{t(r.began ? "feed.replay" : "timeline.asking", { time: clock(moment(r, now)) })}</p>;
  if (refused.value === null) return null;
  return (
    <p class="note bad" role="alert">
      {t("timeline.notKept")} <button class="link" onClick={() => (refused.value = null)}>{t("close")}</button>
    </p>
  );
}

function Lines({ timeline, now, at }: { timeline: Timeline; now: number; at: number | null }) {
  const { samples } = timeline;
  const times = samples.map((s) => s.at);
  const riding = samples.map((s) => s.riding);
  const waiting = samples.map((s) => s.waiting);
  const top = most([riding, waiting]);
  const of = (values: number[]) => line(times, values, now, top * 1.1, width, height);
  const ridden = of(riding);
  const first = ridden[0];
  const last = samples.at(-1);
  return (
    <>
      <p class="named">
        <span class="riding">{t("count.riding")} <b>{number(last?.riding ?? 0)}</b></span>
        <span class="waiting">{t("count.waiting")} <b>{number(last?.waiting ?? 0)}</b></span>
        <span class="quiet">{t("timeline.span")}</span>
      </p>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {first && <path class="area" d={`${path(ridden)}L${width} ${height}L${first[0].toFixed(1)} ${height}Z`} />}
        <path class="riding" d={path(ridden)} />
        <path class="waiting" d={path(of(waiting))} />
        {at !== null && <path class="at" d={`M${(width * (1 - (now - at) / span)).toFixed(1)} 0V${height}`} />}
      </svg>
    </>
  );
}
