/** The renderer of volumes: one WebGL 2 context for all panes, so that a volume lies in the graphics memory once. Each
 *  picture is drawn here and copied into its pane's canvas. */

import type { Blend } from "../dicom/plane-grid";
import { dot, scale, type Vec3 } from "../dicom/vector";
import type { Box } from "../dicom/volume";
import { t } from "../ui/text";
import { Refused } from "./view";
import { MeshPicture, meshFragment, meshVertex, type ShownSurface } from "./volume-mesh";
import { plane, space, vertex } from "./volume-shaders";

export type Voxels = Uint8Array | Uint16Array | Int16Array | Float32Array;

interface Format {
    internal: number;
    type: number;
    scale: number; /* from what the texture says to the value */
}

/** Where the pixels of a picture lie in the patient. */
export interface Screen {
    width: number; /* of the picture, in pixels */
    height: number;
    corner: Vec3; /* upper left */
    right: Vec3; /* from pixel to pixel */
    down: Vec3;
}

export interface Range {
    lower: number;
    upper: number;
}

export type ColorMap = Uint8Array; /* 256 times RGBA */

export interface PlanePicture {
    base: VolumeTexture;
    range: Range;
    map: ColorMap | undefined; /* grey without */
    inverse: boolean;
    over: { texture: VolumeTexture; range: Range; map: ColorMap; share: number } | undefined;
    blend: Blend;
    slabStep: Vec3;
    slabSteps: number;
}

export interface SpacePicture {
    base: VolumeTexture;
    ray: Vec3;
    stepMm: number;
    deepMm: number;
    unitMm: number;
    crop: readonly [lo: Vec3, hi: Vec3]; /* shares of the box */
    range: Range;
    map: Uint8Array; /* 1024 times RGBA */
    maximum: boolean;
    surfaces: readonly ShownSurface[];
}

const blends: Readonly<Record<Blend, number>> = { none: 0, max: 1, min: 2, mean: 3 };

export class VolumeTexture {
    constructor(
        private readonly gl: WebGL2RenderingContext,
        readonly texture: WebGLTexture,
        readonly box: Box,
        readonly format: Format,
    ) {}

    /** Fills slice `k`. */
    put(k: number, voxels: Voxels): void {
        const { gl } = this;
        const [columns, rows] = this.box.size;
        gl.bindTexture(gl.TEXTURE_3D, this.texture);
        gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
        gl.texSubImage3D(gl.TEXTURE_3D, 0, 0, 0, k, columns, rows, 1, gl.RED, this.format.type, voxels);
    }

    /** From the patient into the texture, column by column. */
    get toTexture(): Float32Array {
        const { axes, stepMm, size, origin } = this.box;
        const rows = axes.map((a, i) => scale(a, 1 / (stepMm[i]! * size[i]!)));
        const shift = rows.map((r, i) => 0.5 / size[i]! - dot(r, origin));
        return new Float32Array([0, 1, 2].flatMap((c) => [rows[0]![c]!, rows[1]![c]!, rows[2]![c]!, 0]).concat([shift[0]!, shift[1]!, shift[2]!, 1]));
    }

    free(): void {
        this.gl.deleteTexture(this.texture);
    }
}

let one: VolumeRenderer | undefined;

/** Throws `Refused` where there is no WebGL 2. */
export function renderer(): VolumeRenderer {
    one ??= new VolumeRenderer(() => (one = undefined));
    return one;
}

export class VolumeRenderer {
    readonly sideMax: number;
    private readonly canvas = new OffscreenCanvas(1, 1);
    private readonly gl: WebGL2RenderingContext;
    private readonly norm16: { R16_EXT: number; R16_SNORM_EXT: number } | null;
    private readonly floatLinear: boolean;
    private readonly programs: Readonly<Record<"plane" | "space" | "mesh", Program>>;
    private readonly surfaces: MeshPicture;
    private readonly nothing: WebGLVertexArrayObject; /* of the pictures that are one triangle */
    private readonly maps = new WeakMap<Uint8Array, WebGLTexture>();

    constructor(onLost: () => void) {
        const gl = this.canvas.getContext("webgl2", { antialias: false, depth: false, alpha: false, powerPreference: "high-performance" });
        if (!gl) throw new Refused(t("No volumes on this device"), t("Planes and 3D need WebGL 2, which this browser does not offer."));
        this.gl = gl;
        this.sideMax = gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) as number;
        this.norm16 = gl.getExtension("EXT_texture_norm16") as typeof this.norm16;
        this.floatLinear = gl.getExtension("OES_texture_float_linear") !== null;
        this.programs = { plane: new Program(gl, vertex, plane), space: new Program(gl, vertex, space), mesh: new Program(gl, meshVertex, meshFragment) };
        this.surfaces = new MeshPicture(gl);
        this.nothing = gl.createVertexArray();
        this.canvas.addEventListener("webglcontextlost", onLost);
    }

    /** Bytes that a voxel of this kind takes. */
    bytesOf(kind: Voxels): number {
        return kind instanceof Uint8Array ? 1 : !(kind instanceof Float32Array) && this.norm16 ? 2 : 4;
    }

    private formatOf(kind: Voxels): Format {
        const { gl, norm16 } = this;
        if (kind instanceof Uint8Array) return { internal: gl.R8, type: gl.UNSIGNED_BYTE, scale: 255 };
        if (norm16 && kind instanceof Uint16Array) return { internal: norm16.R16_EXT, type: gl.UNSIGNED_SHORT, scale: 65535 };
        if (norm16 && kind instanceof Int16Array) return { internal: norm16.R16_SNORM_EXT, type: gl.SHORT, scale: 32767 };
        return { internal: this.floatLinear ? gl.R32F : gl.R16F, type: gl.FLOAT, scale: 1 };
    }

    /** Room for a volume; `kind` says what its slices are given as: floats where the answer's format asks for floats. */
    create(box: Box, kind: Voxels): VolumeTexture {
        const { gl } = this;
        const format = this.formatOf(kind);
        const texture = gl.createTexture();
        gl.bindTexture(gl.TEXTURE_3D, texture);
        while (gl.getError() !== gl.NO_ERROR); /* what others left */
        gl.texStorage3D(gl.TEXTURE_3D, 1, format.internal, ...box.size);
        const failed = gl.getError() !== gl.NO_ERROR;
        for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(gl.TEXTURE_3D, side, gl.CLAMP_TO_EDGE);
        gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
        gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
        if (failed || !texture) throw new Refused(t("This volume is too large"), t("The graphics memory of this device does not take it."));
        return new VolumeTexture(gl, texture, box, format);
    }

    takesFloats(texture: VolumeTexture): boolean {
        return texture.format.type === this.gl.FLOAT;
    }

    drawPlane(into: HTMLCanvasElement, screen: Screen, p: PlanePicture): void {
        const program = this.begin("plane", screen);
        this.volume(program, "base", 0, p.base);
        program.set2("baseRange", p.range.lower, p.range.upper);
        program.set1i("isGrey", p.map ? 0 : 1);
        program.set1i("isInverse", p.inverse ? 1 : 0);
        this.map(program, "baseMap", 1, p.map ?? greyMap, 256);
        this.volume(program, "over", 2, p.over?.texture ?? p.base);
        program.set2("overRange", p.over?.range.lower ?? 0, p.over?.range.upper ?? 1);
        this.map(program, "overMap", 3, p.over?.map ?? greyMap, 256);
        program.set1("overShare", p.over?.share ?? 0);
        program.set3("stepBy", p.slabStep);
        program.set1i("steps", p.slabSteps);
        program.set1i("blend", blends[p.blend]);
        this.end(into, screen);
    }

    drawSpace(into: HTMLCanvasElement, screen: Screen, p: SpacePicture): void {
        if (p.surfaces.length > 0) this.drawSurfaces(screen, p);
        const program = this.begin("space", screen);
        program.set1i("hasSurfaces", p.surfaces.length > 0 ? 1 : 0);
        for (const [name, unit, texture] of [["surfaceColor", 2, this.surfaces.color], ["surfaceDepth", 3, this.surfaces.depth]] as const) {
            this.gl.activeTexture(this.gl.TEXTURE0 + unit);
            this.gl.bindTexture(this.gl.TEXTURE_2D, p.surfaces.length > 0 ? texture : null);
            program.set1i(name, unit);
        }
        this.volume(program, "base", 0, p.base);
        this.map(program, "map", 1, p.map, 1024);
        program.set3("ray", p.ray);
        program.set1("stepMm", p.stepMm);
        program.set1("deepMm", p.deepMm);
        program.set1("unitMm", p.unitMm);
        program.set3("cropLo", p.crop[0]);
        program.set3("cropHi", p.crop[1]);
        program.set2("range", p.range.lower, p.range.upper);
        program.set1i("isMaximum", p.maximum ? 1 : 0);
        program.set3("voxel", [1 / p.base.box.size[0], 1 / p.base.box.size[1], 1 / p.base.box.size[2]]);
        this.end(into, screen);
    }

    private drawSurfaces(screen: Screen, p: SpacePicture): void {
        const program = this.begin("mesh", screen);
        program.set3("ray", p.ray);
        program.set1("deepMm", p.deepMm);
        program.setMatrix("baseToTexture", p.base.toTexture);
        program.set3("cropLo", p.crop[0]);
        program.set3("cropHi", p.crop[1]);
        this.surfaces.draw(p.surfaces, screen.width, screen.height, ([r, g, b], opacity) => program.set4("tint", r, g, b, opacity));
        this.gl.bindVertexArray(this.nothing);
    }

    private begin(which: "plane" | "space" | "mesh", screen: Screen): Program {
        const { gl, canvas } = this;
        if (canvas.width < screen.width) canvas.width = screen.width;
        if (canvas.height < screen.height) canvas.height = screen.height;
        const program = this.programs[which];
        gl.useProgram(program.program);
        gl.bindVertexArray(this.nothing);
        gl.viewport(0, 0, screen.width, screen.height);
        program.set2("size", screen.width, screen.height);
        program.set3("corner", screen.corner);
        program.set3("right", screen.right);
        program.set3("down", screen.down);
        return program;
    }

    private end(into: HTMLCanvasElement, { width, height }: Screen): void {
        this.gl.drawArrays(this.gl.TRIANGLES, 0, 3);
        const context = into.getContext("2d", { alpha: false })!;
        context.imageSmoothingQuality = "high";
        context.drawImage(this.canvas, 0, this.canvas.height - height, width, height, 0, 0, into.width, into.height);
    }

    private volume(program: Program, name: string, unit: number, texture: VolumeTexture): void {
        const { gl } = this;
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_3D, texture.texture);
        program.set1i(name, unit);
        program.set1(`${name}Scale`, texture.format.scale);
        program.setMatrix(`${name}ToTexture`, texture.toTexture);
    }

    private map(program: Program, name: string, unit: number, rgba: Uint8Array, entries: number): void {
        const { gl } = this;
        let texture = this.maps.get(rgba) ?? null;
        gl.activeTexture(gl.TEXTURE0 + unit);
        if (!texture) {
            texture = gl.createTexture();
            this.maps.set(rgba, texture);
            gl.bindTexture(gl.TEXTURE_2D, texture);
            gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
            gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, entries, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
            for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
            for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
        } else gl.bindTexture(gl.TEXTURE_2D, texture);
        program.set1i(name, unit);
    }

    /** Gives a map back that is not used again. */
    forget(rgba: Uint8Array): void {
        this.gl.deleteTexture(this.maps.get(rgba) ?? null);
        this.maps.delete(rgba);
    }
}

const greyMap: ColorMap = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));

class Program {
    readonly program: WebGLProgram;
    private readonly places = new Map<string, WebGLUniformLocation | null>();

    constructor(
        private readonly gl: WebGL2RenderingContext,
        vertex: string,
        fragment: string,
    ) {
        this.program = gl.createProgram();
        for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
            const shader = gl.createShader(type)!;
            gl.shaderSource(shader, source);
            gl.compileShader(shader);
            gl.attachShader(this.program, shader);
            if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "shader");
        }
        gl.linkProgram(this.program);
        if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(this.program) ?? "program");
    }

    private at(name: string): WebGLUniformLocation | null {
        if (!this.places.has(name)) this.places.set(name, this.gl.getUniformLocation(this.program, name));
        return this.places.get(name)!;
    }

    set1(name: string, x: number): void {
        this.gl.uniform1f(this.at(name), x);
    }

    set1i(name: string, x: number): void {
        this.gl.uniform1i(this.at(name), x);
    }

    set2(name: string, x: number, y: number): void {
        this.gl.uniform2f(this.at(name), x, y);
    }

    set3(name: string, [x, y, z]: Vec3): void {
        this.gl.uniform3f(this.at(name), x, y, z);
    }

    set4(name: string, x: number, y: number, z: number, w: number): void {
        this.gl.uniform4f(this.at(name), x, y, z, w);
    }

    setMatrix(name: string, m: Float32Array): void {
        this.gl.uniformMatrix4fv(this.at(name), false, m);
    }
}
