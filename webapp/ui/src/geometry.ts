// The plane of the city, and the part of it that is looked at. A unit of the city is the
// distance that the rules count in; longitude runs to the right, latitude upwards.

export interface Point {
  x: number;
  y: number;
}

// Town is one of the two places where people ride: a square around its middle.
export interface Town {
  readonly key: "chairtown" | "koshikake";
  readonly middle: Point;
}

// Reach is the distance from a town's middle to its edge. Rides begin and end within it.
export const reach = 50;

export const towns: readonly Town[] = [
  { key: "chairtown", middle: { x: 0, y: 0 } },
  { key: "koshikake", middle: { x: 300, y: 300 } },
];

export function townAt(p: Point): Town {
  const distance = (t: Town) => Math.hypot(p.x - t.middle.x, p.y - t.middle.y);
  return distance(towns[0]!) <= distance(towns[1]!) ? towns[0]! : towns[1]!;
}

// The closest and the farthest view, in pixels of the page for a unit.
const closest = 48;
const farthest = 0.5;

// View maps the plane to a canvas of width by height pixels. It is a value: changes make
// another one.
export class View {
  constructor(
    readonly center: Point,
    readonly scale: number,
    readonly width: number,
    readonly height: number,
  ) {}

  // fit shows a square around a point whole, with a margin for markers at its edge and the
  // name above it. The first pixels from the left are kept free, since something else is there.
  static fit(middle: Point, half: number, width: number, height: number, left = 0): View {
    const scale = clamp(Math.min(width - left, height - 32) / (2 * half * 1.1), farthest, closest);
    return new View({ x: middle.x - left / 2 / scale, y: middle.y }, scale, width, height);
  }

  // all shows both towns.
  static all(width: number, height: number, left = 0): View {
    return View.fit({ x: 150, y: 150 }, 150 + reach, width, height, left);
  }

  toScreen(p: Point): Point {
    return { x: this.screenX(p.x), y: this.screenY(p.y) };
  }

  screenX(x: number): number {
    return (x - this.center.x) * this.scale + this.width / 2;
  }

  screenY(y: number): number {
    return (this.center.y - y) * this.scale + this.height / 2;
  }

  toCity(p: Point): Point {
    return {
      x: (p.x - this.width / 2) / this.scale + this.center.x,
      y: this.center.y - (p.y - this.height / 2) / this.scale,
    };
  }

  // panned moves what is seen by pixels.
  panned(dx: number, dy: number): View {
    const center = { x: this.center.x - dx / this.scale, y: this.center.y + dy / this.scale };
    return this.at(center, this.scale);
  }

  // zoomed changes the scale so that the place under a pixel stays there.
  zoomed(factor: number, around: Point): View {
    const scale = clamp(this.scale * factor, farthest, closest);
    const place = this.toCity(around);
    const moved = new View(place, scale, this.width, this.height);
    return moved.panned(around.x - this.width / 2, around.y - this.height / 2);
  }

  // resized keeps the middle, and of the city what was seen of it.
  resized(width: number, height: number): View {
    const scale = (this.scale * Math.min(width, height)) / Math.max(1, Math.min(this.width, this.height));
    return new View(this.center, clamp(scale, farthest, closest), width, height);
  }

  // between is the view at t of a flight to another one, 0 to 1. The scale changes
  // evenly for the eye, so by its logarithm.
  between(to: View, t: number): View {
    const scale = this.scale * (to.scale / this.scale) ** t;
    const center = {
      x: this.center.x + (to.center.x - this.center.x) * t,
      y: this.center.y + (to.center.y - this.center.y) * t,
    };
    return this.at(center, scale);
  }

  // at keeps the middle of what is seen within reach of the towns, so that nobody gets lost.
  private at(center: Point, scale: number): View {
    const edge = 2 * reach;
    return new View(
      { x: clamp(center.x, -edge, 300 + edge), y: clamp(center.y, -edge, 300 + edge) },
      scale,
      this.width,
      this.height,
    );
  }
}

export function clamp(n: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, n));
}

// hash spreads whole numbers to 0 to 1, always the same for the same numbers.
export function hash(a: number, b: number, salt: number): number {
  let h = (Math.imul(a, 0x27d4eb2d) ^ Math.imul(b, 0x165667b1) ^ Math.imul(salt, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}
