/** The image codecs, in a worker: compressed bytes in, stored values out. Each is fetched when it is first needed. */

import type { CodecName, Job, Done } from "./codecs";
import type { Pixels } from "./pixels";

type Frame = Omit<Job, "id" | "codec">;
type Decode = (frame: Frame) => Pixels;

/* What emcc makes of each codec has one form. */
type Start = (typeof import("@cornerstonejs/codec-charls/decodewasmjs"))["default"];
type Codec = Awaited<ReturnType<Start>>;
type Kind = { [K in keyof Codec]: Codec[K] extends (new () => infer D) | undefined ? (D extends { decode(): void } ? K : never) : never }[keyof Codec] & string;

async function wasm(start: Start, url: string, kind: Kind, isSignedBy: "data set" | "stream"): Promise<Decode> {
    const codec = await start({ locateFile: () => url });
    return ({ bytes, signed }) => {
        const decoder = new codec[kind]();
        try {
            decoder.getEncodedBuffer(bytes.length).set(bytes);
            decoder.decode();
            const { bitsPerSample, componentCount, isSigned } = decoder.getFrameInfo();
            const { buffer, byteOffset, byteLength } = decoder.getDecodedBuffer();
            const own = buffer.slice(byteOffset, byteOffset + byteLength);
            const hasSign = componentCount === 1 && (isSignedBy === "data set" ? signed : Boolean(isSigned));
            if (bitsPerSample > 8) return hasSign ? new Int16Array(own) : new Uint16Array(own);
            return hasSign ? new Int8Array(own) : new Uint8Array(own);
        } catch (e) {
            throw typeof e === "number" && codec.getExceptionMessage ? new Error(codec.getExceptionMessage(e)) : e;
        } finally {
            decoder.delete();
        }
    };
}

async function jpegLossless(): Promise<Decode> {
    const { Decoder } = await import("@cornerstonejs/jpeg-lossless-decoder-js");
    return ({ bytes, bitsAllocated, signed }) => {
        const { buffer } = new Decoder().decode(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length, bitsAllocated <= 8 ? 1 : 2);
        if (signed) return new Int16Array(buffer);
        return bitsAllocated === 16 ? new Uint16Array(buffer) : new Uint8Array(buffer);
    };
}

const starts: Readonly<Record<CodecName, () => Promise<Decode>>> = {
    jpegLossless,
    jpeg: async () => {
        const [code, url] = await Promise.all([import("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs"), import("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm?url")]);
        return wasm(code.default, url.default, "JPEGDecoder", "stream");
    },
    jpegLs: async () => {
        const [code, url] = await Promise.all([import("@cornerstonejs/codec-charls/decodewasmjs"), import("@cornerstonejs/codec-charls/decodewasm?url")]);
        return wasm(code.default, url.default, "JpegLSDecoder", "data set");
    },
    jpeg2000: async () => {
        const [code, url] = await Promise.all([import("@cornerstonejs/codec-openjpeg/decodewasmjs"), import("@cornerstonejs/codec-openjpeg/decodewasm?url")]);
        return wasm(code.default, url.default, "J2KDecoder", "stream");
    },
    htj2k: async () => {
        const [code, url] = await Promise.all([import("@cornerstonejs/codec-openjph/wasmjs"), import("@cornerstonejs/codec-openjph/wasm?url")]);
        return wasm(code.default, url.default, "HTJ2KDecoder", "stream");
    },
    jpegXl: async () => {
        const [code, url] = await Promise.all([import("@cornerstonejs/codec-libjxl/decodewasmjs"), import("@cornerstonejs/codec-libjxl/decodewasm?url")]);
        return wasm(code.default, url.default, "JpegXLDecoder", "data set");
    },
};

const started = new Map<CodecName, Promise<Decode>>();

/* Where the data set says that values have a sign, their highest stored bit is it, whatever the stream says. */
function withSign(values: Pixels, bitsStored: number): Pixels {
    const own = values instanceof Uint16Array ? new Int16Array(values.buffer) : values instanceof Uint8Array ? new Int8Array(values.buffer) : values;
    const up = 32 - bitsStored;
    for (let i = 0; i < own.length; i++) own[i] = (own[i]! << up) >> up;
    return own;
}

addEventListener("message", ({ data: { id, codec, ...frame } }: MessageEvent<Job>) => {
    const decoding = started.get(codec) ?? starts[codec]();
    started.set(codec, decoding);
    decoding
        .then((decode) => {
            const values = decode(frame);
            const pixels = frame.signed ? withSign(values, frame.bitsStored) : values;
            const done: Done = { id, pixels };
            postMessage(done, { transfer: [pixels.buffer as ArrayBuffer] });
        })
        .catch((e: unknown) => {
            const done: Done = { id, why: e instanceof Error ? e.message : String(e) };
            postMessage(done);
        });
});
