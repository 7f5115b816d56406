/** Runs `work` when the browser has nothing better to do; returns what cancels it. */
export function whenIdle(work: () => void, timeoutMs = 3000): () => void {
    if (typeof requestIdleCallback === "function") {
        const id = requestIdleCallback(work, { timeout: timeoutMs });
        return () => cancelIdleCallback(id);
    }
    const id = setTimeout(work, 200); /* Safari before 18 */
    return () => clearTimeout(id);
}
