/** Which objects belong to slides: told apart before anything of a slide is read. */

import { text, texts, Tag, type Dataset } from "../dicomweb/json";

export type ApartKind = "LABEL" | "OVERVIEW" | "THUMBNAIL";

export const isSlide = (ds: Dataset): boolean => text(ds, Tag.sopClass) === "1.2.840.10008.5.1.4.1.1.77.1.6";

/** What an image of a slide is that is no level of it.   PS3.3 §C.8.12.4.1.1 */
export const apartKind = (ds: Dataset): ApartKind | undefined => texts(ds, Tag.imageType).find((v): v is ApartKind => v === "LABEL" || v === "OVERVIEW" || v === "THUMBNAIL");

export const isAnnotation = (ds: Dataset): boolean => text(ds, Tag.sopClass) === "1.2.840.10008.5.1.4.1.1.91.1";
