import { afterEach, expect, it, vi } from "vitest";
import { builtIn, suited } from "./templates";

afterEach(() => vi.unstubAllGlobals());

it.each([
    ["CT", "CHEST", "ct-trunk"],
    ["CT", "CT Abdomen with contrast", "ct-trunk"],
    ["CT", "KNEE", "general"],
    ["CT", "", "ct-trunk"], /* nothing is said against it */
    ["MR", "HEAD Brain MR", "mr-brain"],
    ["MR", "SHOULDER", "general"],
    ["MG", "BREAST", "mammography"],
    ["US", "ABDOMEN", "us-abdomen"],
    ["DX", "CHEST", "xr-chest"],
    ["NM", "BONE", "general"],
])("for %s of “%s” there is %s", (modality, about, id) => expect(suited(builtIn(), modality, about).id).toBe(id));

it("an own one comes before those of the viewer, for the studies that it was made for", () => {
    const made = { ...builtIn()[1]!, id: "own.x", isOwn: true, bodyPart: "chest" };
    expect(suited([...builtIn(), made], "CT", "CHEST").id).toBe("own.x");
    expect(suited([...builtIn(), made], "CT", "ABDOMEN").id).toBe("ct-trunk");
    expect(suited([...builtIn(), { ...made, bodyPart: "" }], "MR", "KNEE").id).toBe("general");
});

it("own ones are kept in the browser without the places of measurements, and nonsense that is found there is left out", async () => {
    const store = new Map<string, string>([["isocenter.report.templates", JSON.stringify([null, { id: 1 }, { id: "own.a", name: "A", sections: [{ heading: "59776-5", text: "Lungs: " }, { heading: "x", text: "" }, 5] }])]]);
    vi.stubGlobal("localStorage", { getItem: (k: string) => store.get(k) ?? null, setItem: (k: string, v: string) => store.set(k, v) });
    vi.resetModules();
    const { own, addOwn, removeOwn } = await import("./templates");
    expect(own.value).toMatchObject([{ id: "own.a", sections: [{ heading: "59776-5", text: "Lungs: " }], isOwn: true }]);
    const mark = { uid: "1", kind: "keyImage", label: "", quantities: [], spacing: "none", color: "#ffffff", locked: false, hidden: false, created: "" } as const;
    addOwn("B", { title: "25045-6", sections: [{ heading: "59776-5", text: "See [1] [2]" }], links: [{ number: 1, mark, gone: false }], amends: false }, "CT", "CHEST");
    expect(own.value[1]).toMatchObject({ name: "B", modalities: ["CT"], bodyPart: "chest", sections: [{ text: "See  [2]" }] });
    removeOwn("own.a");
    expect(store.get("isocenter.report.templates")).not.toContain("own.a");
    expect(store.get("isocenter.report.templates")).toContain("own.B");
});
