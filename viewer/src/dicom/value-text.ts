/** A value as it is told beside a picture: whole numbers whole, others with as many places as matter. */
export function valueText(value: number, unit: string): string {
    const places = Number.isInteger(value) || Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
    return `${value.toFixed(places)}${unit ? ` ${unit}` : ""}`;
}
