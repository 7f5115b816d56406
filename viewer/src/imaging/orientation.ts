/** Which side of the patient each edge of the picture shows.   PS3.3 §C.7.6.1.1.1 */

export interface EdgeLetters {
    top: string;
    right: string;
    bottom: string;
    left: string;
}

type Vector = readonly number[];

/* +x is left, +y posterior, +z head; the largest parts first, as "LA" or "HF" are read */
export function directionLetters(v: Vector): string {
    const parts = [
        { size: Math.abs(v[0] ?? 0), letter: (v[0] ?? 0) > 0 ? "L" : "R" },
        { size: Math.abs(v[1] ?? 0), letter: (v[1] ?? 0) > 0 ? "P" : "A" },
        { size: Math.abs(v[2] ?? 0), letter: (v[2] ?? 0) > 0 ? "H" : "F" },
    ];
    return parts
        .filter((p) => p.size > 0.25)
        .sort((a, b) => b.size - a.size)
        .slice(0, 2)
        .map((p) => p.letter)
        .join("");
}

const opposite = (v: Vector) => v.map((x) => -x);

export function edgeLetters(up: Vector | undefined, normal: Vector | undefined): EdgeLetters | undefined {
    if (!up || !normal) return undefined;
    const [ux = 0, uy = 0, uz = 0] = up;
    const [nx = 0, ny = 0, nz = 0] = normal;
    const right = [uy * nz - uz * ny, uz * nx - ux * nz, ux * ny - uy * nx];
    return {
        top: directionLetters(up),
        bottom: directionLetters(opposite(up)),
        right: directionLetters(right),
        left: directionLetters(opposite(right)),
    };
}
