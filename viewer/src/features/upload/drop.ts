/** What was dropped: files, and the whole trees below dropped folders. */

const filesMax = 200_000;

/** Reads all of a drop. Entries must be taken before the event returns, so this starts at once. */
export function droppedFiles(data: DataTransfer): Promise<File[]> {
    const entries: FileSystemEntry[] = [];
    const plain: File[] = [];
    for (const item of data.items) {
        if (item.kind !== "file") continue;
        const entry = item.webkitGetAsEntry();
        if (entry) entries.push(entry);
        else {
            const file = item.getAsFile();
            if (file) plain.push(file);
        }
    }
    return collect(entries, plain);
}

async function collect(entries: FileSystemEntry[], found: File[]): Promise<File[]> {
    const open = [...entries];
    while (open.length > 0 && found.length < filesMax) {
        const entry = open.shift()!;
        try {
            if (entry.isFile) found.push(named(await fileOf(entry as FileSystemFileEntry), entry.fullPath));
            else if (entry.isDirectory) open.push(...(await children(entry as FileSystemDirectoryEntry)));
        } catch {
            /* vanished or unreadable since the drop: the rest still counts */
        }
    }
    return found;
}

const fileOf = (entry: FileSystemFileEntry) => new Promise<File>((ok, no) => entry.file(ok, no));

/* readEntries answers in portions and ends with an empty one */
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
    const reader = folder.createReader();
    const all: FileSystemEntry[] = [];
    for (;;) {
        const some = await new Promise<FileSystemEntry[]>((ok, no) => reader.readEntries(ok, no));
        if (some.length === 0) return all;
        all.push(...some);
    }
}

/* A dropped file does not know its folder; the list of failures should. */
function named(file: File, fullPath: string): File {
    Object.defineProperty(file, "webkitRelativePath", { value: fullPath.replace(/^\//, ""), configurable: true });
    return file;
}
