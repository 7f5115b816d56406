/** Surfaces out of STL and OBJ files: triangles alone, whatever else such a file may say. Files come from anywhere: nothing is made
 *  from a number that they declare, and numbers that are none are refused. */

export interface Mesh {
    positions: Float32Array; /* x, y, z of the three corners of each triangle */
    triangles: number;
    low: readonly [x: number, y: number, z: number];
    high: readonly [x: number, y: number, z: number];
    isCut: boolean; /* the file ends before what it declares */
}

export type MeshFailure = "empty" | "too many" | "not finite" | "broken";

export class MeshError extends Error {
    constructor(readonly why: MeshFailure) {
        super(why);
        this.name = "MeshError";
    }
}

export const trianglesMost = 2_000_000;
const headBytes = 84;
const triangleBytes = 50;

/* Grows as the file goes on: its size follows from what was read. */
class Corners {
    private list = new Float32Array(9 * 1024);
    private used = 0;

    add(x: number, y: number, z: number): void {
        if (!(Number.isFinite(x) && Number.isFinite(y) && Number.isFinite(z)) || Math.max(Math.abs(x), Math.abs(y), Math.abs(z)) > 1e30) throw new MeshError("not finite");
        if (this.used >= 9 * trianglesMost) throw new MeshError("too many");
        if (this.used + 3 > this.list.length) {
            const more = new Float32Array(2 * this.list.length);
            more.set(this.list);
            this.list = more;
        }
        this.list[this.used++] = x;
        this.list[this.used++] = y;
        this.list[this.used++] = z;
    }

    mesh(isCut: boolean): Mesh {
        const triangles = Math.floor(this.used / 9);
        if (triangles === 0) throw new MeshError("empty");
        const positions = this.list.subarray(0, 9 * triangles);
        const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
        for (let i = 0; i < positions.length; i++) {
            const v = positions[i]!;
            if (v < low[i % 3]!) low[i % 3] = v;
            if (v > high[i % 3]!) high[i % 3] = v;
        }
        return { positions, triangles, low: low as unknown as Mesh["low"], high: high as unknown as Mesh["high"], isCut };
    }
}

/* Binary files may begin with "solid" too: those with a zero byte, or whose length fits their count. */
function isText(bytes: Uint8Array): boolean {
    if (bytes.subarray(0, 1024).includes(0)) return false;
    const start = new TextDecoder("latin1").decode(bytes.subarray(0, 1024));
    if (!/^\s*solid\b/i.test(start)) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const fits = bytes.length >= headBytes && Math.abs(headBytes + triangleBytes * view.getUint32(80, true) - bytes.length) <= 1;
    return !fits;
}

function binaryStl(bytes: Uint8Array): Mesh {
    if (bytes.length < headBytes) throw new MeshError("broken");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const declared = view.getUint32(80, true);
    const there = Math.floor((bytes.length - headBytes) / triangleBytes);
    if (Math.min(declared, there) > trianglesMost) throw new MeshError("too many");
    const corners = new Corners();
    for (let t = 0; t < Math.min(declared, there); t++)
        for (let corner = 1; corner <= 3; corner++) { /* the first is the normal, which the corners say too */
            const at = headBytes + t * triangleBytes + 12 * corner;
            corners.add(view.getFloat32(at, true), view.getFloat32(at + 4, true), view.getFloat32(at + 8, true));
        }
    return corners.mesh(there < declared);
}

/* Words of the text, one after another; no copy of the whole is made. */
function* lines(bytes: Uint8Array): Generator<string[]> {
    const decoder = new TextDecoder("latin1");
    let from = 0;
    while (from < bytes.length) {
        const end = bytes.indexOf(10, from);
        const to = end < 0 ? bytes.length : end;
        if (to - from < 4096) yield decoder.decode(bytes.subarray(from, to)).trim().split(/\s+/);
        from = to + 1;
    }
}

function textStl(bytes: Uint8Array): Mesh {
    const corners = new Corners();
    let facet: (readonly [number, number, number])[] = [];
    let isClosed = false;
    for (const [word = "", x, y, z] of lines(bytes)) {
        const what = word.toLowerCase();
        if (what === "facet") facet = [];
        else if (what === "vertex") facet.push([Number(x), Number(y), Number(z)]);
        else if (what === "endsolid") isClosed = true;
        else if (what === "endfacet") {
            if (facet.length === 3) facet.forEach((c) => corners.add(...c));
            facet = [];
        }
    }
    return corners.mesh(!isClosed);
}

export const readStl = (bytes: Uint8Array): Mesh => (isText(bytes) ? textStl(bytes) : binaryStl(bytes));

/** Faces of any number of corners are cut into triangles from their first corner; materials are left out. */
export function readObj(bytes: Uint8Array): Mesh {
    const places: (readonly [number, number, number])[] = [];
    const corners = new Corners();
    for (const [word, ...rest] of lines(bytes)) {
        if (word === "v") {
            if (places.length >= 3 * trianglesMost) throw new MeshError("too many");
            places.push([Number(rest[0]), Number(rest[1]), Number(rest[2])]);
        } else if (word === "f") {
            const face = rest.map((r) => {
                const n = parseInt(r, 10);
                return places[n < 0 ? places.length + n : n - 1];
            });
            for (let i = 1; i + 1 < face.length; i++) {
                const three = [face[0], face[i], face[i + 1]];
                if (three.every((c) => c !== undefined)) three.forEach((c) => corners.add(...c!));
            }
        }
    }
    return corners.mesh(false);
}

/** "40 × 30 × 20": the box around it, along its axes. */
export const sizeText = (m: Mesh): string => m.high.map((h, i) => Number((h - m.low[i]!).toPrecision(4))).join(" × ");
