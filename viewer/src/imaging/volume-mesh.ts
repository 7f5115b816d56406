/** Surfaces in space, drawn into a picture of their own with its depth: the volume's rays end or go on there. */

import type { Surface } from "../dicom/surface";
import type { Vec3 } from "../dicom/vector";

export interface ShownSurface {
    surface: Surface;
    color: Vec3; /* 0 to 1 */
    opacity: number;
}

/* Parallel light and parallel rays, as the volume is seen: depth is linear, 0 to 1 from the picture's plane to the far end. */
export const meshVertex = `#version 300 es
precision highp float;
layout(location = 0) in vec3 point;
layout(location = 1) in vec3 normal;
uniform vec2 size;
uniform vec3 corner;
uniform vec3 right;
uniform vec3 down;
uniform vec3 ray;
uniform float deepMm;
uniform mat4 baseToTexture;
out vec3 across;
out vec3 inBox;
void main() {
    vec3 p = point - corner;
    vec2 at = vec2(dot(p, right) / dot(right, right), dot(p, down) / dot(down, down)) / size;
    gl_Position = vec4(2.0 * at.x - 1.0, 1.0 - 2.0 * at.y, 2.0 * dot(p, ray) / deepMm - 1.0, 1.0);
    across = normal;
    inBox = (baseToTexture * vec4(point, 1.0)).xyz;
}`;

export const meshFragment = `#version 300 es
precision highp float;
in vec3 across;
in vec3 inBox;
uniform vec3 ray;
uniform vec4 tint;
uniform vec3 cropLo;
uniform vec3 cropHi;
out vec4 color;
void main() {
    vec3 slack = vec3(1.0 / 32.0); /* at the rim of the volume the surface lies half a voxel outside */
    if (any(lessThan(inBox, cropLo - slack * step(cropLo, vec3(0.0)))) || any(greaterThan(inBox, cropHi + slack * step(vec3(1.0), cropHi)))) discard;
    float facing = abs(dot(normalize(across), ray));
    color = vec4(min(tint.rgb * (0.25 + 0.75 * facing) + 0.18 * pow(facing, 24.0), 1.0), tint.a);
}`;

interface Mesh {
    array: WebGLVertexArrayObject;
    buffers: readonly WebGLBuffer[];
    count: number;
}

export class MeshPicture {
    readonly color: WebGLTexture;
    readonly depth: WebGLTexture;
    private readonly frame: WebGLFramebuffer;
    private readonly meshes = new Map<Surface, Mesh>();
    private width = 0;
    private height = 0;

    constructor(private readonly gl: WebGL2RenderingContext) {
        this.color = gl.createTexture();
        this.depth = gl.createTexture();
        this.frame = gl.createFramebuffer();
    }

    private fit(width: number, height: number): void {
        const { gl } = this;
        if (width === this.width && height === this.height) return;
        [this.width, this.height] = [width, height];
        gl.activeTexture(gl.TEXTURE0);
        for (const [texture, internal, format, type] of [[this.color, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE], [this.depth, gl.DEPTH_COMPONENT24, gl.DEPTH_COMPONENT, gl.UNSIGNED_INT]] as const) {
            gl.bindTexture(gl.TEXTURE_2D, texture);
            gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, type, null);
            for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
            for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
        }
        gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
        gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.color, 0);
        gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, this.depth, 0);
    }

    private meshOf(surface: Surface): Mesh {
        const { gl } = this;
        let mesh = this.meshes.get(surface);
        if (mesh) return mesh;
        const array = gl.createVertexArray();
        gl.bindVertexArray(array);
        const filled = (target: number, data: Float32Array | Uint32Array) => {
            const buffer = gl.createBuffer();
            gl.bindBuffer(target, buffer);
            gl.bufferData(target, data, gl.STATIC_DRAW);
            return buffer;
        };
        const buffers = [surface.points, surface.normals].map((data, place) => {
            const buffer = filled(gl.ARRAY_BUFFER, data);
            gl.enableVertexAttribArray(place);
            gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
            return buffer;
        });
        mesh = { array, buffers: [...buffers, filled(gl.ELEMENT_ARRAY_BUFFER, surface.triangles)], count: surface.triangles.length };
        this.meshes.set(surface, mesh);
        return mesh;
    }

    /** Draws with the program that is in use; `tint` sets the colour of what comes next. Those not drawn any more are let go. */
    draw(list: readonly ShownSurface[], width: number, height: number, tint: (rgb: Vec3, opacity: number) => void): void {
        const { gl } = this;
        this.fit(width, height);
        for (const [surface, { array, buffers }] of this.meshes) {
            if (list.some((s) => s.surface === surface)) continue;
            gl.deleteVertexArray(array);
            buffers.forEach((b) => gl.deleteBuffer(b));
            this.meshes.delete(surface);
        }
        gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
        gl.enable(gl.DEPTH_TEST);
        gl.clearColor(0, 0, 0, 0);
        gl.clearDepth(1);
        gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
        for (const { surface, color, opacity } of list) {
            if (opacity <= 0) continue;
            tint(color, opacity);
            const mesh = this.meshOf(surface);
            gl.bindVertexArray(mesh.array);
            gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
        }
        gl.disable(gl.DEPTH_TEST);
        gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    }
}
