declare module "virtual:tag-names" {
    const table: string;
    export default table;
}
