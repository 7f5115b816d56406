/* Stands in for dcmjs where Cornerstone's shared packages ask for it (see vite.config.ts): a logger that tells errors alone, the
 * names of four transfer syntaxes, and a dictionary of the keywords in their own rules. Nothing here parses DICOM: our frames
 * arrive with their attributes. */

import keywords from "virtual:named-keywords";

interface Logger {
    getLogger: (name: string) => Logger;
    trace: () => void;
    debug: () => void;
    info: () => void;
    warn: () => void;
    error: (...what: unknown[]) => void;
    getLevel: () => number;
    setLevel: () => void;
}

const silent = () => undefined;
const logger = (): Logger => ({
    getLogger: logger,
    trace: silent,
    debug: silent,
    info: silent,
    warn: silent,
    error: (...what) => console.error(...what),
    getLevel: () => 4, /* as loglevel counts: errors */
    setLevel: silent,
});

interface Entry {
    tag: string; /* (gggg,eeee) */
    name: string;
    vr: string;
    vm: string;
}
const entries = keywords.split("\n").map((line): Entry => {
    const [tag, name, vr, vm] = line.split(" ");
    return { tag: `(${tag})`, name: name!, vr: vr!, vm: vm! };
});

class Absent {
    constructor() {
        throw new Error("DICOM files are not parsed in the viewer");
    }
}

export const log = logger();
export const constants = {
    IMPLICIT_LITTLE_ENDIAN: "1.2.840.10008.1.2",
    EXPLICIT_LITTLE_ENDIAN: "1.2.840.10008.1.2.1",
    DEFLATED_EXPLICIT_LITTLE_ENDIAN: "1.2.840.10008.1.2.1.99",
    EXPLICIT_BIG_ENDIAN: "1.2.840.10008.1.2.2",
};
export default {
    log,
    constants,
    data: { DicomMetaDictionary: { dictionary: Object.fromEntries(entries.map((e) => [e.tag, e])), nameMap: Object.fromEntries(entries.map((e) => [e.name, e])) } },
    async: { AsyncDicomReader: Absent },
    utilities: { DicomMetadataListener: Absent },
};
