/** Line icons on a 20 x 20 grid, drawn with the colour of the text around them. */

const paths = {
    upload: "M10 13V3.5M6 7l4-4 4 4M3.5 12.5v3a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1v-3",
    folder: "M2.5 5.5a1 1 0 0 1 1-1h4l1.6 2h7.4a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1z",
    close: "M5 5l10 10M15 5L5 15",
    back: "M12 4l-6 6 6 6",
    contrast: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
    zoom: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4M9 6.5v5M6.5 9h5",
    pan: "M10 2.5v15M2.5 10h15M10 2.5L8 4.5M10 2.5l2 2M10 17.5l-2-2M10 17.5l2-2M2.5 10l2-2M2.5 10l2 2M17.5 10l-2-2M17.5 10l-2 2",
    scroll: "M4 5.5h9v9H4zM7 5.5v-2.5h9v9h-3M7 3",
    invert: "M3.5 3.5h13v13h-13zM3.5 16.5l13-13M10 16.5h6.5v-13z",
    reset: "M4 10a6 6 0 1 0 2-4.5M4 3v3.5h3.5",
    fit: "M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4",
    play: "M6.5 4l9 6-9 6z",
    pause: "M7 4.5v11M13 4.5v11",
    tags: "M3.5 5.5h13M3.5 10h13M3.5 14.5h8",
    one: "M3.5 3.5h13v13h-13z",
    two: "M3.5 3.5h13v13h-13zM10 3.5v13",
    four: "M3.5 3.5h13v13h-13zM10 3.5v13M3.5 10h13",
    help: "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1 1-1.1 1.8M10 14.5v.1M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15z",
    download: "M10 3v9.5M6 9l4 4 4-4M3.5 16.5h13",
    rotate: "M15.5 6.5A6.5 6.5 0 1 0 16.5 10M16 3v4h-4",
    flip: "M10 3v14M7.5 6L3 14h4.5zM12.5 6l4.5 8h-4.5z",
    document: "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5M7.5 10h5M7.5 13h5",
    up: "M5 12l5-5 5 5",
    down: "M5 8l5 5 5-5",
    right: "M8 5l5 5-5 5",
    link: "M8.5 11.5a3 3 0 0 0 4.5.3l2.5-2.5a3 3 0 0 0-4.3-4.3L10 6.2M11.5 8.5a3 3 0 0 0-4.5-.3L4.5 10.7a3 3 0 0 0 4.3 4.3L10 13.8",
    bin: "M3.5 5.5h13M8 5.5V3.5h4v2M5.5 5.5l.7 11h7.6l.7-11M8.5 8.5v5M11.5 8.5v5",
    settings: "M3.5 6h6M14 6h2.5M3.5 14h2.5M10.5 14h6M11.8 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM8.2 12a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
    trend: "M3 16.5h14M3 13l4-4 3.5 3L16 5.5M12.5 5.5H16V9",
    warning: "M10 3l7.5 13.5h-15zM10 8v4M10 14.2v.1",
    ruler: "M3 13L13 3l4 4L7 17zM6 10l2 2M9 7l2 2M12 4l1.5 1.5",
    cross: "M3.5 14L14 3.5M6.5 6.5l7.5 7.5",
    angle: "M15 4L4 15.5h13M9.5 10a6 6 0 0 1 2.5 5.5",
    cobb: "M3 7l11-3M3 13l11 3M14 4v12",
    ellipse: "M10 5.5c4 0 7 2 7 4.5s-3 4.5-7 4.5-7-2-7-4.5 3-4.5 7-4.5z",
    rectangle: "M3 5.5h14v9H3z",
    circle: "M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z",
    freehand: "M4 13c-1-5 2-9 6-9 3 0 6 1 6 4s-3 2-4 4 1 4-2 4.5-5.5 0-6-3.5z",
    spline: "M3 15c0-7 5-9 7-5s7 2 7-5M3 15v.1M10 10v.1M17 5v.1",
    livewire: "M3 16l3-5 3 1 2-6 3 2 3-4M3 16v.1M9 12v.1M17 4v.1",
    arrow: "M16 4L5 15M5 9v6h6",
    probe: "M10 3v5M10 12v5M3 10h5M12 10h5",
    label: "M4 6V4h12v2M10 4v12M8 16h4",
    calibrate: "M3 6v8M17 6v8M3 10h14M6.5 8.5v3M10 8.5v3M13.5 8.5v3",
    key: "M12.5 3a4.5 4.5 0 1 0 1.5 8.700M9 10.5L3.5 16v1.5H7V15h2v-2l1-1M13 7v.1",
    undo: "M4 8h8a4.5 4.5 0 0 1 0 9H8M4 8l3.5-3.5M4 8l3.5 3.5",
    redo: "M16 8H8a4.5 4.5 0 0 0 0 9h4M16 8l-3.5-3.5M16 8l-3.5 3.5",
    delete: "M4 5.5h12M8 5.5V3.5h4v2M5.5 5.5l.8 11h7.400l.8-11M8.5 8.5v5M11.5 8.5v5",
    locked: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
    unlocked: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 5.800-1",
    visible: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
    hidden: "M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5zM4 16L16 4",
    list: "M3.5 5h1M7 5h9.5M3.5 10h1M7 10h9.5M3.5 15h1M7 15h9.5",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
    return (
        <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
            <path d={paths[name]} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
    );
}
