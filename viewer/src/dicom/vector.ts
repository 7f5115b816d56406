/** Vectors in patient coordinates: mm, LPS. */

export type Vec3 = readonly [number, number, number];

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const sub = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a: Vec3, by: number): Vec3 => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a: Vec3, b: Vec3): Vec3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const length = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]);
export const unit = (a: Vec3): Vec3 => scale(a, 1 / (length(a) || 1));
/** `p` moved along `by` times `direction`. */
export const along = (p: Vec3, direction: Vec3, by: number): Vec3 => add(p, scale(direction, by));

/** `v` turned about a unit axis, by the right hand. */
export function turned(v: Vec3, axis: Vec3, radians: number): Vec3 {
    const [c, s] = [Math.cos(radians), Math.sin(radians)];
    const part = scale(axis, dot(axis, v) * (1 - c));
    return add(add(scale(v, c), scale(cross(axis, v), s)), part);
}
