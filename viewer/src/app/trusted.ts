/** Under `require-trusted-types-for 'script'` the browser asks here before a string becomes code. Workers of our
 *  own origin may start; nothing else ever turns text into script or markup. */

interface TrustedTypes {
    createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): unknown;
}

const trustedTypes = (window as { trustedTypes?: TrustedTypes }).trustedTypes;

trustedTypes?.createPolicy("default", {
    createScriptURL(url) {
        if (new URL(url, location.href).origin !== location.origin) throw new TypeError(`no script from ${url}`);
        return url;
    },
});
