// The town plan: streets, blocks, parks and a river, made from a hash of the place, so that
// a corner always looks the same. It has no meaning for rides, which cross it freely.

import { type Point, type Town, type View, hash, reach } from "./geometry";

// Palette is what the plan is drawn with.
export interface Palette {
  paper: string;
  ground: string;
  street: string;
  building: string;
  park: string;
  water: string;
  name: string;
}

const block = 10; // distance of two streets

// Plan is the town's map in its own coordinates, -reach to reach.
interface Plan {
  buildings: Path2D;
  parks: Path2D;
  river: Path2D;
}

const plans = new Map<Town, Plan>();

function planOf(town: Town): Plan {
  let plan = plans.get(town);
  if (!plan) {
    plan = draft(town);
    plans.set(town, plan);
  }
  return plan;
}

function draft(town: Town): Plan {
  const buildings = new Path2D();
  const parks = new Path2D();
  for (let x = -reach; x < reach; x += block) {
    for (let y = -reach; y < reach; y += block) {
      const at = (n: number) => hash(town.middle.x + x, town.middle.y + y, n);
      if (at(1) < 0.09) {
        parks.roundRect(x + 0.9, y + 0.9, block - 1.8, block - 1.8, 1.2);
      } else {
        fill(buildings, x, y, at);
      }
    }
  }
  return { buildings, parks, river: riverOf(town) };
}

// fill puts houses into a block: two rows with a yard between them, or one large house.
function fill(path: Path2D, x: number, y: number, at: (n: number) => number): void {
  const inner = block - 1.8;
  if (at(2) < 0.12) {
    path.rect(x + 0.9, y + 0.9, inner, inner * (0.55 + 0.45 * at(3)));
    return;
  }
  for (let row = 0; row < 2; row++) {
    let from = 0;
    for (let n = 0; from < inner - 0.8; n++) {
      const width = Math.min(inner - from, 1.4 + 2.2 * at(10 + 7 * row + n));
      const depth = 2.4 + 1.1 * at(30 + 7 * row + n);
      if (at(50 + 7 * row + n) > 0.1) {
        path.rect(x + 0.9 + from, row === 0 ? y + 0.9 : y + 0.9 + inner - depth, width - 0.25, depth);
      }
      from += width;
    }
  }
}

// riverOf returns the middle of the river's bed, from one edge to the other.
function riverOf(town: Town): Path2D {
  const at = (n: number) => hash(town.middle.x, town.middle.y, n);
  const upright = at(90) < 0.5;
  const offset = (at(91) - 0.5) * reach;
  const path = new Path2D();
  for (let s = -reach; s <= reach; s += 2) {
    const bend = offset + 9 * Math.sin(s / 17 + 6 * at(92)) + 5 * Math.sin(s / 7 + 6 * at(93));
    const [x, y] = upright ? [bend, s] : [s, bend];
    if (s === -reach) path.moveTo(x, y);
    else path.lineTo(x, y);
  }
  return path;
}

// drawPlan draws both towns, as the view has them.
export function drawPlan(ctx: CanvasRenderingContext2D, view: View, colors: Palette, shown: readonly Town[], nameOf: (t: Town) => string): void {
  ctx.fillStyle = colors.paper;
  ctx.fillRect(0, 0, view.width, view.height);
  for (const town of shown) {
    ctx.save();
    ctx.translate(view.screenX(town.middle.x), view.screenY(town.middle.y));
    ctx.scale(view.scale, -view.scale);
    drawTown(ctx, planOf(town), view.scale, colors);
    ctx.restore();
    drawName(ctx, view, town.middle, nameOf(town), colors);
  }
}

function drawTown(ctx: CanvasRenderingContext2D, plan: Plan, scale: number, colors: Palette): void {
  ctx.beginPath();
  ctx.roundRect(-reach - 1.5, -reach - 1.5, 2 * reach + 3, 2 * reach + 3, 4);
  ctx.fillStyle = colors.ground;
  ctx.fill();
  ctx.save();
  ctx.clip();
  ctx.fillStyle = colors.park;
  ctx.fill(plan.parks);
  if (scale > 1.6) {
    ctx.fillStyle = colors.building;
    ctx.fill(plan.buildings);
  }
  ctx.strokeStyle = colors.water;
  ctx.lineWidth = 5;
  ctx.lineJoin = "round";
  ctx.stroke(plan.river);
  ctx.strokeStyle = colors.street;
  streets(ctx, 1, block);
  streets(ctx, 1.8, 5 * block);
  ctx.restore();
}

function streets(ctx: CanvasRenderingContext2D, width: number, distance: number): void {
  ctx.beginPath();
  for (let s = -reach; s <= reach; s += distance) {
    ctx.moveTo(s, -reach);
    ctx.lineTo(s, reach);
    ctx.moveTo(-reach, s);
    ctx.lineTo(reach, s);
  }
  ctx.lineWidth = width;
  ctx.stroke();
}

function drawName(ctx: CanvasRenderingContext2D, view: View, middle: Point, name: string, colors: Palette): void {
  ctx.font = "600 12px system-ui, sans-serif";
  ctx.textAlign = "center";
  ctx.fillStyle = colors.name;
  ctx.fillText(name, view.screenX(middle.x), view.screenY(middle.y + reach + 2) - 8);
}
