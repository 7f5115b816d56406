/** Studies on their way to other applications: the server sends, this asks how far it is, also when no dialog shows it. */

import { signal } from "@preact/signals";
import { sendJob, sendStudies, type SendJob } from "../../dicomweb/client";
import { tell } from "../../ui/notice";
import { count, t } from "../../ui/text";

const askMs = 400;

/** The job that the dialog shows, if it shows one. */
export const shown = signal<SendJob | undefined>(undefined);

export const hasEnded = (job: SendJob): boolean => job.state === "ended" || job.state === "failed" || job.state === "cancelled";

/** How it ended, in words. */
export function outcome(job: SendJob): string {
    if (job.state === "ended") return t("{count} objects were sent to {peer}", { count: count(job.sent + job.warned), peer: job.peer });
    const values = { count: count(job.sent + job.warned), total: count(job.total), peer: job.peer };
    return job.state === "cancelled" ? t("Stopped: {count} of {total} objects were sent to {peer}", values) : t("Only {count} of {total} objects were sent to {peer}", values);
}

/** Begins, and follows it to its end; who has closed the dialog by then is told. */
export async function send(peer: string, studies: readonly string[]): Promise<void> {
    let job = await sendStudies(peer, studies);
    shown.value = job;
    while (!hasEnded(job)) {
        await new Promise((done) => setTimeout(done, askMs));
        job = await sendJob(job.id);
        if (shown.value?.id === job.id) shown.value = job;
    }
    if (shown.value?.id !== job.id) tell([outcome(job), job.state === "failed" ? job.error : ""].filter(Boolean).join(": "), job.state === "failed");
}
