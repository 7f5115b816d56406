/** Finding one's way in the content of a report, of which nothing is trusted. */

import { items, number, type Dataset } from "../dicomweb/json";
import { codeOf, isCode, tagOf } from "./dataset";
import type { Code } from "./measurement";
import { Concept } from "./sr-codes";

const depthMost = 16;
const groupsMost = 1000;

export const childrenOf = (item: Dataset): Dataset[] => items(item, tagOf("ContentSequence"));
export const conceptOf = (item: Dataset): Code | undefined => codeOf(items(item, tagOf("ConceptNameCodeSequence"))[0]);

/** The number that a content item tells. */
export function measuredOf(item: Dataset): number | undefined {
    const measured = items(item, tagOf("MeasuredValueSequence"))[0];
    return number(measured, tagOf("FloatingPointValue")) ?? number(measured, tagOf("NumericValue"));
}

/** Those of a list that are about a concept. */
export const about = (list: readonly Dataset[], concept: Code): Dataset[] => list.filter((item) => isCode(conceptOf(item), concept));

/** The measurement groups of a report, as far as they are not too many. */
export function measurementGroups(report: Dataset): Dataset[] {
    const found: Dataset[] = [];
    const walk = (item: Dataset, depth: number): void => {
        for (const child of childrenOf(item)) {
            if (found.length >= groupsMost) return;
            if (isCode(conceptOf(child), Concept.group)) found.push(child);
            else if (depth < depthMost) walk(child, depth + 1);
        }
    };
    walk(report, 0);
    return found;
}
