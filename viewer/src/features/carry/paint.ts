/** What a part of the page shows, painted on a canvas of its own: pictures, drawings and texts in the order in which they
 *  lie over each other. Controls are left out. */

export interface PaintOptions {
    /** The texts in the corners, which name the patient. */
    texts: boolean;
    /** Words along the lower edge; empty for none. */
    mark: string;
}

const controls = "button, input, select, .stack-bar, .pane-note.quiet";
const svgProperties = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline", "visibility", "display"];

export async function paint(root: HTMLElement, { texts, mark }: PaintOptions): Promise<HTMLCanvasElement> {
    const ratio = devicePixelRatio || 1;
    const frame = root.getBoundingClientRect();
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(frame.width * ratio));
    canvas.height = Math.max(1, Math.round(frame.height * ratio));
    const context = canvas.getContext("2d")!;
    context.scale(ratio, ratio);
    context.fillStyle = "#000";
    context.fillRect(0, 0, frame.width, frame.height);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) => {
        if (!(node instanceof Element)) return NodeFilter.FILTER_ACCEPT;
        if (node.matches(controls) || (!texts && node.matches(".overlay"))) return NodeFilter.FILTER_REJECT;
        return isSeen(node) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT;
    });
    let inside: Element | undefined; /* an <svg> whose parts have been painted with it */
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (inside?.contains(node)) continue;
        if (node instanceof Text) paintText(context, node, frame);
        else if (node instanceof HTMLCanvasElement || node instanceof HTMLImageElement) paintPicture(context, node, frame);
        else if (node instanceof SVGSVGElement) {
            inside = node;
            await paintDrawing(context, node, frame);
        }
    }
    if (mark) paintMark(context, mark, frame);
    return canvas;
}

function isSeen(el: Element): boolean {
    const style = getComputedStyle(el);
    return style.display !== "none" && style.visibility !== "hidden" && style.opacity !== "0";
}

/* A picture that is fitted into its place keeps its shape. */
function paintPicture(context: CanvasRenderingContext2D, el: HTMLCanvasElement | HTMLImageElement, frame: DOMRect): void {
    const box = el.getBoundingClientRect();
    const [width, height] = el instanceof HTMLCanvasElement ? [el.width, el.height] : [el.naturalWidth, el.naturalHeight];
    if (width === 0 || height === 0 || box.width === 0 || box.height === 0) return;
    const isFitted = getComputedStyle(el).objectFit === "contain";
    const scale = Math.min(box.width / width, box.height / height);
    const [w, h] = isFitted ? [width * scale, height * scale] : [box.width, box.height];
    context.drawImage(el, box.left - frame.left + (box.width - w) / 2, box.top - frame.top + (box.height - h) / 2, w, h);
}

/* As an image of its own, which knows nothing of our style sheets: it takes the computed style along as attributes. */
async function paintDrawing(context: CanvasRenderingContext2D, svg: SVGSVGElement, frame: DOMRect): Promise<void> {
    const box = svg.getBoundingClientRect();
    if (box.width === 0 || box.height === 0 || svg.childElementCount === 0) return;
    const copy = svg.cloneNode(true) as SVGSVGElement;
    const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
    from.forEach((el, i) => {
        const style = getComputedStyle(el);
        for (const name of svgProperties) to[i]!.setAttribute(name, style.getPropertyValue(name));
        to[i]!.removeAttribute("style");
        to[i]!.removeAttribute("class");
    });
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", String(box.width));
    copy.setAttribute("height", String(box.height));
    const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
    try {
        const image = new Image();
        image.src = url;
        await image.decode();
        context.drawImage(image, box.left - frame.left, box.top - frame.top, box.width, box.height);
    } catch {
        /* a drawing that cannot stand alone is left out rather than the whole picture */
    } finally {
        URL.revokeObjectURL(url);
    }
}

function paintText(context: CanvasRenderingContext2D, node: Text, frame: DOMRect): void {
    const parent = node.parentElement;
    if (!parent || node.data.trim() === "") return;
    const style = getComputedStyle(parent);
    context.save();
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.direction = style.direction === "rtl" ? "rtl" : "ltr";
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.shadowColor = "#000";
    context.shadowBlur = 3;
    const range = document.createRange();
    const put = (start: number, end: number) => {
        range.setStart(node, start);
        range.setEnd(node, end);
        const box = range.getBoundingClientRect();
        context.fillText(node.data.slice(start, end), box.left - frame.left, box.top - frame.top + box.height / 2);
    };
    range.selectNodeContents(node);
    const isOneLine = new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size <= 1;
    if (isOneLine) put(0, node.length);
    else for (const word of node.data.matchAll(/\S+/g)) put(word.index, word.index + word[0].length);
    context.restore();
}

function paintMark(context: CanvasRenderingContext2D, mark: string, frame: DOMRect): void {
    context.save();
    context.font = "600 14px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.shadowColor = "#000";
    context.shadowBlur = 4;
    context.fillStyle = "#ffd37a";
    context.fillText(mark, frame.width / 2, frame.height - 6);
    context.restore();
}

export const blobOf = (canvas: HTMLCanvasElement, type: string): Promise<Blob> =>
    new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error(type))), type, 0.92));
