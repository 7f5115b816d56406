/* CT studies of noise in a circle: nothing that compresses well, nothing that a viewer could leave out. */
import { CtImage, newUid, object, part10, type Identity } from "../../browser/lib/dicom";

const side = 512;

/* The same noise in every run. */
function noise(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 16;
    };
}

function slice(index: number): Uint8Array {
    const values = new Uint16Array(side * side);
    const next = noise(index + 1);
    for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
            const far = Math.hypot(x - side / 2, y - side / 2);
            const inside = far < 90 + (index % 20) ? 1090 : far < 230 ? 1050 : 24;
            values[y * side + x] = inside + (next() % 41);
        }
    return new Uint8Array(values.buffer);
}

export interface Study extends Identity {
    slices: number;
}

export function study(slices: number): Study {
    return { study: newUid(), series: newUid(), patientName: `Bench^Slices${slices}`, patientId: `BENCH${slices}`, slices };
}

export function* files(s: Study): Generator<Buffer> {
    const frameOfReference = newUid();
    for (let i = 0; i < s.slices; i++) {
        const place = [-125, -125, 1.25 * i];
        yield part10(
            object(s, {
                "0008,0016 UI": CtImage,
                "0008,0060 CS": "CT",
                "0008,1030 LO": `${s.slices} slices`,
                "0008,103E LO": "Phantom",
                "0018,0050 DS": 1.25,
                "0020,0013 IS": i + 1,
                "0020,0032 DS": place,
                "0020,0037 DS": [1, 0, 0, 0, 1, 0],
                "0020,0052 UI": frameOfReference,
                "0028,0002 US": 1,
                "0028,0004 CS": "MONOCHROME2",
                "0028,0010 US": side,
                "0028,0011 US": side,
                "0028,0030 DS": [0.488281, 0.488281],
                "0028,0100 US": 16,
                "0028,0101 US": 12,
                "0028,0102 US": 11,
                "0028,0103 US": 0,
                "0028,1050 DS": 40,
                "0028,1051 DS": 400,
                "0028,1052 DS": -1024,
                "0028,1053 DS": 1,
                "7FE0,0010 OW": slice(i),
            }),
        );
    }
}
