/** A surface in space, lit from where one looks: drags turn it, the wheel comes nearer. Own WebGL 2, flat shading from the triangles
 *  themselves, edges from the corners' numbers. */

import type { Mesh } from "../dicom/stl";

const vertexShader = `#version 300 es
in vec3 place;
uniform mat3 turn;
uniform vec3 middle;
uniform vec2 scale;
uniform float depth;
out vec3 seen;
out vec3 corner;
void main() {
    seen = turn * (place - middle);
    int n = gl_VertexID % 3;
    corner = vec3(n == 0, n == 1, n == 2);
    gl_Position = vec4(seen.xy * scale, -seen.z * depth, 1.0);
}`;

const fragmentShader = `#version 300 es
precision highp float;
in vec3 seen;
in vec3 corner;
uniform vec3 color;
uniform bool wires;
out vec4 shade;
void main() {
    vec3 normal = normalize(cross(dFdx(seen), dFdy(seen)));
    vec3 near = corner / fwidth(corner);
    float edge = min(min(near.x, near.y), near.z);
    if (wires) {
        if (edge > 1.2) discard;
        shade = vec4(color, 1.0);
    } else {
        shade = vec4(color * (0.25 + 0.75 * abs(normal.z)), 1.0);
    }
}`;

type Turn = readonly number[]; /* 3 x 3, rows first */
const times = (a: Turn, b: Turn): number[] => Array.from({ length: 9 }, (_, i) => [0, 1, 2].reduce((sum, k) => sum + a[3 * Math.floor(i / 3) + k]! * b[3 * k + (i % 3)]!, 0));

function about(axis: "x" | "y", angle: number): Turn {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    return axis === "x" ? [1, 0, 0, 0, c, -s, 0, s, c] : [c, 0, s, 0, 1, 0, -s, 0, c];
}

/* From in front, a little from above and aside: three sides of a box are seen. The patient's feet are below. */
const opening = times(about("x", 0.45), times(about("y", -0.6), [1, 0, 0, 0, 0, 1, 0, -1, 0]));

const color = [0.86, 0.8, 0.7];
const ground = [0.07, 0.08, 0.09];
const zoomLeast = 0.2;
const zoomMost = 50;

export class MeshView {
    private readonly gl: WebGL2RenderingContext;
    private readonly program: WebGLProgram;
    private readonly middle: readonly number[];
    private readonly radius: number;
    private readonly resizing: ResizeObserver;
    private turn: readonly number[] = opening;
    private zoomed = 1;
    private asked = 0;
    wires = false;

    /** Throws when the browser has no WebGL 2, or the surface does not fit into it. */
    constructor(
        private readonly canvas: HTMLCanvasElement,
        private readonly mesh: Mesh,
    ) {
        const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
        if (!gl) throw new Error("WebGL 2");
        this.gl = gl;
        this.program = this.link();
        gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
        gl.bufferData(gl.ARRAY_BUFFER, mesh.positions, gl.STATIC_DRAW);
        if (gl.getError() === gl.OUT_OF_MEMORY) throw new Error("memory");
        const at = gl.getAttribLocation(this.program, "place");
        gl.enableVertexAttribArray(at);
        gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
        gl.enable(gl.DEPTH_TEST);
        this.middle = mesh.low.map((l, i) => (l + mesh.high[i]!) / 2);
        this.radius = Math.hypot(...mesh.low.map((l, i) => mesh.high[i]! - l)) / 2 || 1;
        this.resizing = new ResizeObserver(() => this.redraw());
        this.resizing.observe(canvas);
    }

    private link(): WebGLProgram {
        const gl = this.gl;
        const program = gl.createProgram();
        for (const [kind, source] of [[gl.VERTEX_SHADER, vertexShader], [gl.FRAGMENT_SHADER, fragmentShader]] as const) {
            const shader = gl.createShader(kind)!;
            gl.shaderSource(shader, source);
            gl.compileShader(shader);
            gl.attachShader(program, shader);
        }
        gl.linkProgram(program);
        if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "WebGL");
        return program;
    }

    redraw(): void {
        if (this.asked === 0)
            this.asked = requestAnimationFrame(() => {
                this.asked = 0;
                this.draw();
            });
    }

    private draw(): void {
        const { gl, canvas } = this;
        const dense = devicePixelRatio || 1;
        const [width, height] = [Math.round(canvas.clientWidth * dense), Math.round(canvas.clientHeight * dense)];
        if (width === 0 || height === 0 || gl.isContextLost()) return;
        [canvas.width, canvas.height] = [width, height];
        gl.viewport(0, 0, width, height);
        gl.clearColor(ground[0]!, ground[1]!, ground[2]!, 1);
        gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
        gl.useProgram(this.program);
        const of = (name: string) => gl.getUniformLocation(this.program, name);
        const fit = (0.92 * this.zoomed * Math.min(width, height)) / this.radius;
        gl.uniformMatrix3fv(of("turn"), true, this.turn);
        gl.uniform3fv(of("middle"), this.middle);
        gl.uniform2f(of("scale"), fit / width, fit / height);
        gl.uniform1f(of("depth"), 0.99 / this.radius);
        gl.uniform3fv(of("color"), color);
        gl.uniform1i(of("wires"), this.wires ? 1 : 0);
        gl.drawArrays(gl.TRIANGLES, 0, 3 * this.mesh.triangles);
    }

    /** By CSS pixels: half the picture's width is half a turn. */
    rotate(dx: number, dy: number): void {
        const per = Math.PI / Math.max(1, this.canvas.clientHeight);
        this.turn = times(times(about("x", dy * per), about("y", dx * per)), this.turn);
        this.redraw();
    }

    zoom(factor: number): void {
        this.zoomed = Math.max(zoomLeast, Math.min(zoomMost, this.zoomed * factor));
        this.redraw();
    }

    reset(): void {
        this.turn = opening;
        this.zoomed = 1;
        this.redraw();
    }

    close(): void {
        cancelAnimationFrame(this.asked);
        this.resizing.disconnect();
        this.gl.getExtension("WEBGL_lose_context")?.loseContext();
    }
}
