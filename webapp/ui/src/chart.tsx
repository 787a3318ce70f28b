// Charts: lines, bars, heat and sparks, as SVG. It knows neither questions nor the interface's words: whoever draws
// says how values read. Colours are those of chart.css, by place.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

// Table is what a chart is drawn from: rows of axes, then values. null is a gap.
export interface Table {
  axes: readonly string[]; // of columns that come first
  series: readonly string[]; // names of the values behind them
  rows: readonly (readonly (number | string | null)[])[];
}

export interface Format {
  value: (v: number) => string; // with its unit
  tick: (v: number) => string; // beside an axis, without
  axis: (v: number) => string; // of lines' first column
  mark: (v: number) => string; // the same, below a chart
  gap: string; // for null
}

const height = 168;
const margin = { left: 44, right: 8, top: 8, bottom: 22 };

// useWidth follows the width of an element, so that text in it is never scaled.
function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(([e]) => setWidth(Math.floor(e!.contentRect.width)));
    sizes.observe(ref.current!);
    return () => sizes.disconnect();
  }, []);
  return [ref, width];
}

// ticks returns up to n + 1 round values from 0 to at least max.
export function ticks(max: number, n = 3): number[] {
  if (!(max > 0)) return [0, 1];
  const raw = max / n;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s * n >= max * (1 - 1e-9))!;
  const count = Math.ceil(max / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

const minute = 60_000;
const day = 1440 * minute;

// roundTimes returns up to so many round times of the reader's clock between two, in milliseconds.
export function roundTimes(from: number, to: number, most: number): number[] {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((n) => n * minute).find((s) => (to - from) / s <= most - 1) ?? 7 * day;
  const shift = new Date(from).getTimezoneOffset() * minute;
  const first = Math.ceil((from - shift) / step) * step + shift;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => first + i * step);
}

const figure = (v: unknown): number | null => (typeof v === "number" && Number.isFinite(v) ? v : null);

// runs cuts a line at its gaps.
export function runs(points: readonly (readonly [number, number | null])[]): [number, number][][] {
  const all: [number, number][][] = [[]];
  for (const [x, y] of points) {
    if (y === null) all.push([]);
    else all.at(-1)!.push([x, y]);
  }
  return all.filter((run) => run.length > 0);
}

// path is the d of an SVG path through points.
export const path = (run: readonly (readonly [number, number])[]) => run.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// Lines has the values over the first column, which reaches from one to the other.
// Marks are what is written below, some 60 pixels each.
export function Lines({ table, format, from, to, marks, label }: { table: Table; format: Format; from: number; to: number; marks: (most: number) => readonly number[]; label: string }) {
  const [ref, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const scale = ticks(Math.max(0, ...table.rows.flatMap((r) => r.slice(1).map((v) => figure(v) ?? 0))));
  const top = scale.at(-1)!;
  const right = width - margin.right;
  const bottom = height - margin.bottom;
  const x = (v: number) => margin.left + ((v - from) / Math.max(1e-9, to - from)) * (right - margin.left);
  const y = (v: number) => bottom - (v / top) * (bottom - margin.top);
  const shown = at === null ? table.rows.at(-1) : table.rows[Math.min(at, table.rows.length - 1)];
  const look = (e: PointerEvent) => {
    const px = e.clientX - ref.current!.getBoundingClientRect().left;
    let best = 0;
    table.rows.forEach((r, i) => {
      if (Math.abs(x(Number(r[0])) - px) < Math.abs(x(Number(table.rows[best]![0])) - px)) best = i;
    });
    setAt(best);
  };
  return (
    <div class="chart">
      <ul class="key">
        {table.series.map((name, i) => (
          <li key={name} class={`of-${i}`}><i class="line" />{name}{shown && <b>{figure(shown[i + 1]) === null ? format.gap : format.value(Number(shown[i + 1]))}</b>}</li>
        ))}
        <li class="when">{shown ? format.axis(Number(shown[0])) : ""}</li>
      </ul>
      <div ref={ref} class="plot" onPointerMove={look} onPointerLeave={() => setAt(null)}>
        {width > 0 && (
          <svg width={width} height={height} role="img" aria-label={label}>
            {scale.map((v) => (
              <g key={v}><line class="grid" x1={margin.left} x2={right} y1={y(v)} y2={y(v)} /><text x={margin.left - 6} y={y(v) + 4} text-anchor="end">{format.tick(v)}</text></g>
            ))}
            {marks(Math.max(2, Math.floor(width / 70))).map((v) => (
              <g key={v}><line class="grid" x1={x(v)} x2={x(v)} y1={bottom} y2={bottom + 4} />
                <text x={x(v)} y={height - 4} text-anchor={x(v) < margin.left + 20 ? "start" : x(v) > right - 20 ? "end" : "middle"}>{format.mark(v)}</text></g>
            ))}
            {table.series.map((name, i) => {
              const all = runs(table.rows.map((r) => [x(Number(r[0])), figure(r[i + 1])] as const)).map((run) => run.map(([px, v]) => [px, y(v)] as const));
              return (
                <g key={name} class={`of-${i}`}>
                  {all.map((run) => (run.length > 1 ? <path key={run[0]![0]} d={path(run)} /> : <circle key={run[0]![0]} cx={run[0]![0]} cy={run[0]![1]} r="2.5" />))}
                </g>
              );
            })}
            {at !== null && shown && <line class="at" x1={x(Number(shown[0]))} x2={x(Number(shown[0]))} y1={margin.top} y2={bottom} />}
          </svg>
        )}
      </div>
    </div>
  );
}

// sparkBox is what a spark's points are in; it is drawn as wide as there is room.
export const sparkBox = { width: 160, height: 28 };

// Spark is one figure, and small below it how it came about.
export function Spark({ title, value, points, note }: { title: string; value: string; points: readonly (readonly [number, number])[]; note: string }) {
  return (
    <figure class="spark">
      <figcaption>{title}</figcaption>
      <b>{value}</b>
      <svg viewBox={`0 0 ${sparkBox.width} ${sparkBox.height}`} preserveAspectRatio="none" aria-hidden="true"><path d={path(points)} /></svg>
      <span class="quiet">{note}</span>
    </figure>
  );
}

// Bars has a group for each row, with its name before it.
export function Bars({ table, format, label }: { table: Table; format: Format; label: string }) {
  const most = Math.max(0, ...table.rows.flatMap((r) => r.slice(1).map((v) => figure(v) ?? 0)));
  const share = (v: number | null) => (most > 0 && v !== null ? (100 * v) / most : 0);
  return (
    <div class="chart">
      {table.series.length > 1 && <ul class="key">{table.series.map((name, i) => <li key={name} class={`of-${i}`}><i />{name}</li>)}</ul>}
      <div class="bar-list" role="img" aria-label={label}>
        {table.rows.map((r) => (
          <div key={String(r[0])} class="group">
            <span>{String(r[0])}</span>
            <div>
              {table.series.map((name, i) => (
                <div key={name} class={`bar of-${i}`}>
                  <svg height="10" aria-hidden="true"><rect width={`${share(figure(r[i + 1]))}%`} height="10" rx="2" /></svg>
                  <b>{figure(r[i + 1]) === null ? format.gap : format.value(Number(r[i + 1]))}</b>
                </div>
              ))}
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}

// Heat has squares of a size at places x and y, y upwards as on the map, the fuller the higher the value. What is far from everything
// else is another town: towns stand beside each other.
export function Heat({ table, format, size, label }: { table: Table; format: Format; size: number; label: string }) {
  const [ref, width] = useWidth();
  const cells = table.rows.map((r) => ({ x: Number(r[0]), y: Number(r[1]), v: Number(r[2]) }));
  const towns = apart(cells, 5 * size);
  const most = Math.max(0, ...cells.map((c) => c.v));
  const least = Math.min(most, ...cells.map((c) => c.v));
  const gap = 24;
  const boxes = towns.map((town) => box(town, size));
  const across = boxes.reduce((sum, b) => sum + b.width, 0);
  const down = Math.max(size, ...boxes.map((b) => b.height));
  const unit = Math.min((width - gap * (towns.length - 1)) / Math.max(size, across), height / down);
  let left = Math.max(0, (width - unit * across - gap * (towns.length - 1)) / 2);
  return (
    <div class="chart">
      <ul class="key">
        <li class="scale"><b>{format.value(least)}</b><svg width="80" height="10" aria-hidden="true">{[0, 1, 2, 3, 4, 5, 6, 7].map((i) => <rect key={i} class="cell" x={i * 10} width="10" height="10" fill-opacity={shade(i / 7)} />)}</svg><b>{format.value(most)}</b></li>
      </ul>
      <div ref={ref} class="plot">
        {width > 0 && (
          <svg width={width} height={height} role="img" aria-label={label}>
            {towns.map((town, i) => {
              const b = boxes[i]!;
              const begin = left;
              left += unit * b.width + gap;
              return (
                <g key={`${b.x},${b.y}`}>
                  <rect class="ground" x={begin} y={(height - unit * b.height) / 2} width={unit * b.width} height={unit * b.height} rx="4" />
                  {town.map((c) => (
                    <rect key={`${c.x},${c.y}`} class="cell" x={begin + unit * (c.x - b.x) + 0.5} y={(height + unit * b.height) / 2 - unit * (c.y - b.y + size) + 0.5}
                      width={Math.max(1, unit * size - 1)} height={Math.max(1, unit * size - 1)} rx="2" fill-opacity={shade(most > 0 ? c.v / most : 0)}>
                      <title>{`${c.x}, ${c.y}: ${format.value(c.v)}`}</title>
                    </rect>
                  ))}
                </g>
              );
            })}
          </svg>
        )}
      </div>
    </div>
  );
}

const shade = (share: number) => (0.12 + 0.88 * share).toFixed(3);

interface Cell {
  x: number;
  y: number;
  v: number;
}

function box(cells: readonly Cell[], size: number) {
  const xs = cells.map((c) => c.x);
  const ys = cells.map((c) => c.y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x + size, height: Math.max(...ys) - y + size };
}

// apart returns groups of cells with more than a distance between them, from west to east.
export function apart(cells: readonly Cell[], distance: number): Cell[][] {
  const groups: Cell[][] = [];
  for (const c of cells) {
    const near = groups.filter((g) => g.some((o) => Math.max(Math.abs(o.x - c.x), Math.abs(o.y - c.y)) <= distance));
    const joined = [...near.flat(), c];
    for (const g of near) groups.splice(groups.indexOf(g), 1);
    groups.push(joined);
  }
  return groups.sort((a, b) => Math.min(...a.map((c) => c.x)) - Math.min(...b.map((c) => c.x)));
}
