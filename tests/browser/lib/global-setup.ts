/* The server under test: the one at ISOCENTER_URL, or our own binary on a fresh folder and free ports. */
import { serve } from "./process";

export default async function globalSetup(): Promise<(() => Promise<void>) | void> {
    if (process.env["ISOCENTER_URL"]) return;
    const server = await serve("server");
    process.env["ISOCENTER_URL"] = server.url;
    return server.stop;
}
