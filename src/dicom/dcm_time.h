/* dcm_time.h: DA, TM and DT as integers that compare, and the ranges that queries give.
 * PS3.5 §6.2, PS3.4 §C.2.2.2.5
 *   date       YYYYMMDD as a number, 20241231
 *   time       microseconds of the day; a leap second reaches into the next minute
 *   date-time  microseconds since 1970-01-01 00:00:00 UTC
 * A value of less than full precision ("2024", "10") is a span: from its first to its last
 * microsecond (or day). Text comes trimmed; the forms of old files ("2024.12.31", "10:30:00") are
 * read too. Nothing here allocates. Any thread. */
#ifndef DCM_TIME_H
#define DCM_TIME_H

#include "dcm_vr.h"

struct dcm_span {
    int64_t low;  /* INT64_MIN: open */
    int64_t high; /* inclusive; INT64_MAX: open */
};

/* A real day of the calendar, years 1 to 9999; DA: all eight digits. */
bool dcm_date_parse(iso_str text, int32_t *yyyymmdd);
/* HH[MM[SS[.FFFFFF]]] */
bool dcm_time_parse(iso_str text, struct dcm_span *span);
/* YYYY[MM[DD[HH[MM[SS[.FFFFFF]]]]]][&ZZXX]. Without an offset of its own the text is taken to be
 * zone_minutes east of Greenwich: (0008,0201) where the data set has it, else the site's. */
bool dcm_datetime_parse(iso_str text, int zone_minutes, struct dcm_span *span);
/* (0008,0201), "+0130". */
bool dcm_zone_parse(iso_str text, int *minutes);

/* A query key of VR DA, TM or DT: a value, "a-b", "a-" or "-b". "2024-0500" is the year 2024 five
 * hours west of Greenwich, not a range back to the year 500. False: not a key of this VR. */
bool dcm_range_parse(enum dcm_vr vr, iso_str key, int zone_minutes, struct dcm_span *span);
/* Does the key say a range, going by its hyphens alone? */
bool dcm_range_is_one(enum dcm_vr vr, iso_str key);

/* Date and time of day, both as above, as one number on the date-time scale (no zone). */
int64_t dcm_date_time_join(int32_t yyyymmdd, int64_t time_us);

#endif
