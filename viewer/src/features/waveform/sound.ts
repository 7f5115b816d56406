/** Sound of a waveform, through the browser's own mixer. */

import type { Samples } from "../../dicom/waveform";

let context: AudioContext | undefined;
let playing: AudioBufferSourceNode | undefined;
const rates = [3000, 192000] as const; /* that a browser takes, about */

/** Plays its channels (two at most) from the start, as loud as fits; again: stops. */
export function play(s: Samples): void {
    if (playing) return playing.stop();
    if (s.count === 0) return;
    context ??= new AudioContext();
    const rate = Math.min(rates[1], Math.max(rates[0], s.group.frequency));
    const every = s.group.frequency / rate;
    const buffer = context.createBuffer(Math.min(2, s.group.channels.length), Math.max(1, Math.floor(s.count / every)), rate);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
        const [low, high] = s.range(channel, 0, s.count) ?? [0, 1];
        const [middle, half] = [(low + high) / 2, (high - low) / 2 || 1];
        const out = buffer.getChannelData(channel);
        for (let i = 0; i < out.length; i++) {
            const value = s.value(channel, Math.floor(i * every));
            out[i] = Number.isNaN(value) ? 0 : (value - middle) / half;
        }
    }
    playing = new AudioBufferSourceNode(context, { buffer });
    playing.connect(context.destination);
    playing.onended = () => (playing = undefined);
    void context.resume();
    playing.start();
}
