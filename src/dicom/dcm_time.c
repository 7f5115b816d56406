#include "dcm_time.h"

enum { DAY_SECONDS = 86400, ZONE_WEST_MAX = 12 * 60, ZONE_EAST_MAX = 14 * 60 };

#define SECOND_US ((int64_t)1000000)
#define DAY_US    (DAY_SECONDS * SECOND_US)

/* n digits off the front of *s; false (and *s as it was) when they are not there. */
static bool take(iso_str *s, size_t n, int32_t *out)
{
    int32_t v = 0;

    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        v = v * 10 + (s->ptr[i] - '0');
    }
    *s   = iso_str_sub(*s, n, s->len - n);
    *out = v;
    return true;
}

static bool take_char(iso_str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = iso_str_sub(*s, 1, s->len - 1);
    return true;
}

static int32_t month_days(int32_t year, int32_t month)
{
    static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool                 leap     = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool date_is_real(int32_t y, int32_t m, int32_t d)
{
    return y >= 1 && m >= 1 && m <= 12 && d >= 1 && d <= month_days(y, m);
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static int64_t days_of(int32_t y, int32_t m, int32_t d)
{
    int64_t years = y - (m <= 2 ? 1 : 0); /* the year begins in March: leap days come last */
    int64_t month = (m + 9) % 12;

    return years * 365 + years / 4 - years / 100 + years / 400 + (month * 153 + 2) / 5 + d - 1 -
           719468;
}

bool dcm_date_parse(iso_str text, int32_t *yyyymmdd)
{
    int32_t y, m, d;
    bool    dotted;

    if (!take(&text, 4, &y))
        return false;
    dotted = take_char(&text, '.');
    if (!take(&text, 2, &m) || take_char(&text, '.') != dotted || !take(&text, 2, &d) ||
        text.len != 0 || !date_is_real(y, m, d))
        return false;
    *yyyymmdd = y * 10000 + m * 100 + d;
    return true;
}

/* Time of day off the front of *s: low in *us, the length of what it leaves open in *width. */
static bool take_time(iso_str *s, int64_t *us, int64_t *width)
{
    int32_t hour, minute = 0, second = 0;
    int64_t fraction = 0;
    bool    colons;

    if (!take(s, 2, &hour))
        return false;
    *width = 3600 * SECOND_US;
    colons = take_char(s, ':');
    if (take(s, 2, &minute)) {
        *width = 60 * SECOND_US;
        if ((!colons || take_char(s, ':')) && take(s, 2, &second)) {
            *width = SECOND_US;
            if (take_char(s, '.')) {
                int32_t digit;
                size_t  n = 0;

                for (; n < 6 && take(s, 1, &digit); n++) {
                    *width /= 10;
                    fraction += digit * *width;
                }
                if (n == 0)
                    return false;
            }
        }
    } else if (colons) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *us = ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction;
    return true;
}

bool dcm_time_parse(iso_str text, struct dcm_span *span)
{
    int64_t us, width;

    if (!take_time(&text, &us, &width) || text.len != 0)
        return false;
    *span = (struct dcm_span){ us, us + width - 1 };
    return true;
}

/* &ZZXX off the front of *s; a '-' counts only with four digits of a real offset behind it and
 * nothing else but the end or the hyphen of a range. */
static bool take_zone(iso_str *s, int *minutes)
{
    iso_str rest = *s;
    bool    west = take_char(&rest, '-');
    int32_t hour, minute;

    if ((!west && !take_char(&rest, '+')) || !take(&rest, 2, &hour) || !take(&rest, 2, &minute) ||
        minute > 59 || hour * 60 + minute > (west ? ZONE_WEST_MAX : ZONE_EAST_MAX) ||
        (rest.len > 0 && rest.ptr[0] != '-'))
        return false;
    *minutes = (west ? -1 : 1) * (hour * 60 + minute);
    *s       = rest;
    return true;
}

bool dcm_zone_parse(iso_str text, int *minutes)
{
    int m;

    if (!take_zone(&text, &m) || text.len != 0)
        return false;
    *minutes = m;
    return true;
}

static bool take_datetime(iso_str *s, int zone_minutes, struct dcm_span *span)
{
    int32_t y, m = 1, d = 1;
    int64_t us = 0, width = 0, first, last;
    bool    has_month, has_day, has_time;

    if (!take(s, 4, &y))
        return false;
    has_month = take(s, 2, &m);
    has_day   = has_month && take(s, 2, &d);
    if (!date_is_real(y, m, d))
        return false;
    has_time = has_day && s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9';
    if (has_time && !take_time(s, &us, &width))
        return false;
    first = days_of(y, m, d) * DAY_US + us;
    if (has_time)
        last = first + width - 1;
    else if (has_day)
        last = first + DAY_US - 1;
    else if (has_month)
        last = days_of(y, m, month_days(y, m)) * DAY_US + DAY_US - 1;
    else
        last = days_of(y, 12, 31) * DAY_US + DAY_US - 1;
    (void)take_zone(s, &zone_minutes);
    span->low  = first - zone_minutes * 60 * SECOND_US;
    span->high = last - zone_minutes * 60 * SECOND_US;
    return true;
}

bool dcm_datetime_parse(iso_str text, int zone_minutes, struct dcm_span *span)
{
    struct dcm_span out;

    if (!take_datetime(&text, zone_minutes, &out) || text.len != 0)
        return false;
    *span = out;
    return true;
}

static bool parse_one(enum dcm_vr vr, iso_str text, int zone_minutes, struct dcm_span *span)
{
    int32_t date;

    text = iso_str_trim(text);
    if (vr == DCM_VR_TM)
        return dcm_time_parse(text, span);
    if (vr == DCM_VR_DT)
        return dcm_datetime_parse(text, zone_minutes, span);
    if (vr != DCM_VR_DA || !dcm_date_parse(text, &date))
        return false;
    *span = (struct dcm_span){ date, date };
    return true;
}

/* Where the hyphen of a range is; key.len when there is none. */
static size_t range_hyphen(enum dcm_vr vr, iso_str key)
{
    struct dcm_span ignored;
    iso_str         rest = key;

    if (vr == DCM_VR_DT && take_datetime(&rest, 0, &ignored)) /* over the hyphen of an offset */
        return rest.len > 0 && rest.ptr[0] == '-' ? key.len - rest.len : key.len;
    return iso_str_find(key, '-', 0);
}

bool dcm_range_is_one(enum dcm_vr vr, iso_str key)
{
    return range_hyphen(vr, key) < key.len;
}

bool dcm_range_parse(enum dcm_vr vr, iso_str key, int zone_minutes, struct dcm_span *span)
{
    struct dcm_span from = { INT64_MIN, INT64_MIN };
    struct dcm_span to   = { INT64_MAX, INT64_MAX };

    key       = iso_str_trim(key);
    size_t at = range_hyphen(vr, key);

    if (at == key.len)
        return parse_one(vr, key, zone_minutes, span);
    iso_str a = iso_str_trim(iso_str_sub(key, 0, at));
    iso_str b = iso_str_trim(iso_str_sub(key, at + 1, key.len));
    if ((a.len == 0 && b.len == 0) || (a.len > 0 && !parse_one(vr, a, zone_minutes, &from)) ||
        (b.len > 0 && !parse_one(vr, b, zone_minutes, &to)))
        return false;
    *span = (struct dcm_span){ from.low, to.high };
    return true;
}

int64_t dcm_date_time_join(int32_t yyyymmdd, int64_t time_us)
{
    return days_of(yyyymmdd / 10000, yyyymmdd / 100 % 100, yyyymmdd % 100) * DAY_US + time_us;
}
