/* Where pixels are in the patient.   PS3.3 §C.7.6.2.1.1 */
#include "test.h"

#include "img_plane.h"

#include <math.h>
#include <string.h>

static void put(struct iso_arena *arena, struct dcm_dataset *ds, dcm_tag tag, const char *value)
{
    assert_int_equal(dcm_put_str(ds, arena, tag, dcm_dict_find(tag)->vr, iso_str_c(value)), ISO_OK);
}

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-9))
        fail_msg("%.12g is not %.12g", a, b);
}

static void of_a_slice(void **state)
{
    struct iso_arena   arena;
    struct dcm_dataset ds;
    struct img_plane   p;

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    dcm_dataset_init(&ds);
    put(&arena, &ds, DCM_IMAGE_POSITION_PATIENT, "-100\\-50\\30");
    put(&arena, &ds, DCM_IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0");
    assert_false(img_plane_read(&ds, 1, &p));
    put(&arena, &ds, DCM_PIXEL_SPACING, "2\\0.5"); /* between rows, between columns */
    assert_true(img_plane_read(&ds, 1, &p));
    near(p.normal[2], 1);
    const double     point[] = { -99, -46, 33 };
    struct img_point at      = img_plane_pixel(&p, point);
    near(at.x, 2.5); /* two columns from the middle of the first pixel */
    near(at.y, 2.5);
    near(img_plane_depth(&p, point), 3);
    put(&arena, &ds, DCM_IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\1\\0\\0");
    assert_false(img_plane_read(&ds, 1, &p)); /* no plane */
    put(&arena, &ds, DCM_IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\nonsense");
    assert_false(img_plane_read(&ds, 1, &p));
    iso_arena_release(&arena);
}

static struct dcm_dataset *item(struct iso_arena *arena, struct dcm_dataset *ds, dcm_tag tag)
{
    struct dcm_dataset *made = dcm_put_item(ds, arena, tag);
    assert_non_null(made);
    return made;
}

static void a_frame_goes_before_the_shared_and_the_top(void **state)
{
    struct iso_arena   arena;
    struct dcm_dataset ds, *shared, *own;
    struct img_plane   p;

    (void)state;
    iso_arena_init(&arena, 1 << 20);
    dcm_dataset_init(&ds);
    put(&arena, &ds, DCM_IMAGE_POSITION_PATIENT, "9\\9\\9");
    put(&arena, &ds, DCM_PIXEL_SPACING, "9\\9");
    shared = item(&arena, &ds, DCM_SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    put(&arena, item(&arena, shared, DCM_PLANE_ORIENTATION_SEQUENCE), DCM_IMAGE_ORIENTATION_PATIENT,
        "0\\1\\0\\0\\0\\-1");
    put(&arena, item(&arena, shared, DCM_PLANE_POSITION_SEQUENCE), DCM_IMAGE_POSITION_PATIENT,
        "1\\2\\3");
    (void)item(&arena, &ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    own = item(&arena, &ds, DCM_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    put(&arena, item(&arena, own, DCM_PLANE_POSITION_SEQUENCE), DCM_IMAGE_POSITION_PATIENT,
        "4\\5\\6");
    assert_true(img_plane_read(&ds, 1, &p));
    near(p.origin[0], 1);
    near(p.across[1], 9);
    assert_true(img_plane_read(&ds, 2, &p));
    near(p.origin[0], 4);
    near(p.normal[0], -1);
    assert_true(img_plane_read(&ds, 3, &p)); /* beyond the groups: the shared one */
    near(p.origin[0], 1);
    iso_arena_release(&arena);
}

static void frames_of_a_dose(void **state) /* PS3.3 §C.8.8.3.2 */
{
    static const char *const offsets[] = { "0\\2.5\\5", "30\\32.5\\35" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct iso_arena   arena;
        struct dcm_dataset ds;
        struct img_plane   p;

        iso_arena_init(&arena, 1 << 20);
        dcm_dataset_init(&ds);
        put(&arena, &ds, DCM_IMAGE_POSITION_PATIENT, "0\\0\\30");
        put(&arena, &ds, DCM_IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0");
        put(&arena, &ds, DCM_PIXEL_SPACING, "1\\1");
        put(&arena, &ds, DCM_GRID_FRAME_OFFSET_VECTOR, offsets[i]);
        assert_true(img_plane_read(&ds, 3, &p));
        near(p.origin[2], 35);
        iso_arena_release(&arena);
    }
}

static void from_plane_to_plane(void **state)
{
    const struct img_plane fine   = { .origin = { 0.25, 0.25, 0 },
                                      .across = { 0.5, 0, 0 },
                                      .down   = { 0, 0.5, 0 },
                                      .normal = { 0, 0, 1 } };
    const struct img_plane coarse = {
        .origin = { -1, -3, 1 }, .across = { 2, 0, 0 }, .down = { 0, 2, 0 }, .normal = { 0, 0, -1 }
    };
    struct img_matrix m = img_plane_matrix(&fine, &coarse), back, one;
    struct img_point  p = img_matrix_apply(&m, (struct img_point){ 0, 0 });

    (void)state;
    near(p.x, 1); /* the corner of fine is at (0,0) mm; that of coarse at (-2,-4) */
    near(p.y, 2);
    p = img_matrix_apply(&m, (struct img_point){ 8, 4 });
    near(p.x, 3);
    near(p.y, 3);
    assert_true(img_plane_parallel(&fine, &coarse));
    assert_true(img_matrix_inverse(&m, &back));
    one = img_matrix_then(&m, &back);
    near(one.xx, 1), near(one.yy, 1), near(one.xy, 0), near(one.x0, 0), near(one.y0, 0);
    assert_false(img_matrix_inverse(&(struct img_matrix){ 1, 2, 0, 2, 4, 0 }, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_slice),
        cmocka_unit_test(a_frame_goes_before_the_shared_and_the_top),
        cmocka_unit_test(frames_of_a_dose),
        cmocka_unit_test(from_plane_to_plane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
