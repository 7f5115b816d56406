/** The shell: which page is on screen, and the one place where features meet. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { whenIdle } from "../ui/idle";
import { Notice } from "../ui/notice";
import { t } from "../ui/text";
import { dropTarget, UploadPanel } from "../features/upload/view";
import * as upload from "../features/upload/model";
import { Worklist } from "../features/worklist/view";
import * as worklist from "../features/worklist/model";
import { address, base, navigate, rename, route } from "./router";

type ReadingPage = ComponentType<ReadingProps>;
interface ReadingProps {
    study: string;
    search: string;
    onRename: (search: string) => void;
    onClose: () => void;
    onStep: (by: 1 | -1) => (() => void) | undefined;
}

/* The reading page is a chunk of its own, fetched while the list is idle. */
const reading = signal<ReadingPage | undefined>(undefined);
let readingLoad: Promise<void> | undefined;

function loadReading(): Promise<void> {
    readingLoad ??= import("./reading").then(
        (m) => {
            reading.value = m.Reading;
        },
        () => {
            readingLoad = undefined; /* a failed download may be tried again */
        },
    );
    return readingLoad;
}

function StudyPage({ uid }: { uid: string }) {
    useEffect(() => void loadReading(), []);
    const Page = reading.value;
    if (!Page) return <main class="page-wait" aria-busy="true" aria-label={t("Opening the study")} />;
    return (
        <Page
            key={uid}
            study={uid}
            search={address.value.search}
            onRename={(search) => rename(`${base}study/${uid}${search}`)}
            onClose={() => navigate(`${base}${worklist.urlSearch.value}`)}
            onStep={(by) => {
                const next = worklist.neighbour(uid, by);
                return next && (() => void next().then((study) => study && navigate(`${base}study/${study}`)));
            }}
        />
    );
}

function ListPage() {
    const title = `${t("Studies")} · Isocenter`;
    useEffect(() => {
        document.title = title;
    }, [title]);
    useEffect(() => {
        return whenIdle(() => void loadReading());
    }, []);
    return (
        <Worklist
            search={address.value.search}
            onRename={(search) => rename(`${base}${search}`)}
            onOpen={(studies, search = "") => navigate(`${base}study/${studies}${search}`)}
            onUpload={(files) => upload.add(files)}
        />
    );
}

function Page() {
    const here = route.value;
    if (here.page === "list") return <ListPage />;
    if (here.page === "study") return <StudyPage uid={here.uid} />;
    return (
        <main class="page-note">
            <h1>{t("There is no such page")}</h1>
            <p>
                <a href={base} onClick={(e) => (e.preventDefault(), navigate(base))}>
                    {t("Go to the study list")}
                </a>
            </p>
        </main>
    );
}

export function App() {
    useEffect(() => dropTarget(document.documentElement, (files) => upload.add(files)), []);
    useEffect(() => upload.onStored(() => void worklist.refresh()), []);
    return (
        <>
            <Page />
            <UploadPanel />
            <Notice />
        </>
    );
}
