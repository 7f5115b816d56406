#include "test.h"

#include "dcm_charset.h"
#include "dcm_file.h"
#include "iso_utf8.h"
#include "samples.h"

#include <string.h>

static struct iso_arena arena;

static iso_str decode(const char *terms, enum dcm_vr vr, const char *raw, size_t len)
{
    struct dcm_charset set;

    dcm_charset_init(&set, iso_bytes_of(terms, strlen(terms)));
    return dcm_charset_decode(&set, vr, iso_bytes_of(raw, len), &arena);
}

#define DECODE(terms, vr, raw) decode(terms, vr, raw, sizeof(raw) - 1)

/* terms, VR, raw bytes, UTF-8; each also encodes back to the same bytes. */
static const struct {
    const char *terms;
    enum dcm_vr vr;
    const char *raw;
    const char *utf8;
} both_ways[] = {
    { "", DCM_VR_PN, "Plain^Ascii", "Plain^Ascii" },
    { "ISO_IR 100", DCM_VR_PN,
      "\xc4neas^R\xfc"
      "diger",
      "Äneas^Rüdiger" },
    { "ISO_IR 101", DCM_VR_LO, "Wa\xb3\xeasa", "Wałęsa" },
    { "ISO_IR 109", DCM_VR_LO,
      "\xd8"
      "ardeno",
      "Ĝardeno" },
    { "ISO_IR 110", DCM_VR_LO, "B\xbarzi\xf1\xb9", "Bērziņš" },
    { "ISO_IR 144", DCM_VR_PN, "\xbb\xee\xda", "Люк" },
    { "ISO_IR 127", DCM_VR_PN, "\xe2\xc8\xc7\xe6\xea", "قباني" },
    { "ISO_IR 126", DCM_VR_PN, "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος" },
    { "ISO_IR 138", DCM_VR_PN, "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה" },
    { "ISO_IR 148", DCM_VR_LO,
      "\xc7"
      "avu\xfeo\xf0lu",
      "Çavuşoğlu" },
    { "ISO_IR 203", DCM_VR_LO, "5 \xa4 \xbcuf", "5 € Œuf" },
    { "ISO_IR 166", DCM_VR_LO, "\xca\xc1\xaa\xd2\xc2", "สมชาย" },
    { "ISO_IR 13", DCM_VR_PN, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ" },
    { "ISO_IR 13", DCM_VR_LT, "\x5c 5 \x7e", "¥ 5 ‾" },
    { "ISO_IR 13", DCM_VR_LO, "\xd4\\\xcf", "ﾔ\\ﾏ" },
    { "ISO_IR 192", DCM_VR_PN, "Zhang=张^小东", "Zhang=张^小东" },
    { "GB18030", DCM_VR_PN, "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=" },
    { "GB18030", DCM_VR_LO, "\x81\x5c\\\x81\x5c \x95\x32\x82\x36", "乗\\乗 𠀀" },
    { "GB18030", DCM_VR_LO, "\x81\x30\x86\x30", "¸" },
    { "GBK", DCM_VR_LO, "\x81\x5c\\\xd0\xd8\xb2\xbf", "乗\\胸部" },
    /* PS3.5 annexes H.3.1, H.3.2, I.2, J.3 and K.2 */
    { "\\ISO 2022 IR 87", DCM_VR_PN,
      "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
      "Yamada^Tarou=山田^太郎=やまだ^たろう" },
    { "ISO 2022 IR 13\\ISO 2022 IR 87", DCM_VR_PN,
      "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$"
      "m$"
      "&\x1b(J",
      "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう" },
    { "\\ISO 2022 IR 149", DCM_VR_PN,
      "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)"
      "C\xb1\xe6\xb5\xbf",
      "Hong^Gildong=洪^吉洞=홍^길동" },
    { "\\ISO 2022 IR 58", DCM_VR_PN,
      "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东=" },
    { "\\ISO 2022 IR 58", DCM_VR_LT, "1. \x1b$)A\xb5\xda\xd2\xbb\r\n2. \x1b$)A\xb5\xda\r\n",
      "1. 第一\r\n2. 第\r\n" },
    { "\\ISO 2022 IR 159", DCM_VR_LO, "\x1b$(D0!\x1b(B x", "丂 x" },
    { "ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_PN, "M\xfcller=\x1b-L\xb8\xd2^\x1b-L\xbf",
      "Müller=Ив^П" },
};

static void defined_terms_both_ways(void **state) /* PS3.3 C.12.1.1.2, PS3.5 §6.1 */
{
    (void)state;
    for (size_t i = 0; i < sizeof both_ways / sizeof both_ways[0]; i++) {
        struct dcm_charset set;
        struct iso_err     err = { 0 };
        iso_bytes          raw = iso_bytes_of(both_ways[i].raw, strlen(both_ways[i].raw));
        iso_bytes          back;

        dcm_charset_init(&set, iso_bytes_of(both_ways[i].terms, strlen(both_ways[i].terms)));
        assert_false(set.unknown);
        assert_text(dcm_charset_decode(&set, both_ways[i].vr, raw, &arena), both_ways[i].utf8);
        assert_int_equal(dcm_charset_encode(&set, both_ways[i].vr, iso_str_c(both_ways[i].utf8),
                                            &arena, &back, &err),
                         ISO_OK);
        assert_true(iso_bytes_eq(raw, back));
    }
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof both_ways / sizeof both_ways[0]; i++)
        for (size_t n = 0; n < strlen(both_ways[i].raw); n++)
            assert_true(
                iso_utf8_valid(decode(both_ways[i].terms, both_ways[i].vr, both_ways[i].raw, n)));
}

static void spellings_are_forgiven(void **state)
{
    static const char *const latin1[] = { "ISO_IR 100 ",
                                          "ISO-IR 100",
                                          "ISO IR 100",
                                          "iso_ir 100",
                                          "ISO_IR_100",
                                          "ISO_IR100",
                                          "latin1",
                                          "ISO 2022 IR 100",
                                          "ISO-2022-IR 100",
                                          "iso8859-1",
                                          "ISO_IR 100\\ISO_IR 192" };
    static const char *const utf8[]   = { "ISO_IR_192", "utf8", "UTF-8",
                                          "ISO_IR 192\\ISO 2022 IR 87" };
    struct dcm_charset       set;

    (void)state;
    for (size_t i = 0; i < sizeof latin1 / sizeof latin1[0]; i++)
        assert_text(DECODE(latin1[i], DCM_VR_LO, "\xe9t\xe9"), "été");
    for (size_t i = 0; i < sizeof utf8 / sizeof utf8[0]; i++)
        assert_text(DECODE(utf8[i], DCM_VR_LO, "\xc3\xa9t\xc3\xa9"), "été");
    dcm_charset_init(&set, iso_bytes_of("ISO_IR 999", 10));
    assert_true(set.unknown);
}

static void what_has_no_meaning_is_replaced(void **state)
{
    (void)state;
    assert_text(DECODE("ISO_IR 192", DCM_VR_LO, "a\xc0\xaf\xed\xa0\x80z"),
                "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    assert_text(DECODE("GB18030", DCM_VR_LO, "a\x81\\b"), "a乗b");
    assert_text(DECODE("GB18030", DCM_VR_LO, "a\xff\\b\x81"), "a\xef\xbf\xbd\\b\xef\xbf\xbd");
    assert_text(DECODE("\\ISO 2022 IR 87", DCM_VR_LO, "\x1bZa"), "\xef\xbf\xbdZa");
    assert_text(DECODE("\\ISO 2022 IR 87", DCM_VR_LO, "\x1b$B;"), "\xef\xbf\xbd");
    assert_text(DECODE("ISO_IR 13", DCM_VR_LO, "\xd4\xff"), "ﾔ\xef\xbf\xbd");
}

static void undeclared_high_bytes_are_guessed(void **state)
{
    (void)state;
    assert_text(DECODE("", DCM_VR_LO, "\xe9t\xe9"), "été");
    assert_text(DECODE("", DCM_VR_LO, "\xc3\xa9t\xc3\xa9"), "été");
    assert_text(DECODE("ISO_IR 192", DCM_VR_CS, "\xe9"), "é"); /* CS has no character set */
    /* no escape after '^': the set that the terms name */
    assert_text(DECODE("\\ISO 2022 IR 149", DCM_VR_PN, "\x1b$)C\xfb\xf3^\xd1\xce"), "洪^吉");
    assert_text(DECODE("\\ISO 2022 IR 100", DCM_VR_PN, "Buc^J\xe9r\xf4me"), "Buc^Jérôme");
}

static void delimiters_reset(void **state) /* PS3.5 §6.1.2.5.3 */
{
    (void)state;
    /* never switched back before '=': pairs end where the delimiter cannot be half of one */
    assert_text(DECODE("\\ISO 2022 IR 87", DCM_VR_PN, "\x1b$B;3\x1b(B=x"), "山=x");
    assert_text(DECODE("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_LO, "\x1b-L\xb8\\\xe9"), "И\\é");
    assert_text(DECODE("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_LT, "\x1b-L\xb8\\\xb8\r\n\xe9"),
                "И\\И\r\né"); /* one value: the backslash is text */
    assert_text(DECODE("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_PN, "\x1b-L\xb8^\xe9"), "И^é");
    assert_text(DECODE("ISO 2022 IR 100\\ISO 2022 IR 144", DCM_VR_LO, "\x1b-L\xb8^\xb8"), "И^И");
}

static void what_a_set_cannot_say_is_told(void **state)
{
    struct dcm_charset set;
    struct iso_err     err = { 0 };
    iso_bytes          raw;

    (void)state;
    dcm_charset_init(&set, iso_bytes_of("ISO_IR 100", 10));
    assert_int_equal(dcm_charset_encode(&set, DCM_VR_PN, ISO_STR("山"), &arena, &raw, &err),
                     ISO_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "U+5C71"));
    assert_int_equal(dcm_charset_encode(&set, DCM_VR_PN, ISO_STR("\xff"), &arena, &raw, &err),
                     ISO_EINVAL);
    dcm_charset_init(&set, iso_bytes_of("ISO_IR 13", 9));
    assert_int_equal(dcm_charset_encode(&set, DCM_VR_LO, ISO_STR("¥"), &arena, &raw, &err),
                     ISO_EUNSUPPORTED); /* would be a separator */
}

static void a_full_arena_is_told(void **state)
{
    struct iso_arena   small;
    struct dcm_charset set;

    (void)state;
    iso_arena_init(&small, 16);
    dcm_charset_init(&set, iso_bytes_of("ISO_IR 100", 10));
    char raw[256];
    memset(raw, 0xe9, sizeof raw);
    assert_null(dcm_charset_decode(&set, DCM_VR_LO, iso_bytes_of(raw, sizeof raw), &small).ptr);
    iso_arena_release(&small);
}

/* "00081032[1].00080104": the element, and the data set that it is in. */
static const struct dcm_element *element_at(const struct dcm_dataset **ds, const char *path)
{
    unsigned group, element, item;
    int      used;

    while (sscanf(path, "%4x%4x[%u].%n", &group, &element, &item, &used) == 3) {
        *ds = dcm_get_item(*ds, DCM_TAG(group, element), item);
        if (*ds == NULL)
            return NULL;
        path += used;
    }
    if (sscanf(path, "%4x%4x", &group, &element) != 2)
        return NULL;
    return dcm_get(*ds, DCM_TAG(group, element));
}

/* The table's \\, \r and \n, in place. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s != '\0'; s++) {
        if (*s == '\\' && s[1] != '\0')
            *to++ = *++s == 'r' ? '\r' : *s == 'n' ? '\n' : *s;
        else
            *to++ = *s;
    }
    *to = '\0';
}

static void check_sample(void *ctx, char **cells)
{
    const struct dcm_dataset *in;
    const struct dcm_element *el;
    struct dcm_dataset        ds;
    struct dcm_meta           meta;
    struct iso_err            err = { 0 };
    struct iso_arena          scratch;
    char                      path[4096];

    assert_true(sample_path(path, sizeof path, cells[0]));
    iso_bytes file = sample_read(path);
    assert_non_null(file.ptr);
    iso_arena_init(&scratch, 16 << 20);
    assert_int_equal(dcm_file_parse(file, NULL, &scratch, &meta, &ds, &err), ISO_OK);
    in = &ds;
    el = element_at(&in, cells[1]);
    assert_non_null(el);
    iso_str text = dcm_element_text(in, el, &scratch);
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    unescape(cells[2]);
    if (!iso_str_eq_c(text, cells[2]))
        print_error("%s %s: '%.*s' is not '%s'\n", cells[0], cells[1], ISO_STR_ARG(text), cells[2]);
    assert_true(iso_str_eq_c(text, cells[2]));
    iso_arena_release(&scratch);
    free((void *)(uintptr_t)file.ptr);
    ++*(size_t *)ctx;
}

static void the_corpus_reads_as_expected(void **state)
{
    size_t count = 0;

    (void)state;
    if (!sample_table("charsets/EXPECTED.tsv", check_sample, &count))
        skip();
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defined_terms_both_ways),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(spellings_are_forgiven),
        cmocka_unit_test(what_has_no_meaning_is_replaced),
        cmocka_unit_test(undeclared_high_bytes_are_guessed),
        cmocka_unit_test(delimiters_reset),
        cmocka_unit_test(what_a_set_cannot_say_is_told),
        cmocka_unit_test(a_full_arena_is_told),
        cmocka_unit_test(the_corpus_reads_as_expected),
    };
    iso_arena_init(&arena, 1 << 20);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    iso_arena_release(&arena);
    return rc;
}
