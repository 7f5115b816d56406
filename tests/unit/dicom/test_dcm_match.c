#include "test.h"

#include "dcm_match.h"

#include <string.h>
#include <time.h>

static struct iso_arena               arena;
static const struct dcm_match_options plain = { 0 };

static bool matches(enum dcm_vr vr, const char *key, const char *value)
{
    return dcm_match_value(vr, iso_str_c(key), iso_str_c(value), &plain, &arena);
}

static void kinds(void **state) /* PS3.4 §C.2.2.2 */
{
    static const struct {
        enum dcm_vr         vr;
        const char         *value;
        enum dcm_match_kind kind;
    } table[] = {
        { DCM_VR_LO, "", DCM_MATCH_UNIVERSAL },        { DCM_VR_DA, "*", DCM_MATCH_UNIVERSAL },
        { DCM_VR_LO, "a", DCM_MATCH_SINGLE },          { DCM_VR_LO, "a-b", DCM_MATCH_SINGLE },
        { DCM_VR_LO, "a?", DCM_MATCH_WILDCARD },       { DCM_VR_PN, "*a*", DCM_MATCH_WILDCARD },
        { DCM_VR_UI, "1.2\\1.3", DCM_MATCH_UID_LIST }, { DCM_VR_UI, "1.2", DCM_MATCH_SINGLE },
        { DCM_VR_DA, "2024-", DCM_MATCH_RANGE },       { DCM_VR_DA, "20240101", DCM_MATCH_SINGLE },
        { DCM_VR_DT, "2024-0500", DCM_MATCH_SINGLE },  { DCM_VR_SQ, "", DCM_MATCH_SEQUENCE },
        { DCM_VR_IS, "1?", DCM_MATCH_SINGLE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(dcm_match_kind(table[i].vr, iso_str_c(table[i].value)), table[i].kind);
}

static void wildcards(void **state) /* PS3.4 §C.2.2.2.4 */
{
    (void)state;
    assert_true(matches(DCM_VR_LO, "*head*", "CT head w/o"));
    assert_true(matches(DCM_VR_LO, "h?ad", "head"));
    assert_true(matches(DCM_VR_LO, "?", "é")); /* a character, not a byte */
    assert_false(matches(DCM_VR_LO, "?", "ab"));
    assert_true(matches(DCM_VR_LO, "a*b*c", "aXbXbXc"));
    assert_false(matches(DCM_VR_LO, "a*b", "abc"));
    assert_false(matches(DCM_VR_LO, "Head", "head")); /* case matters but in names: C.2.2.2.1 */
    assert_true(matches(DCM_VR_LO, " head ", "head"));
    assert_false(matches(DCM_VR_UI, "1.2.*", "1.2.3"));
    assert_true(matches(DCM_VR_UI, "1.2\\1.3 ", "1.3"));
}

static void wildcards_take_linear_time(void **state)
{
    static char key[2048], value[8192];
    clock_t     start = clock();

    (void)state;
    for (size_t i = 0; i + 2 < sizeof key; i += 2)
        memcpy(key + i, "*a", 2);
    memset(value, 'a', sizeof value - 1);
    assert_true(matches(DCM_VR_LO, key, value));
    value[sizeof value - 2] = 'b';
    assert_false(matches(DCM_VR_LO, key, value));
    assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
}

static void names(void **state) /* PS3.4 §C.2.2.2.1 */
{
    (void)state;
    assert_true(matches(DCM_VR_PN, "doe^john", "DOE^JOHN"));
    assert_true(matches(DCM_VR_PN, "Doe^J*", "Doe^John^^Dr"));
    assert_true(matches(DCM_VR_PN, "Doe^John", "Doe^John^^^ "));
    assert_true(matches(DCM_VR_PN, "Doe^*", "Doe"));
    assert_false(matches(DCM_VR_PN, "Doe", "Doe^John"));
    assert_true(matches(DCM_VR_PN, "muller^jorg", "Müller^Jörg"));
    assert_true(matches(DCM_VR_PN, "MÜLLER*", "Mu\xcc\x88ller^J")); /* decomposed */
    assert_true(matches(DCM_VR_PN, "strasse", "Straße"));
    assert_true(matches(DCM_VR_PN, "lodz", "Łódź"));
    assert_true(matches(DCM_VR_PN, "yamada*", "Ｙａｍａｄａ^Tarou"));
    assert_true(matches(DCM_VR_PN, "山田*", "Yamada^Tarou=山田^太郎=やまだ^たろう"));
    assert_true(matches(DCM_VR_PN, "=山田*", "Yamada^Tarou=山田^太郎=やまだ^たろう"));
    assert_false(matches(DCM_VR_PN, "山田*=", "Yamada^Tarou=山田^太郎"));
    assert_false(matches(DCM_VR_PN, "Yamada*=鈴木*", "Yamada^Tarou=山田^太郎"));
    assert_false(matches(DCM_VR_PN, "か", "が")); /* a mark that makes another letter */
    assert_true(matches(DCM_VR_PN, "*", ""));
}

static void fuzzy_names(void **state) /* PS3.4 §C.2.2.2.1.1 */
{
    const struct dcm_match_options fuzzy      = { .fuzzy = true };
    static const char *const       pairs[][2] = {
              { "Smith", "Schmidt^Anna" },     { "meyer", "MAIER^X" },
              { "Catherine", "Doe^Kathryn" },  { "john doe", "Doe^John" },
              { "jansen", "Janssen^Y" },       { "joh", "Doe^Johnson" },
              { "filip", "Philip^Z" },         { "yusuf", "Jusuf^A" },
              { "Mueller", "Müller^B" },       { "*ohn*", "Doe^John" },
              { "schulz", "Schultz^Norbert" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        assert_true(dcm_match_value(DCM_VR_PN, iso_str_c(pairs[i][0]), iso_str_c(pairs[i][1]),
                                    &fuzzy, &arena));
    assert_false(
        dcm_match_value(DCM_VR_PN, ISO_STR("Smith"), ISO_STR("Jones^Tom"), &fuzzy, &arena));
    assert_false(
        dcm_match_value(DCM_VR_PN, ISO_STR("Doe Tom"), ISO_STR("Doe^John"), &fuzzy, &arena));
    assert_text(dcm_phonetic(ISO_STR("smith^o'hara=山田"), &arena), "SNT A R 山田");
}

static void folding(void **state)
{
    (void)state;
    assert_text(dcm_fold(ISO_STR("  DOE  Smith ^ John ^ = X "), &arena), "doe smith^john^=x");
    assert_text(dcm_fold(ISO_STR("ÆRØ^Þór"), &arena), "aero^thor");
    assert_text(dcm_fold(ISO_STR("ジャン＝ポール"), &arena), "ジャン-ポール");
    assert_text(dcm_fold(ISO_STR("ｷﾞ"), &arena), "ギ");
    assert_text(dcm_fold(ISO_STR("\xff"), &arena), "\xef\xbf\xbd");
    assert_text(dcm_fold(ISO_STR(""), &arena), "");
    assert_text(dcm_fold(ISO_STR("สมชาย"), &arena), "สมชาย");
}

static void dates_and_numbers(void **state) /* PS3.4 §C.2.2.2.5 */
{
    (void)state;
    assert_true(matches(DCM_VR_DA, "20240101-20240131", "20240131"));
    assert_false(matches(DCM_VR_DA, "20240101-20240131", "20240201"));
    assert_true(matches(DCM_VR_DA, "-20240131", "1999.12.31"));
    assert_true(matches(DCM_VR_TM, "10", "103000.5"));
    assert_true(matches(DCM_VR_TM, "1000-1100", "110059.9"));
    assert_false(matches(DCM_VR_TM, "1000-1100", "1101"));
    assert_true(matches(DCM_VR_DT, "20240101", "20240101120000+0000"));
    assert_true(matches(DCM_VR_DT, "20240101000000+0100", "20231231230000"));
    assert_true(matches(DCM_VR_IS, "7", " +007 "));
    assert_true(matches(DCM_VR_DS, "1.50", "1.5"));
    assert_false(matches(DCM_VR_IS, "7", "70"));
    assert_false(matches(DCM_VR_DA, "20240101", ""));
}

static void put(struct dcm_dataset *ds, dcm_tag tag, enum dcm_vr vr, const char *value)
{
    assert_int_equal(dcm_put_str(ds, &arena, tag, vr, iso_str_c(value)), ISO_OK);
}

static bool all_match(const struct dcm_dataset *keys, const struct dcm_dataset *ds,
                      const struct dcm_match_options *options)
{
    for (size_t i = 0; i < keys->count; i++)
        if (!dcm_match_element(keys, &keys->element[i], ds, options, &arena))
            return false;
    return true;
}

static void elements(void **state)
{
    const struct dcm_match_options any = { .multi_value_any = true };
    struct dcm_dataset             ds, keys;

    (void)state;
    dcm_dataset_init(&ds);
    put(&ds, DCM_TAG(8, 5), DCM_VR_CS, "ISO_IR 100");
    put(&ds, DCM_TAG(8, 0x61), DCM_VR_CS, "CT\\PT");
    put(&ds, DCM_TAG(0x10, 0x10), DCM_VR_PN, "M\xfcller^A");
    put(&ds, DCM_TAG(0x28, 0x10), DCM_VR_US, "\x01\x02");

    dcm_dataset_init(&keys);
    put(&keys, DCM_TAG(8, 5), DCM_VR_CS, "ISO_IR 192");
    put(&keys, DCM_TAG(8, 0x61), DCM_VR_CS, "PT");
    put(&keys, DCM_TAG(0x10, 0x10), DCM_VR_PN, "Müller*"); /* another character set */
    put(&keys, DCM_TAG(0x10, 0x20), DCM_VR_LO, "");
    put(&keys, DCM_TAG(0x28, 0x10), DCM_VR_US, "\x01\x02");
    assert_true(all_match(&keys, &ds, NULL));
    put(&keys, DCM_TAG(8, 0x61), DCM_VR_CS, "MR\\CT");
    assert_true(all_match(&keys, &ds, &any));
    assert_false(all_match(&keys, &ds, NULL));
    put(&keys, DCM_TAG(8, 0x61), DCM_VR_CS, "*");
    put(&keys, DCM_TAG(0x10, 0x20), DCM_VR_LO, "x"); /* absent: only universal keys match */
    assert_false(all_match(&keys, &ds, &any));
}

static void sequences(void **state) /* PS3.4 §C.2.2.2.6 */
{
    struct dcm_dataset  ds, keys;
    struct dcm_dataset *item;

    (void)state;
    dcm_dataset_init(&ds);
    dcm_dataset_init(&keys);
    item = dcm_put_item(&keys, &arena, DCM_TAG(0x40, 0x100));
    put(item, DCM_TAG(8, 0x60), DCM_VR_CS, "");
    assert_true(all_match(&keys, &ds, NULL));
    put(item, DCM_TAG(8, 0x60), DCM_VR_CS, "CT");
    put(item, DCM_TAG(0x40, 1), DCM_VR_AE, "A*");
    assert_false(all_match(&keys, &ds, NULL));
    item = dcm_put_item(&ds, &arena, DCM_TAG(0x40, 0x100));
    put(item, DCM_TAG(8, 0x60), DCM_VR_CS, "CT");
    put(item, DCM_TAG(0x40, 1), DCM_VR_AE, "B");
    item = dcm_put_item(&ds, &arena, DCM_TAG(0x40, 0x100));
    put(item, DCM_TAG(8, 0x60), DCM_VR_CS, "MR");
    put(item, DCM_TAG(0x40, 1), DCM_VR_AE, "A1");
    assert_false(all_match(&keys, &ds, NULL)); /* all keys in one item */
    put(item, DCM_TAG(8, 0x60), DCM_VR_CS, "CT");
    assert_true(all_match(&keys, &ds, NULL));
}

static void combined_date_and_time(void **state) /* PS3.4 §C.2.2.2.5.1 */
{
    const struct dcm_match_options combined = { .combined_datetime = true };
    struct dcm_dataset             ds, keys;

    (void)state;
    dcm_dataset_init(&ds);
    dcm_dataset_init(&keys);
    put(&keys, DCM_TAG(8, 0x20), DCM_VR_DA, "20240101-20240103");
    put(&keys, DCM_TAG(8, 0x30), DCM_VR_TM, "1000-1100");
    put(&ds, DCM_TAG(8, 0x20), DCM_VR_DA, "20240102");
    put(&ds, DCM_TAG(8, 0x30), DCM_VR_TM, "230000");
    assert_false(all_match(&keys, &ds, NULL));
    assert_true(all_match(&keys, &ds, &combined));
    put(&ds, DCM_TAG(8, 0x20), DCM_VR_DA, "20240103");
    assert_false(all_match(&keys, &ds, &combined));
    put(&ds, DCM_TAG(8, 0x30), DCM_VR_TM, "110030");
    assert_true(all_match(&keys, &ds, &combined));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(wildcards_take_linear_time),
        cmocka_unit_test(names),
        cmocka_unit_test(fuzzy_names),
        cmocka_unit_test(folding),
        cmocka_unit_test(dates_and_numbers),
        cmocka_unit_test(elements),
        cmocka_unit_test(sequences),
        cmocka_unit_test(combined_date_and_time),
    };
    iso_arena_init(&arena, 64 << 20);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    iso_arena_release(&arena);
    return rc;
}
