/** A small picture from the server; until it is there, and where there is none, what the caller puts in its place. */

import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export interface ThumbnailProps {
    src: string;
    /** Whether it may load yet: something more urgent can go first. */
    ready: boolean;
    onSettled?: (drawn: boolean) => void;
    children: ComponentChildren;
}

export function Thumbnail({ src, ready, onSettled, children }: ThumbnailProps) {
    const drawn = useSignal(false);
    useEffect(() => {
        drawn.value = false;
    }, [src]);
    const settle = (is: boolean) => {
        drawn.value = is;
        onSettled?.(is);
    };
    return (
        <>
            {ready && (
                <img
                    src={src}
                    alt=""
                    loading="lazy"
                    decoding="async"
                    fetchpriority="low"
                    draggable={false}
                    style={{ visibility: drawn.value ? "visible" : "hidden" }}
                    onLoad={() => settle(true)}
                    onError={() => settle(false)}
                />
            )}
            {!drawn.value && children}
        </>
    );
}
