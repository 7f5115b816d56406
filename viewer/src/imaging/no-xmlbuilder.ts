/* Stands in for xmlbuilder2 (see vite.config.ts): vtk.js pulls it in for file formats we never write. */
export function create(): never {
    throw new Error("XML documents are not built in the viewer");
}
export default { create };
