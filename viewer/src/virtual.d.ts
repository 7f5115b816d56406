declare module "virtual:tag-names" {
    const table: string;
    export default table;
}
declare module "virtual:named-keywords" {
    const keywords: string;
    export default keywords;
}
