/** A surface, how large it is, and what it is of. */

import "./model3d.css";
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { fetchBulk } from "../../dicomweb/client";
import { inlineBytes, items, number, text, Tag, type Dataset } from "../../dicomweb/json";
import { MeshError, readObj, readStl, sizeText, trianglesMost, type Mesh, type MeshFailure } from "../../dicom/stl";
import { unitText } from "../../dicom/waveform";
import { MeshView } from "../../imaging/mesh-view";
import { t } from "../../ui/text";

const bytesMost = 256 * 1024 * 1024;

async function meshOf(ds: Dataset, signal: AbortSignal): Promise<Mesh> {
    const element = ds["00420011"];
    const declared = number(ds, "00420015") ?? 0;
    if (declared > bytesMost) throw new MeshError("too many");
    const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
    const bytes = inlineBytes(element) ?? (element?.BulkDataURI ? await fetchBulk(ref, element.BulkDataURI, signal) : new Uint8Array());
    const whole = declared > 0 && declared < bytes.length ? bytes.subarray(0, declared) : bytes; /* padded to an even length */
    return /\.104\.4$/.test(text(ds, Tag.sopClass)) ? readObj(whole) : readStl(whole);
}

const reasons: Readonly<Record<MeshFailure, () => string>> = {
    empty: () => t("it has no triangles"),
    "too many": () => t("it has more than {count} triangles", { count: trianglesMost }),
    "not finite": () => t("a corner has no place"),
    broken: () => t("the file is broken"),
};

export function ModelView({ dataset: ds }: { dataset: Dataset }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const view = useRef<MeshView | undefined>(undefined);
    const mesh = useSignal<Mesh | undefined>(undefined);
    const failure = useSignal("");
    const wires = useSignal(false);
    const unit = unitText(text(items(ds, "004008EA")[0], "00080100"));
    const said = useComputed(() => mesh.value && [t("{count} triangles", { count: mesh.value.triangles }), `${sizeText(mesh.value)} ${unit || t("(no unit said)")}`].join(" · "));
    useEffect(() => {
        const gone = new AbortController();
        meshOf(ds, gone.signal).then(
            (m) => {
                if (gone.signal.aborted) return;
                mesh.value = m;
                try {
                    view.current = new MeshView(canvas.current!, m);
                } catch {
                    failure.value = t("This browser cannot draw it: it needs WebGL 2 and enough memory.");
                }
            },
            (e: unknown) => {
                if (!gone.signal.aborted) failure.value = t("The model cannot be shown: {reason}", { reason: e instanceof MeshError ? reasons[e.why]() : e instanceof Error ? e.message : String(e) });
            },
        );
        const el = canvas.current!;
        const wheel = (e: WheelEvent) => (e.preventDefault(), view.current?.zoom(Math.exp(-e.deltaY / 500)));
        el.addEventListener("wheel", wheel, { passive: false });
        return () => {
            gone.abort();
            el.removeEventListener("wheel", wheel);
            view.current?.close();
        };
    }, [ds]);
    const toggle = () => {
        wires.value = !wires.value;
        if (!view.current) return;
        view.current.wires = wires.value;
        view.current.redraw();
    };
    return (
        <div class="model3d">
            {failure.value && <p class="warn" role="alert">{failure.value}</p>}
            <canvas
                ref={canvas}
                hidden={failure.value !== ""}
                aria-label={t("3D model")}
                onPointerDown={(e) => e.currentTarget.setPointerCapture(e.pointerId)}
                onPointerMove={(e) => e.currentTarget.hasPointerCapture(e.pointerId) && view.current?.rotate(e.movementX, e.movementY)}
            />
            <div class="model3d-bar">
                <button type="button" class="button" aria-pressed={wires.value} onClick={toggle}>{t("Edges")}</button>
                <button type="button" class="button" onClick={() => view.current?.reset()}>{t("Reset")}</button>
                <span>{said.value}</span>
                {mesh.value?.isCut && <span class="warn">{t("The file ends too early: parts are missing")}</span>}
            </div>
        </div>
    );
}
