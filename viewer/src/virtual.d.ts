declare module "virtual:tag-names" {
    const table: string;
    export default table;
}

/* What emcc makes of a codec: a function that starts it. */
declare module "@cornerstonejs/codec-*js" {
    interface Decoder {
        getEncodedBuffer(bytes: number): Uint8Array; /* to be filled */
        decode(): void;
        getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number; isSigned?: boolean | number };
        getDecodedBuffer(): Uint8Array; /* in the codec's memory, until the next frame */
        delete(): void;
    }
    interface Codec {
        JpegLSDecoder: new () => Decoder;
        J2KDecoder: new () => Decoder;
        HTJ2KDecoder: new () => Decoder;
        JpegXLDecoder: new () => Decoder;
        JPEGDecoder: new () => Decoder;
        getExceptionMessage?: (thrown: number) => string;
    }
    const start: (options: { locateFile: (name: string) => string }) => Promise<Codec>;
    export default start;
}
