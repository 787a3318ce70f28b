// The map: a canvas that follows its city at each frame, and can be moved by mouse, touch
// and keys.

import { useEffect, useRef } from "preact/hooks";

import type { City } from "./city";
import { type Colors, type Layers, type Selection, crowded, drawCity, drawPins, drawStill, nearest } from "./draw";
import { type Point, View, reach, towns } from "./geometry";
import { language, t } from "./text";
import { theme } from "./theme";
import { type Palette, drawPlan } from "./town";

export interface MapProps {
  city: City;
  layers: Layers;
  selected: Selection | null;
  // now is the moment that is shown: the present, or that of a replay.
  now: () => number;
  onSelect: (s: Selection | null) => void;
  // onPick is given the place that was pressed; then nothing is selected.
  onPick?: ((p: Point) => void) | undefined;
  // pins are places of the reader's own, as those of a journey.
  pins?: readonly Point[];
  // handle is given what the buttons beside the map use.
  handle?: (h: MapHandle) => void;
}

export interface MapHandle {
  zoom(factor: number): void;
  show(view: "all" | 0 | 1): void;
}

export function CityMap(props: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    const painter = new Painter(canvas.current!, () => latest.current);
    props.handle?.(painter);
    return () => painter.close();
  }, []);
  return <canvas ref={canvas} tabIndex={0} role="img" aria-label={t("map.label")} />;
}

// flightLasts is the time of a move to another town, in milliseconds.
const stillPause = 250; // milliseconds
// standPause is the time between two pictures of what stands in a crowded city, in milliseconds.
const standPause = 200;
const flightLasts = 500;

// opaque is for pictures that cover everything: they are copied, not blended.
const opaque = (canvas: HTMLCanvasElement): CanvasRenderingContext2D | null => canvas.getContext("2d", { alpha: false });

class Painter implements MapHandle {
  private view: View;
  private flight: { from: View; to: View; began: number } | null = null;
  private plan: HTMLCanvasElement = document.createElement("canvas");
  private planKey = "";
  private still: HTMLCanvasElement = document.createElement("canvas"); // the plan with what stands on it
  private stillOf: unknown[] = []; // what it shows
  private colors!: Colors;
  private palette!: Palette;
  private themeRead = "";
  private frame = 0;
  private painted = -Infinity; // when, in the time of frames
  private shown: View | null = null; // that was drawn then
  private useful = false; // chairs were drawn: what make ui-bench calls the first useful picture
  private touched = false; // by the reader: until then the view follows the window
  private readonly pointers = new Map<number, Point>();
  private pressed: Point | null = null;
  private readonly ends: (() => void)[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly props: () => MapProps,
  ) {
    const box = canvas.getBoundingClientRect();
    this.view = View.fit(towns[0]!.middle, reach, box.width || 1, box.height || 1, this.beside());
    this.listen();
    const sizes = new ResizeObserver(() => this.resized());
    sizes.observe(canvas);
    this.ends.push(() => sizes.disconnect());
    const step = (at: number) => {
      if (this.due(at)) this.paint();
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    for (const end of this.ends) end();
  }

  zoom(factor: number): void {
    this.touched = true;
    this.fly(this.view.zoomed(factor, { x: this.view.width / 2, y: this.view.height / 2 }));
  }

  show(what: "all" | 0 | 1): void {
    this.touched = true;
    const { width, height } = this.view;
    this.fly(what === "all" ? View.all(width, height, this.beside()) : View.fit(towns[what]!.middle, reach, width, height, this.beside()));
  }

  // beside is how much of the map's left is under the figures, in pixels.
  private beside(): number {
    return Number.parseFloat(getComputedStyle(this.canvas).getPropertyValue("--beside")) || 0;
  }

  private fly(to: View): void {
    if (!this.props().layers.motion) this.view = to;
    else this.flight = { from: this.view, to, began: performance.now() };
  }

  private resized(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    this.flight = null;
    this.view = this.touched ? this.view.resized(width, height) : View.fit(towns[0]!.middle, reach, width, height, this.beside());
    const ratio = devicePixelRatio || 1;
    for (const c of [this.canvas, this.plan, this.still]) {
      c.width = Math.round(width * ratio);
      c.height = Math.round(height * ratio);
    }
    this.planKey = "";
    this.stillOf = [];
  }

  // due says whether a frame is worth drawing: all are, but for readers who asked for little motion,
  // whose picture changes four times a second, and at once when they move it.
  private due(at: number): boolean {
    if (!this.props().layers.motion && at - this.painted < stillPause && this.view === this.shown && this.planKey !== "") return false;
    this.painted = at;
    this.shown = this.view;
    return true;
  }

  private paint(): void {
    const ctx = opaque(this.canvas);
    if (!ctx || this.canvas.width === 0) return;
    const p = this.props();
    this.advance();
    this.readTheme();
    this.paintPlan();
    const now = p.now();
    const over = crowded(p.city);
    if (over) this.paintStill(p, now);
    this.copy(ctx, over ? this.still : this.plan);
    drawCity(ctx, this.view, p.city, this.colors, p.layers, now, p.selected, over);
    if (p.pins) drawPins(ctx, this.view, p.pins, this.colors);
    if (!this.useful && p.city.chairs.size > 0) {
      this.useful = true;
      performance.mark("chairs");
    }
  }

  // copy begins a picture with another one. Here, as for stamps, one pixel becomes one pixel.
  private copy(ctx: CanvasRenderingContext2D, picture: HTMLCanvasElement): void {
    const ratio = devicePixelRatio || 1;
    ctx.imageSmoothingEnabled = false;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(picture, 0, 0);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  // paintStill draws what stands when it has moved, and otherwise after a while.
  private paintStill(p: MapProps, now: number): void {
    const of = [this.planKey, p.city, p.layers.heat, Math.floor(now / standPause)];
    if (of.every((part, n) => part === this.stillOf[n])) return;
    this.stillOf = of;
    const ctx = opaque(this.still)!;
    this.copy(ctx, this.plan);
    drawStill(ctx, this.view, p.city, this.colors, p.layers, now);
  }

  private advance(): void {
    if (!this.flight) return;
    const t = Math.min(1, (performance.now() - this.flight.began) / flightLasts);
    this.view = this.flight.from.between(this.flight.to, t * t * (3 - 2 * t));
    if (t === 1) this.flight = null;
  }

  // paintPlan draws the streets only when they have moved.
  private paintPlan(): void {
    const v = this.view;
    const key = [v.center.x, v.center.y, v.scale, v.width, v.height, this.themeRead, language.value].join();
    if (key === this.planKey) return;
    this.planKey = key;
    const ctx = opaque(this.plan)!;
    const ratio = devicePixelRatio || 1;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawPlan(ctx, v, this.palette, towns, (town) => t(`town.${town.key}`));
  }

  private readTheme(): void {
    if (this.themeRead === theme.value) return;
    this.themeRead = theme.value;
    const style = getComputedStyle(document.documentElement);
    const of = (name: string) => style.getPropertyValue("--" + name).trim();
    this.palette = { paper: of("paper"), ground: of("ground"), street: of("street"), building: of("building"), park: of("park"), water: of("water"), name: of("quiet") };
    this.colors = {
      free: of("free"), coming: of("coming"), carrying: of("carrying"), off: of("off"),
      waits: [of("wait-0"), of("wait-1"), of("wait-2"), of("wait-3")],
      accent: of("accent"), ink: of("ink"), heat: of("heat"), halo: of("raised"),
    };
  }

  private on<K extends keyof HTMLElementEventMap>(name: K, f: (e: HTMLElementEventMap[K]) => void): void {
    this.canvas.addEventListener(name, f as EventListener, { passive: false });
    this.ends.push(() => this.canvas.removeEventListener(name, f as EventListener));
  }

  private listen(): void {
    this.on("wheel", (e) => {
      e.preventDefault();
      this.move(this.view.zoomed(1.0015 ** -e.deltaY, this.at(e)));
    });
    this.on("pointerdown", (e) => {
      this.canvas.setPointerCapture(e.pointerId);
      this.pointers.set(e.pointerId, this.at(e));
      this.pressed = this.pointers.size === 1 ? this.at(e) : null;
    });
    this.on("pointermove", (e) => this.dragged(e));
    const up = (e: PointerEvent) => {
      this.pointers.delete(e.pointerId);
      const at = this.at(e);
      if (e.type === "pointerup" && this.pressed && Math.hypot(at.x - this.pressed.x, at.y - this.pressed.y) < 5) {
        const p = this.props();
        if (p.onPick) p.onPick(this.view.toCity(at));
        else p.onSelect(nearest(this.view, p.city, at, p.now()));
      }
      this.pressed = null;
    };
    this.on("pointerup", up);
    this.on("pointercancel", up);
    this.on("keydown", (e) => {
      if (!e.ctrlKey && !e.metaKey && !e.altKey && this.key(e.key)) e.preventDefault();
    });
  }

  private at(e: MouseEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return { x: e.clientX - box.left, y: e.clientY - box.top };
  }

  private move(v: View): void {
    this.touched = true;
    this.flight = null;
    this.view = v;
  }

  // dragged pans with one pointer, and with two also zooms.
  private dragged(e: PointerEvent): void {
    const before = this.pointers.get(e.pointerId);
    if (!before) return;
    const at = this.at(e);
    this.pointers.set(e.pointerId, at);
    const other = [...this.pointers].find(([id]) => id !== e.pointerId)?.[1];
    let v = this.view;
    if (other) {
      const spread = (p: Point) => Math.hypot(p.x - other.x, p.y - other.y);
      const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
      v = v.zoomed(spread(at) / Math.max(1, spread(before)), middle).panned((at.x - before.x) / 2, (at.y - before.y) / 2);
    } else {
      v = v.panned(at.x - before.x, at.y - before.y);
    }
    this.move(v);
  }

  private key(name: string): boolean {
    const step = 60;
    switch (name) {
      case "ArrowLeft": this.move(this.view.panned(step, 0)); return true;
      case "ArrowRight": this.move(this.view.panned(-step, 0)); return true;
      case "ArrowUp": this.move(this.view.panned(0, step)); return true;
      case "ArrowDown": this.move(this.view.panned(0, -step)); return true;
      case "+": case "=": this.zoom(1.4); return true;
      case "-": this.zoom(1 / 1.4); return true;
      case "0": this.show("all"); return true;
      case "1": this.show(0); return true;
      case "2": this.show(1); return true;
      case "Escape": this.props().onSelect(null); return true;
    }
    return false;
  }
}
