/** A bounded queue of background loads, most urgent first. What is no longer wanted never starts, and what
 *  runs is aborted. */

export interface Task {
    key: string;
    run: (signal: AbortSignal) => Promise<unknown>;
}

export class LoadQueue {
    private waiting: Task[] = [];
    private readonly running = new Map<string, AbortController>();
    private held = 0;

    constructor(private readonly limit: number) {}

    /** Replaces what waits; what runs and is not among `tasks` is aborted. */
    replace(tasks: readonly Task[]): void {
        const wanted = new Set(tasks.map((t) => t.key));
        for (const [key, abort] of this.running) if (!wanted.has(key)) abort.abort();
        this.waiting = tasks.filter((t) => !this.running.has(t.key));
        this.pump();
    }

    clear(): void {
        this.replace([]);
    }

    /** Starts nothing new until released: something more urgent is under way. */
    hold(): () => void {
        this.held++;
        let done = false;
        return () => {
            if (done) return;
            done = true;
            this.held--;
            this.pump();
        };
    }

    private pump(): void {
        while (this.held === 0 && this.running.size < this.limit) {
            const task = this.waiting.shift();
            if (!task) return;
            const abort = new AbortController();
            this.running.set(task.key, abort);
            void task
                .run(abort.signal)
                .catch(() => undefined) /* the viewport asks again, and shows the error, if it comes to this frame */
                .finally(() => {
                    this.running.delete(task.key);
                    this.pump();
                });
        }
    }
}

/** 0-based indices from `center` outwards, those ahead (in the direction of travel) first. */
export function centreOut(center: number, count: number, limit: number): number[] {
    const order = [center];
    for (let d = 1; order.length < Math.min(count, limit) && d < count; d++) {
        if (center + d < count) order.push(center + d);
        if (center - d >= 0 && order.length < limit) order.push(center - d);
    }
    return order;
}
