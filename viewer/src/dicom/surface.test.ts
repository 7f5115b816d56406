import { describe, expect, it } from "vitest";
import { stlOf, surfaceOf, volumeOf, type Solid } from "./surface";
import type { Vec3 } from "./vector";

const size = [24, 20, 16] as const;
const stepMm = [1, 1.5, 2] as const;
const origin = [-100, 40, 7] as const;
const place = (v: Vec3): Vec3 => [origin[0] + v[0] * stepMm[0], origin[1] + v[1] * stepMm[1], origin[2] + v[2] * stepMm[2]];
const solid = (label: (i: number, j: number, k: number) => number): Solid => ({
    size,
    place,
    labels: (k) => Uint8Array.from({ length: size[0] * size[1] }, (_, n) => label(n % size[0], Math.floor(n / size[0]), k)),
});
const middle = place([12, 10, 8]);
const isBall = (i: number, j: number, k: number) => Math.hypot(...place([i, j, k]).map((v, a) => v - middle[a]!)) <= 9;

describe("the surface of a segment", () => {
    const ball = surfaceOf(solid((i, j, k) => (isBall(i, j, k) ? 3 : 0)), 3)!;
    it("encloses what is painted, in its place", () => {
        const voxels = Array.from({ length: 24 * 20 * 16 }, (_, n) => isBall(n % 24, Math.floor(n / 24) % 20, Math.floor(n / 480))).filter(Boolean).length * 3;
        expect(volumeOf(ball.points, ball.triangles) / voxels).toBeGreaterThan(0.93);
        expect(volumeOf(ball.points, ball.triangles) / voxels).toBeLessThan(1.01);
        const away = Array.from({ length: ball.points.length / 3 }, (_, n) => Math.hypot(...[0, 1, 2].map((a) => ball.points[3 * n + a]! - middle[a]!)));
        expect(Math.min(...away)).toBeGreaterThan(8);
        expect(Math.max(...away)).toBeLessThan(10.2);
    });
    it("is closed: each edge belongs to two triangles, once each way", () => {
        const edges = new Map<string, number>();
        for (let n = 0; n < ball.triangles.length; n += 3)
            for (let c = 0; c < 3; c++) {
                const key = `${ball.triangles[n + c]}>${ball.triangles[n + ((c + 1) % 3)]}`;
                edges.set(key, (edges.get(key) ?? 0) + 1);
            }
        for (const [key, count] of edges) expect([count, edges.get(key.split(">").reverse().join(">"))]).toEqual([1, 1]);
    });
    it("has normals that point outwards", () => {
        let sum = 0;
        for (let n = 0; n < ball.points.length; n += 3) {
            const out = [0, 1, 2].map((a) => ball.points[n + a]! - middle[a]!);
            const share = out.reduce((s, v, a) => s + v * ball.normals[n + a]!, 0) / Math.hypot(...out);
            expect(share).toBeGreaterThan(0.75);
            sum += share;
        }
        expect((3 * sum) / ball.points.length).toBeGreaterThan(0.95);
    });
    it("is the right way round also where slices run backwards, and there is none of nothing", () => {
        const back = surfaceOf({ ...solid((i, j, k) => (isBall(i, j, k) ? 1 : 2)), place: ([i, j, k]) => place([i, j, -k]) }, 1)!;
        expect(volumeOf(back.points, back.triangles)).toBeGreaterThan(0);
        expect(surfaceOf(solid(() => 0), 1)).toBeUndefined();
    });
    it("reaches to the rim of the images", () => {
        const all = surfaceOf(solid(() => 1), 1)!;
        expect(volumeOf(all.points, all.triangles) / (24 * 30 * 32)).toBeGreaterThan(0.9);
    });
    it("is an STL file of its triangles", () => {
        const view = new DataView(stlOf(ball));
        const count = ball.triangles.length / 3;
        expect([view.byteLength, view.getUint32(80, true)]).toEqual([84 + 50 * count, count]);
        expect([0, 1, 2].map((a) => view.getFloat32(84 + 12 + 4 * a, true))).toEqual([0, 1, 2].map((a) => ball.points[3 * ball.triangles[0]! + a]));
    });
});
