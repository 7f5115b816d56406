/** The two pictures of a volume, as WebGL 2 draws them: a plane with its slab, and light through space. Places are in the
 *  patient, mm; `toTexture` leads from there into the volume's texture, where 0 to 1 is from edge to edge. */

export const vertex = `#version 300 es
void main() { /* one triangle over everything */
    gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

const head = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler3D;
uniform vec2 size;      /* of the picture, in pixels */
uniform vec3 corner;    /* its upper left corner */
uniform vec3 right;     /* from pixel to pixel */
uniform vec3 down;
out vec4 color;
bool isIn(vec3 t, vec3 lo, vec3 hi) { return all(greaterThanEqual(t, lo)) && all(lessThanEqual(t, hi)); }
vec3 place() { return corner + right * gl_FragCoord.x + down * (size.y - gl_FragCoord.y); }
`;

/* blend: 0 the plane alone, 1 the highest, 2 the lowest, 3 the mean of the slab */
export const plane = `${head}
uniform sampler3D base;
uniform mat4 baseToTexture;
uniform float baseScale;
uniform vec2 baseRange;
uniform sampler2D baseMap;
uniform bool isGrey;
uniform bool isInverse;
uniform sampler3D over;
uniform mat4 overToTexture;
uniform float overScale;
uniform vec2 overRange;
uniform sampler2D overMap;
uniform float overShare; /* 0: nothing is laid over */
uniform vec3 stepBy;
uniform int steps;
uniform int blend;

bool gather(sampler3D volume, mat4 toTexture, vec3 p, out float value) {
    float sum = 0.0;
    float count = 0.0;
    for (int i = 0; i < steps; i++) {
        vec3 t = (toTexture * vec4(p + stepBy * (float(i) - 0.5 * float(steps - 1)), 1.0)).xyz;
        if (!isIn(t, vec3(0.0), vec3(1.0))) continue;
        float v = texture(volume, t).r;
        if (count == 0.0) sum = v;
        else if (blend == 1) sum = max(sum, v);
        else if (blend == 2) sum = min(sum, v);
        else sum += v;
        count += 1.0;
    }
    value = blend == 3 && count > 0.0 ? sum / count : sum;
    return count > 0.0;
}

float shareOf(float value, vec2 range) { return clamp((value - range.x) / (range.y - range.x), 0.0, 1.0); }
vec3 mapped(sampler2D map, float share) { return texture(map, vec2((share * 255.0 + 0.5) / 256.0, 0.5)).rgb; }

void main() {
    vec3 p = place();
    float value;
    vec3 rgb = vec3(0.0);
    if (gather(base, baseToTexture, p, value)) {
        float share = shareOf(value * baseScale, baseRange);
        if (isInverse) share = 1.0 - share;
        rgb = isGrey ? vec3(share) : mapped(baseMap, share);
    }
    if (overShare > 0.0 && gather(over, overToTexture, p, value)) {
        float share = shareOf(value * overScale, overRange);
        rgb = mix(rgb, mapped(overMap, share), overShare * min(1.0, 4.0 * share)); /* what is next to nothing hides nothing */
    }
    color = vec4(rgb, 1.0);
}`;

export const space = `${head}
uniform sampler3D base;
uniform mat4 baseToTexture;
uniform float baseScale;
uniform vec3 ray;       /* away from the eye, a unit vector */
uniform float stepMm;
uniform float deepMm;   /* from the picture's plane to the far end */
uniform float unitMm;   /* the depth that the opacities are meant for */
uniform vec3 cropLo;    /* in the texture */
uniform vec3 cropHi;
uniform vec2 range;     /* of values, from end to end of the map */
uniform sampler2D map;
uniform bool isMaximum;
uniform vec3 voxel;     /* the size of one in the texture */
uniform bool hasSurfaces;
uniform sampler2D surfaceColor; /* as they are seen; alpha: how much they cover */
uniform sampler2D surfaceDepth; /* 0 to 1 for deepMm; 1: there is none */

float at(vec3 t) { return texture(base, t).r * baseScale; }
vec3 slope(vec3 t) {
    return vec3(at(t + vec3(voxel.x, 0, 0)) - at(t - vec3(voxel.x, 0, 0)),
                at(t + vec3(0, voxel.y, 0)) - at(t - vec3(0, voxel.y, 0)),
                at(t + vec3(0, 0, voxel.z)) - at(t - vec3(0, 0, voxel.z)));
}

void main() {
    vec3 p = place();
    vec3 from = (baseToTexture * vec4(p, 1.0)).xyz;
    vec3 by = (baseToTexture * vec4(ray, 0.0)).xyz; /* for each mm */
    vec3 inv = 1.0 / (by + vec3(equal(by, vec3(0.0))) * 1e-9);
    vec3 a = (cropLo - from) * inv;
    vec3 b = (cropHi - from) * inv;
    vec3 near = min(a, b);
    vec3 far = max(a, b);
    float start = max(max(near.x, near.y), max(near.z, 0.0));
    float end = min(min(far.x, far.y), min(far.z, deepMm));
    vec3 rgb = vec3(0.0);
    float seen = 0.0;
    float highest = 0.0;
    vec3 toEye = -normalize(by / max(voxel, vec3(1e-9)));
    float surfaceAt = hasSurfaces ? texelFetch(surfaceDepth, ivec2(gl_FragCoord.xy), 0).r : 1.0;
    vec4 surface = surfaceAt < 1.0 ? texelFetch(surfaceColor, ivec2(gl_FragCoord.xy), 0) : vec4(0.0);
    surfaceAt *= deepMm;
    float jitter = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453);
    for (float d = start + stepMm * (isMaximum ? 0.5 : jitter); d < end; d += stepMm) {
        if (surface.a > 0.0 && d > surfaceAt && !isMaximum) {
            rgb += (1.0 - seen) * surface.a * surface.rgb;
            seen += (1.0 - seen) * surface.a;
            surface.a = 0.0;
            if (seen > 0.98) break;
        }
        vec3 t = from + by * d;
        float share = clamp((at(t) - range.x) / (range.y - range.x), 0.0, 1.0);
        if (isMaximum) {
            highest = max(highest, share);
            if (highest >= 1.0) break;
            continue;
        }
        vec4 c = texture(map, vec2((share * 1023.0 + 0.5) / 1024.0, 0.5));
        if (c.a < 0.002) continue;
        float alpha = 1.0 - pow(1.0 - min(c.a, 0.999), stepMm / unitMm);
        vec3 g = slope(t);
        float steep = length(g);
        float facing = steep > 0.0 ? abs(dot(g / steep, toEye)) : 1.0;
        vec3 lit = c.rgb * (0.25 + 0.75 * facing) + 0.18 * pow(facing, 24.0);
        rgb += (1.0 - seen) * alpha * lit;
        seen += (1.0 - seen) * alpha;
        if (seen > 0.98) break;
    }
    rgb = isMaximum ? mix(vec3(highest), surface.rgb, surface.a) : rgb + (1.0 - seen) * surface.a * surface.rgb;
    color = vec4(min(rgb, 1.0), 1.0);
}`;
