/** A number among the settings. */
export function NumberField({ label, value, set }: { label: string; value: number; set: (v: number) => void }) {
    return (
        <label class="segment-field">
            <span>{label}</span>
            <input class="filter" type="number" value={value} onChange={(e) => Number.isFinite(e.currentTarget.valueAsNumber) && set(e.currentTarget.valueAsNumber)} />
        </label>
    );
}
