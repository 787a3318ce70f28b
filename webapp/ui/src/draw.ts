// Painting of one frame: the plan is a picture of its own, and everything that moves is
// drawn over it, all markers of one look as one path.

import { type Chair, type City, Heat, type Look, type Ride, flashLasts } from "./city";
import { type Point, type View, clamp } from "./geometry";

// Colors are read from the style sheet, so that both themes are there alone.
export interface Colors {
  free: string;
  coming: string;
  carrying: string;
  off: string;
  waits: readonly [string, string, string, string]; // from 0, 3, 10 and 18 s on
  accent: string;
  ink: string;
  heat: string;
  halo: string;
}

export interface Layers {
  heat: boolean;
  trails: boolean;
  motion: boolean; // false for those who asked for little of it
}

// Above these numbers a frame would take too long, or show only confusion.
export const trailLimit = 2000;
export const densityLimit = 10_000;

export interface Selection {
  chair?: string | undefined;
  ride?: string | undefined;
  others?: readonly string[]; // chairs that the ride did not get
}

// Brush is what both the map and its stamps are painted with.
type Brush = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

// crowded says of a city that what stands in it is worth a picture of its own: drawStill, some times a second.
export const crowded = (city: City): boolean => city.rides.size > stampLimit;

// drawCity draws everything, or over a picture of what stands only the rest.
export function drawCity(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, layers: Layers, now: number, selected: Selection | null, over: boolean): void {
  const seen = visible(view);
  if (!over && layers.heat) drawHeat(ctx, view, city.heat, colors, now);
  if (tooMany(city)) {
    drawDensity(ctx, view, city, colors, now);
  } else {
    if (layers.trails && layers.motion && city.chairs.size + city.rides.size <= trailLimit) drawTrails(ctx, view, city, colors, seen, now);
    if (!over) drawRides(ctx, view, city, colors, seen, now);
    drawChairs(ctx, view, city, colors, seen, layers.motion ? now : Math.floor(now / 1000) * 1000);
  }
  if (layers.motion) drawFlashes(ctx, view, city, colors, now);
  if (selected) drawSelection(ctx, view, city, colors, selected, now);
}

// drawStill draws what stands.
export function drawStill(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, layers: Layers, now: number): void {
  if (layers.heat) drawHeat(ctx, view, city.heat, colors, now);
  if (!tooMany(city)) drawRides(ctx, view, city, colors, visible(view), now);
}

const tooMany = (city: City): boolean => city.chairs.size + city.rides.size > densityLimit;

// visible tells what is on the canvas, with a margin for markers at its edge.
function visible(view: View): (p: Point) => boolean {
  const a = view.toCity({ x: -20, y: -20 });
  const b = view.toCity({ x: view.width + 20, y: view.height + 20 });
  return (p) => p.x >= a.x && p.x <= b.x && p.y <= a.y && p.y >= b.y;
}

// size returns the radius of a chair in pixels.
export function size(view: View): number {
  return clamp(view.scale * 0.75, 2.2, 11);
}

const looks: readonly Look[] = ["off", "free", "coming", "carrying"];

// stampLimit is the number of chairs, or of rides, above which each is copied from a picture of its
// look, a chair turned to one of sixteen directions: for the browser that is less work than one large path.
const stampLimit = 300;

function drawChairs(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, seen: (p: Point) => boolean, now: number): void {
  const r = size(view);
  const paths: Record<Look, Path2D> = { off: new Path2D(), free: new Path2D(), coming: new Path2D(), carrying: new Path2D() };
  const rings = new Path2D();
  const stamps = city.chairs.size > stampLimit ? Stamps.of(r, colors) : null;
  stamps?.begin(ctx);
  for (const chair of city.chairs.values()) {
    if (!chair.known) continue;
    const place = chair.place(now);
    if (!seen(place)) continue;
    const x = view.screenX(place.x);
    const y = view.screenY(place.y);
    if (stamps) {
      stamps.chair(ctx, chair.look, x, y, chair.heading);
      continue;
    }
    marker(paths[chair.look], chair.look, x, y, r, chair.heading);
    if (chair.look === "carrying") ring(rings, x, y, r);
  }
  stamps?.end(ctx);
  if (stamps) return;
  for (const look of looks) paint(ctx, look, paths[look], r, colors);
  paintRings(ctx, rings, colors);
}

// ring adds what tells a chair with a rider from others at a glance.
function ring(path: Path2D, x: number, y: number, r: number): void {
  path.moveTo(x + r * 1.7, y);
  path.arc(x, y, r * 1.7, 0, 2 * Math.PI);
}

function paintRings(ctx: Brush, rings: Path2D, colors: Colors): void {
  ctx.strokeStyle = colors.carrying;
  ctx.lineWidth = 1.2;
  ctx.stroke(rings);
}

// paint draws the markers of one look.
function paint(ctx: Brush, look: Look, path: Path2D, r: number, colors: Colors): void {
  ctx.lineJoin = "round";
  if (look === "off") {
    ctx.globalAlpha = 0.4;
    ctx.strokeStyle = colors.off;
    ctx.lineWidth = 1;
    ctx.stroke(path);
    ctx.globalAlpha = 1;
    return;
  }
  ctx.strokeStyle = colors.halo;
  ctx.lineWidth = 2.4;
  ctx.stroke(path);
  if (look === "coming" && r > 3.5) {
    ctx.strokeStyle = colors.coming;
    ctx.lineWidth = 2;
    ctx.stroke(path);
    ctx.fillStyle = colors.halo;
  } else {
    ctx.fillStyle = colors[look];
  }
  ctx.fill(path);
}

// Stamps are the pictures of markers of one size and in one set of colours, by a number that says which.
class Stamps {
  private readonly pictures: (ImageBitmap | undefined)[] = [];
  private readonly ratio = devicePixelRatio || 1;

  private constructor(
    readonly r: number,
    readonly colors: Colors,
  ) {}

  private static latest?: Stamps;

  // of returns those of the frame before, unless the view was zoomed or the theme changed.
  static of(r: number, colors: Colors): Stamps {
    const is = Stamps.latest;
    if (is?.r === r && is.colors === colors && is.ratio === (devicePixelRatio || 1)) return is;
    return (Stamps.latest = new Stamps(r, colors));
  }

  // begin has a context count in pixels until end: a picture that is neither turned nor scaled is copied fastest.
  begin(ctx: CanvasRenderingContext2D): void {
    ctx.save();
    ctx.resetTransform();
  }

  end(ctx: CanvasRenderingContext2D): void {
    ctx.restore();
  }

  // put copies a picture, which draw makes the first time, to whole pixels, so that it is not blurred. Half
  // is the distance from its middle to its edge.
  put(ctx: CanvasRenderingContext2D, which: number, half: number, x: number, y: number, draw: (ctx: Brush) => void): void {
    const { ratio } = this;
    this.pictures[which] ??= this.make(half, draw);
    ctx.drawImage(this.pictures[which], Math.round((x - half) * ratio), Math.round((y - half) * ratio));
  }

  private make(half: number, draw: (ctx: Brush) => void): ImageBitmap {
    const side = Math.ceil(2 * half * this.ratio);
    const canvas = new OffscreenCanvas(side, side); // unlike an element, it gives a picture that is copied without a look at its state
    const ctx = canvas.getContext("2d")!;
    ctx.scale(this.ratio, this.ratio);
    ctx.translate(half, half);
    draw(ctx);
    return canvas.transferToImageBitmap();
  }

  chair(ctx: CanvasRenderingContext2D, look: Look, x: number, y: number, heading: number): void {
    const turn = look === "coming" || look === "carrying" ? Math.round((heading / Math.PI) * 8) & 15 : 0;
    const { r, colors } = this;
    this.put(ctx, 16 * looks.indexOf(look) + turn, Math.ceil(r * reach[look] + 2), x, y, (own) => {
      const path = new Path2D();
      marker(path, look, 0, 0, r, (turn * Math.PI) / 8);
      paint(own, look, path, r, colors);
      if (look !== "carrying") return;
      const rings = new Path2D();
      ring(rings, 0, 0, r);
      paintRings(own, rings, colors);
    });
  }

  promised(ctx: CanvasRenderingContext2D, at: Point): void {
    const { r, colors } = this;
    this.put(ctx, 64, Math.ceil(r * 0.7 + 1), at.x, at.y, (own) => paintPromised(own, disc(0, 0, r * 0.7), colors));
  }

  waiting(ctx: CanvasRenderingContext2D, at: Point, wait: number): void {
    const { r, colors } = this;
    const step = Math.floor(wait / 1000);
    const radius = waitingSize(r, 1000 * step);
    this.put(ctx, 65 + Math.min(step, 18), Math.ceil(radius + 1), at.x, at.y, (own) => paintWaiting(own, disc(0, 0, radius), colors, warmth(wait)));
  }
}

// reach is how far a chair's marker reaches, as a multiple of its size.
const reach: Record<Look, number> = { off: 0.8, free: 1, coming: 1.25, carrying: 1.7 };

// marker adds a chair's shape to a path: shapes tell the looks apart without colours.
function marker(path: Path2D, look: Look, x: number, y: number, r: number, heading: number): void {
  switch (look) {
    case "free":
      path.moveTo(x + r, y);
      path.arc(x, y, r, 0, 2 * Math.PI);
      return;
    case "off":
      path.rect(x - r * 0.5, y - r * 0.5, r, r);
      return;
    default:
      triangle(path, x, y, r * 1.25, heading);
  }
}

function triangle(path: Path2D, x: number, y: number, r: number, heading: number): void {
  for (let corner = 0; corner < 3; corner++) {
    const angle = -heading + [0, 2.45, -2.45][corner]!;
    const px = x + r * Math.cos(angle);
    const py = y + r * Math.sin(angle);
    if (corner === 0) path.moveTo(px, py);
    else path.lineTo(px, py);
  }
  path.closePath();
}

function drawTrails(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, seen: (p: Point) => boolean, now: number): void {
  const parts = { coming: [new Path2D(), new Path2D()], carrying: [new Path2D(), new Path2D()], free: [new Path2D(), new Path2D()] };
  for (const chair of city.chairs.values()) {
    const look = chair.look;
    if (look === "off" || chair.track.length === 0) continue;
    const here = chair.place(now);
    if (chair.fresh(now) > 0 && seen(here)) trail(parts[look], view, chair, here, chair.fresh(now));
  }
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  for (const look of ["free", "coming", "carrying"] as const) {
    ctx.strokeStyle = colors[look];
    parts[look].forEach((path, n) => {
      ctx.globalAlpha = n === 0 ? 0.12 : 0.32;
      ctx.lineWidth = clamp(view.scale * 0.4, 1, 4);
      ctx.stroke(path);
    });
  }
  ctx.globalAlpha = 1;
}

// trail adds the older and the newer half of a chair's way to two paths. A faster chair
// leaves a longer one, and that of a chair that stands is used up from its end.
function trail(parts: Path2D[], view: View, chair: Chair, here: Point, fresh: number): void {
  const track = chair.track;
  const first = Math.max(0, track.length - Math.ceil((3 + 2 * chair.speed) * fresh));
  const half = Math.floor((first + track.length) / 2);
  for (let n = first; n < track.length; n++) {
    const a = track[n]!;
    const b = track[n + 1] ?? here;
    const path = parts[n < half ? 0 : 1]!;
    path.moveTo(view.screenX(a.x), view.screenY(a.y));
    path.lineTo(view.screenX(b.x), view.screenY(b.y));
  }
}

// warmth returns which of the four colours a wait of so many milliseconds has.
export function warmth(wait: number): 0 | 1 | 2 | 3 {
  return wait < 3000 ? 0 : wait < 10_000 ? 1 : wait < 18_000 ? 2 : 3;
}

function drawRides(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, seen: (p: Point) => boolean, now: number): void {
  const waiting = [new Path2D(), new Path2D(), new Path2D(), new Path2D()];
  const promised = new Path2D();
  const r = size(view);
  const stamps = city.rides.size > stampLimit ? Stamps.of(r, colors) : null;
  stamps?.begin(ctx);
  const stacked = new Map<string, number>();
  for (const ride of city.rides.values()) {
    if (ride.status !== "MATCHING" && ride.status !== "ENROUTE") continue;
    if (!seen(ride.place)) continue;
    const at = besides(view, ride, stacked, r);
    const wait = Math.max(0, now - ride.asked);
    if (stamps && ride.chair !== null) stamps.promised(ctx, at);
    else if (stamps) stamps.waiting(ctx, at, wait);
    else if (ride.chair !== null) promised.addPath(disc(at.x, at.y, r * 0.7));
    else waiting[warmth(wait)]!.addPath(disc(at.x, at.y, waitingSize(r, wait)));
  }
  stamps?.end(ctx);
  if (stamps) return;
  paintPromised(ctx, promised, colors);
  for (const [n, path] of waiting.entries()) paintWaiting(ctx, path, colors, n);
}

// waitingSize returns the radius of a rider's marker, which grows with the wait.
function waitingSize(r: number, wait: number): number {
  return r * (0.7 + 0.6 * clamp(wait / 18_000, 0, 1));
}

function disc(x: number, y: number, r: number): Path2D {
  const path = new Path2D();
  path.arc(x, y, r, 0, 2 * Math.PI);
  return path;
}

function paintPromised(ctx: Brush, path: Path2D, colors: Colors): void {
  ctx.strokeStyle = colors.coming;
  ctx.lineWidth = 1.2;
  ctx.stroke(path);
}

function paintWaiting(ctx: Brush, path: Path2D, colors: Colors, warm: number): void {
  ctx.strokeStyle = colors.ink;
  ctx.lineWidth = 1.6;
  ctx.stroke(path);
  ctx.fillStyle = colors.waits[warm]!;
  ctx.fill(path);
}

// besides keeps riders at one corner apart: places are rounded, so several share one.
function besides(view: View, ride: Ride, stacked: Map<string, number>, r: number): Point {
  const key = ride.place.x + ":" + ride.place.y;
  const n = stacked.get(key) ?? 0;
  stacked.set(key, n + 1);
  const p = view.toScreen(ride.place);
  if (n === 0) return p;
  const angle = n * 2.4; // the golden angle: no two in a line
  const away = r * 0.9 * Math.sqrt(n);
  return { x: p.x + away * Math.cos(angle), y: p.y + away * Math.sin(angle) };
}

function drawHeat(ctx: CanvasRenderingContext2D, view: View, heat: Heat, colors: Colors, now: number): void {
  ctx.fillStyle = colors.heat;
  heat.each(now, (place, level) => {
    const radius = Math.max(6, view.scale * Heat.cell * 0.9);
    ctx.globalAlpha = clamp(level / 12, 0.04, 0.42);
    ctx.beginPath();
    ctx.arc(view.screenX(place.x), view.screenY(place.y), radius, 0, 2 * Math.PI);
    ctx.fill();
  });
  ctx.globalAlpha = 1;
}

// drawDensity shows too many chairs as squares that are the darker the more are in them.
function drawDensity(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, now: number): void {
  const cell = 12;
  const across = Math.ceil(view.width / cell);
  const counts = new Uint16Array(across * Math.ceil(view.height / cell));
  let most = 1;
  for (const chair of city.chairs.values()) {
    if (!chair.known) continue;
    const p = view.toScreen(chair.place(now));
    if (p.x < 0 || p.y < 0 || p.x >= view.width || p.y >= view.height) continue;
    const n = ++counts[Math.floor(p.y / cell) * across + Math.floor(p.x / cell)]!;
    most = Math.max(most, n);
  }
  ctx.fillStyle = colors.carrying;
  counts.forEach((n, i) => {
    if (n === 0) return;
    ctx.globalAlpha = 0.15 + 0.75 * (n / most);
    ctx.fillRect((i % across) * cell, Math.floor(i / across) * cell, cell - 1, cell - 1);
  });
  ctx.globalAlpha = 1;
}

function drawFlashes(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, now: number): void {
  for (const f of city.flashes) {
    const t = (now - f.at) / flashLasts;
    if (t < 0 || t >= 1) continue;
    const a = view.toScreen(f.from);
    const b = view.toScreen(f.to);
    ctx.globalAlpha = 1 - t;
    ctx.strokeStyle = f.kind === "match" ? colors.accent : colors.free;
    ctx.lineWidth = 1.8;
    ctx.beginPath();
    if (f.kind === "match") {
      const lift = Math.hypot(b.x - a.x, b.y - a.y) * 0.22;
      ctx.moveTo(a.x, a.y);
      ctx.quadraticCurveTo((a.x + b.x) / 2, (a.y + b.y) / 2 - lift, b.x, b.y);
    } else {
      ctx.arc(a.x, a.y, size(view) * (1 + 2.5 * t), 0, 2 * Math.PI);
    }
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function drawSelection(ctx: CanvasRenderingContext2D, view: View, city: City, colors: Colors, selected: Selection, now: number): void {
  const chair = selected.chair ? city.chairs.get(selected.chair) : undefined;
  const ride = selected.ride ? city.rides.get(selected.ride) : (chair?.ride ?? undefined);
  const driver = chair ?? (ride?.chair ? city.chairs.get(ride.chair) : undefined);
  ctx.strokeStyle = colors.accent;
  ctx.lineWidth = 2;
  const at = driver?.known ? view.toScreen(driver.place(now)) : undefined;
  drawOthers(ctx, view, city, selected, now);
  if (at) circle(ctx, at, size(view) * 2.4);
  if (!ride) return;
  const waits = view.toScreen(ride.place);
  circle(ctx, waits, size(view) * 1.9);
  if (at && ride.status === "ENROUTE") {
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(at.x, at.y);
    ctx.lineTo(waits.x, waits.y);
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

// drawOthers marks the chairs that the ride did not get.
function drawOthers(ctx: CanvasRenderingContext2D, view: View, city: City, selected: Selection, now: number): void {
  ctx.setLineDash([3, 3]);
  for (const id of selected.others ?? []) {
    const other = city.chairs.get(id);
    if (other?.known) circle(ctx, view.toScreen(other.place(now)), size(view) * 2.4);
  }
  ctx.setLineDash([]);
}

function circle(ctx: CanvasRenderingContext2D, at: Point, r: number): void {
  ctx.beginPath();
  ctx.arc(at.x, at.y, r, 0, 2 * Math.PI);
  ctx.stroke();
}

// drawPins draws the ends of a journey: a hollow pin where it begins, a full one where it
// ends, and the way between them, which chairs take along one axis after the other.
export function drawPins(ctx: CanvasRenderingContext2D, view: View, pins: readonly Point[], colors: Colors): void {
  const points = pins.map((p) => view.toScreen(p));
  ctx.strokeStyle = ctx.fillStyle = colors.accent;
  ctx.lineWidth = 2;
  ctx.setLineDash([2, 5]);
  ctx.beginPath();
  for (const p of points) ctx.lineTo(p.x, p.y); // the first moves there
  ctx.stroke();
  ctx.setLineDash([]);
  points.forEach((p, n) => {
    ctx.beginPath();
    ctx.moveTo(p.x, p.y);
    ctx.bezierCurveTo(p.x - 14, p.y - 14, p.x - 9, p.y - 28, p.x, p.y - 28);
    ctx.bezierCurveTo(p.x + 9, p.y - 28, p.x + 14, p.y - 14, p.x, p.y);
    ctx.fillStyle = n === 0 ? colors.halo : colors.accent;
    ctx.fill();
    ctx.stroke();
  });
}

// nearest finds what a pointer means: the nearest chair or waiting rider within a finger's
// width.
export function nearest(view: View, city: City, at: Point, now: number): Selection | null {
  let best: Selection | null = null;
  let distance = 18;
  const consider = (p: Point, s: Selection) => {
    const d = Math.hypot(view.screenX(p.x) - at.x, view.screenY(p.y) - at.y);
    if (d < distance) [best, distance] = [s, d];
  };
  for (const c of city.chairs.values()) if (c.known) consider(c.place(now), { chair: c.id });
  for (const r of city.rides.values()) if (r.chair === null) consider(r.place, { ride: r.id });
  return best;
}
