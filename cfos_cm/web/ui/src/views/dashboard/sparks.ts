/** Draws the small curves: only those that are seen, all in one go, once a second at most. */

import { toRaw } from "vue";

import { note, POINTS, ring } from "@/live/curves";
import { live } from "@/live/live";

interface Spark {
  canvas: HTMLCanvasElement;
  name: string;
  fullW: number;
  isSeen: boolean;
}

const sparks = new Map<Element, Spark>();
const EVERY_MS = 1_000;
let timer: ReturnType<typeof setInterval> | undefined;
let colors = { line: "", fill: "", base: "" };

const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const spark = sparks.get(entry.target);
      if (spark) spark.isSeen = entry.isIntersecting;
    }
    plan();
  },
  { rootMargin: "100px" },
);

/** Begins to draw the curve of an EVSE. @return ends that. */
export function addSpark(canvas: HTMLCanvasElement, name: string, fullW: number): () => void {
  sparks.set(canvas, { canvas, name, fullW, isSeen: false });
  watcher.observe(canvas);
  timer ??= setInterval(plan, EVERY_MS);
  return () => {
    watcher.unobserve(canvas);
    sparks.delete(canvas);
    if (sparks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

let isPlanned = false;

function plan(): void {
  if (isPlanned || document.hidden) return;
  isPlanned = true;
  requestAnimationFrame(drawAll);
}

function drawAll(): void {
  isPlanned = false;
  const style = getComputedStyle(document.documentElement);
  colors = {
    line: style.getPropertyValue("--accent"),
    fill: style.getPropertyValue("--accent-soft"),
    base: style.getPropertyValue("--line"),
  };
  const evses = toRaw(live.evses);
  // First all that asks the page for sizes, then all that changes it.
  const seen = [...sparks.values()].filter((spark) => spark.isSeen);
  const sizes = seen.map((spark) => [spark.canvas.clientWidth, spark.canvas.clientHeight] as const);
  seen.forEach((spark, i) => {
    // What does not change is not told: time goes on for it all the same.
    const evse = evses.get(spark.name);
    if (evse) note(spark.name, toRaw(evse));
    draw(spark, ...sizes[i]!);
  });
}

function draw({ canvas, name, fullW }: Spark, width: number, height: number): void {
  const scale = Math.min(devicePixelRatio, 2);
  if (canvas.width !== Math.round(width * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.fillStyle = colors.base;
  context.fillRect(0, height - 1, width, 1);
  const { values, head } = ring(name);
  const line = new Path2D();
  const area = new Path2D();
  let begunAt = NaN;
  let x = 0;
  for (let i = 1; i <= POINTS; i += 1) {
    const value = values[(head + i) % POINTS]!;
    const isKnown = !Number.isNaN(value);
    if (isKnown) {
      x = ((i - 1) / (POINTS - 1)) * width;
      const y = height - 1.5 - Math.min(1, Math.abs(value) / fullW) * (height - 4);
      if (Number.isNaN(begunAt)) {
        begunAt = x;
        line.moveTo(x, y);
        area.moveTo(x, height);
      } else {
        line.lineTo(x, y);
      }
      area.lineTo(x, y);
    }
    if (!Number.isNaN(begunAt) && (!isKnown || i === POINTS)) {
      area.lineTo(x, height);
      area.closePath();
      begunAt = NaN;
    }
  }
  context.fillStyle = colors.fill;
  context.fill(area);
  context.strokeStyle = colors.line;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.stroke(line);
}
