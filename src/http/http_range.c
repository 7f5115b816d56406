/* http_range.c: the Range field. Only a single range is served as a part; several, or what we do
 * not understand, get the whole, as the standard allows.   RFC 9110 §14.2 */
#include "http_internal.h"

enum http_range_result http_range_parse(iso_str text, uint64_t length, uint64_t *from,
                                        uint64_t *bytes)
{
    iso_str  rest  = iso_str_trim(text);
    uint64_t first = 0;
    uint64_t last  = 0;

    if (!iso_str_eq_nocase(iso_str_cut(&rest, '='), ISO_STR("bytes")) || rest.ptr == NULL)
        return HTTP_RANGE_WHOLE;
    iso_str end   = iso_str_trim(rest);
    iso_str begin = iso_str_cut(&end, '-');
    if (end.ptr == NULL) /* no '-' at all */
        return HTTP_RANGE_WHOLE;
    if (begin.len == 0) { /* "-500": the last 500 bytes */
        if (!iso_str_to_u64(end, &last))
            return HTTP_RANGE_WHOLE;
        if (last == 0 || length == 0)
            return HTTP_RANGE_NONE;
        last   = last < length ? last : length;
        *from  = length - last;
        *bytes = last;
        return HTTP_RANGE_PART;
    }
    if (!iso_str_to_u64(begin, &first))
        return HTTP_RANGE_WHOLE;
    if (end.len == 0)
        last = UINT64_MAX;
    else if (!iso_str_to_u64(end, &last) || last < first)
        return HTTP_RANGE_WHOLE;
    if (first >= length)
        return HTTP_RANGE_NONE;
    *from  = first;
    *bytes = (last < length ? last + 1 : length) - first;
    return HTTP_RANGE_PART;
}
