/** The three planes of a volume, and the point they share. Linked panes read and move one `Focus`. */

import { batch, signal } from "@preact/signals";
import { planeThrough } from "../../dicom/plane-grid";
import { along, cross, dot, scale, sub, turned, unit, type Vec3 } from "../../dicom/vector";
import type { Plane } from "../../imaging/volume-plane";

export type PlaneName = "axial" | "sagittal" | "coronal";
export const planeNames: readonly PlaneName[] = ["axial", "sagittal", "coronal"];
export const isPlane = (mode: string): mode is PlaneName => planeNames.some((p) => p === mode);

export interface Directions {
    right: Vec3;
    down: Vec3;
    deep: Vec3; /* the way scrolling goes */
}

/** As the patient is looked at: from the feet, from the left, from the front. */
export const straight: Readonly<Record<PlaneName, Directions>> = {
    axial: { right: [1, 0, 0], down: [0, 1, 0], deep: [0, 0, 1] },
    sagittal: { right: [0, 1, 0], down: [0, 0, -1], deep: [1, 0, 0] },
    coronal: { right: [1, 0, 0], down: [0, 0, -1], deep: [0, 1, 0] },
};

/** What the planes of one frame of reference have in common. */
export class Focus {
    readonly centre;
    readonly planes = signal<Readonly<Record<PlaneName, Directions>>>(straight);

    constructor(centre: Vec3) {
        this.centre = signal<Vec3>(centre);
    }

    /** Turns the other two planes about the one they are seen in; that one stays. */
    turn(seenIn: PlaneName, radians: number): void {
        const axis = this.planes.value[seenIn].deep;
        const all = { ...this.planes.value };
        for (const name of planeNames) {
            if (name === seenIn) continue;
            const { right, down, deep } = all[name];
            all[name] = { right: unit(turned(right, axis, radians)), down: unit(turned(down, axis, radians)), deep: unit(turned(deep, axis, radians)) };
        }
        this.planes.value = all;
    }

    reset(centre: Vec3): void {
        batch(() => {
            this.centre.value = centre;
            this.planes.value = straight;
        });
    }

    isOblique(name: PlaneName): boolean {
        return Math.abs(dot(this.planes.value[name].deep, straight[name].deep)) < 0.9999;
    }

    plane(name: PlaneName, label: string): Plane {
        return { name: label, through: this.centre.value, ...this.planes.value[name] };
    }

    /** Moves a plane, and turns it if need be, so that it holds these points: the others stay where they are. */
    reveal(name: PlaneName, points: readonly Vec3[]): void {
        const [first] = points;
        if (!first) return;
        const { right, down, deep } = this.planes.value[name];
        const to = planeThrough(points, deep);
        batch(() => {
            if (dot(to, deep) < 0.99999) {
                const isRightHanded = dot(cross(right, down), deep) > 0;
                const level = unit(sub(right, scale(to, dot(right, to))));
                this.planes.value = { ...this.planes.value, [name]: { right: level, down: isRightHanded ? cross(to, level) : cross(level, to), deep: to } };
            }
            this.centre.value = along(this.centre.value, to, dot(sub(first, this.centre.value), to));
        });
    }

    /** The direction of the line in which two planes meet. */
    meet(a: PlaneName, b: PlaneName): Vec3 {
        return unit(cross(this.planes.value[a].deep, this.planes.value[b].deep));
    }

    /** How far a point is from a plane, mm. */
    apartMm(name: PlaneName, p: Vec3): number {
        return dot(sub(p, this.centre.value), this.planes.value[name].deep);
    }
}
