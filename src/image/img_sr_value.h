/* img_sr_value.h: values of content items as people read them; private to image/. */
#ifndef IMG_SR_VALUE_H
#define IMG_SR_VALUE_H

#include "img_sr_in.h"

/* "2024-01-31", "10:30:15", "2024-01-31 10:30:15 +0100"; what is no date or time stays as it is. */
iso_str img_text_date(iso_str value, struct iso_arena *arena);
iso_str img_text_time(iso_str value, struct iso_arena *arena);
iso_str img_text_datetime(iso_str value, struct iso_arena *arena);
/* "Doe, Jane, Dr." and what other scripts add: "Yamada, Tarou (山田, 太郎)".   PS3.5 §6.2.1 */
iso_str img_text_name(iso_str value, struct iso_arena *arena);
/* Of an element, by its VR, all values of it. */
iso_str img_text_of(const struct dcm_dataset *ds, dcm_tag tag, struct iso_arena *arena);

/* Fills value, value_code, url of one content item by its Value Type (0040,A040). Strings in the
 * arena; one whose ptr is NULL where text should be means the arena is full. */
void img_sr_value(const struct dcm_dataset *item, iso_str type,
                  const struct img_sr_options *options, struct iso_arena *arena,
                  struct img_sr_item *out);
/* "121071, DCM" of the first item of a code sequence. */
iso_str img_sr_code(const struct dcm_dataset *ds, dcm_tag sequence, struct iso_arena *arena);

#endif
