/** The narrative of a CDA document: headings, paragraphs, lists and tables, as text alone. */

import "./document.css";
import { useSignal } from "@preact/signals";
import { h, type ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { renderedPath } from "../../dicomweb/client";
import { dateText, number, text, Tag, type Dataset } from "../../dicomweb/json";
import { t } from "../../ui/text";

const bytesMost = 16 * 1024 * 1024;
const depthMost = 60;

/* Read by XMLHttpRequest: the page's policy lets no text become a document (Trusted Types), and what is fetched as XML runs nothing. */
function xmlOf(ds: Dataset, signal: AbortSignal): Promise<Document> {
    const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
    return new Promise((done, fail) => {
        const broken = () => fail(new Error(t("the file is broken")));
        if ((number(ds, "00420015") ?? 0) > bytesMost) return fail(new Error(t("it is too large")));
        const asked = new XMLHttpRequest();
        asked.open("GET", renderedPath(ref, "text/xml"));
        asked.overrideMimeType("application/xml");
        asked.responseType = "document";
        asked.onerror = broken;
        asked.onload = () => {
            const xml = asked.status === 200 ? asked.responseXML : null;
            if (!xml || xml.doctype || xml.querySelector("parsererror")) broken(); /* CDA has no document type: HL7 V3 ITS */
            else done(xml);
        };
        signal.addEventListener("abort", () => asked.abort());
        asked.send();
    });
}

/* What the elements of the narrative are on a page; others are what is in them. */
const asElement: Readonly<Record<string, string>> = {
    title: "h4", paragraph: "p", list: "ul", item: "li", table: "table", thead: "thead", tbody: "tbody", tfoot: "tfoot", tr: "tr", th: "th", td: "td", br: "br", sub: "sub", sup: "sup", caption: "b",
};

function narrative(node: Node, depth = 0): ComponentChildren {
    if (node.nodeType === Node.TEXT_NODE || node.nodeType === Node.CDATA_SECTION_NODE) return node.nodeValue;
    if (node.nodeType !== Node.ELEMENT_NODE || depth > depthMost) return null;
    const name = (node as Element).localName;
    const as = Object.hasOwn(asElement, name) ? asElement[name] : undefined;
    if (as === "br") return <br />;
    const inner = [...node.childNodes].map((n) => narrative(n, depth + 1));
    return as ? h(as, null, inner) : inner;
}

const child = (e: Element | undefined, name: string): Element | undefined => e && [...e.children].find((c) => c.localName === name);

function Section({ section, depth }: { section: Element; depth: number }) {
    const title = child(section, "title")?.textContent;
    const body = child(section, "text");
    const inner = [...section.children].filter((c) => c.localName === "component").flatMap((c) => child(c, "section") ?? []);
    return (
        <section>
            {title && <h3>{title}</h3>}
            {body && <div>{narrative(body)}</div>}
            {depth < depthMost && inner.map((s, i) => <Section key={i} section={s} depth={depth + 1} />)}
        </section>
    );
}

function Cda({ xml }: { xml: Document }) {
    const root = xml.documentElement;
    const body = child(child(root, "component"), "structuredBody");
    const sections = body ? [...body.children].flatMap((c) => child(c, "section") ?? []) : [];
    const date = child(root, "effectiveTime")?.getAttribute("value") ?? "";
    return (
        <article>
            <h2>{child(root, "title")?.textContent || t("CDA document")}</h2>
            {date && <p class="dim">{dateText(date.slice(0, 8))}</p>}
            {sections.map((s, i) => <Section key={i} section={s} depth={0} />)}
            {sections.length === 0 && <p>{root.textContent?.trim()}</p>}
        </article>
    );
}

export function CdaView({ dataset }: { dataset: Dataset }) {
    const xml = useSignal<Document | undefined>(undefined);
    const failure = useSignal("");
    useEffect(() => {
        const gone = new AbortController();
        xmlOf(dataset, gone.signal).then(
            (d) => (xml.value = d),
            (e: unknown) => {
                if (!gone.signal.aborted) failure.value = e instanceof Error ? e.message : String(e);
            },
        );
        return () => gone.abort();
    }, [dataset]);
    if (failure.value) return <p class="warn" role="alert">{t("The document cannot be shown: {reason}", { reason: failure.value })}</p>;
    return <div class="cda">{xml.value && <Cda xml={xml.value} />}</div>;
}
