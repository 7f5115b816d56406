/* srv_mp4.c: boxes within boxes; since those that hold others have nothing else, a walk that steps into
 * them needs no stack. */
#include "srv_mp4.h"

#include "iso_reader.h"

bool srv_mp4_box_read(iso_bytes in, uint64_t left, struct srv_mp4_box *out)
{
    struct srv_mp4_box box;

    if (in.len < 8)
        return false;
    box.bytes      = iso_u32be(in.ptr);
    box.type       = iso_u32be(in.ptr + 4);
    box.head_bytes = 8;
    if (box.bytes == 1) { /* too large for 32 bits */
        if (in.len < 16)
            return false;
        box.bytes      = iso_u64be(in.ptr + 8);
        box.head_bytes = 16;
    } else if (box.bytes == 0) { /* up to the end */
        box.bytes = left;
    }
    if (box.bytes < box.head_bytes || box.bytes > left)
        return false;
    *out = box;
    return true;
}

/* "stco" and "co64": version and flags, a count, the offsets in `unit` bytes each. */
static void shift_table(uint8_t *p, size_t bytes, size_t unit, uint64_t by)
{
    if (bytes < 8)
        return;
    uint32_t count = iso_u32be(p + 4);
    for (size_t at = 8; count > 0 && bytes - at >= unit; at += unit, count--) {
        if (unit == 4)
            iso_put_u32be(p + at, (uint32_t)(iso_u32be(p + at) + by));
        else
            iso_put_u64be(p + at, iso_u64be(p + at) + by);
    }
}

void srv_mp4_shift(uint8_t *moov, size_t bytes, uint64_t by)
{
    struct srv_mp4_box box;

    for (size_t at = 0; srv_mp4_box_read(iso_bytes_of(moov + at, bytes - at), bytes - at, &box);) {
        uint8_t *body       = moov + at + box.head_bytes;
        size_t   body_bytes = (size_t)box.bytes - box.head_bytes;

        switch (box.type) {
        case SRV_MP4_TYPE('m', 'o', 'o', 'v'):
        case SRV_MP4_TYPE('t', 'r', 'a', 'k'):
        case SRV_MP4_TYPE('m', 'd', 'i', 'a'):
        case SRV_MP4_TYPE('m', 'i', 'n', 'f'):
        case SRV_MP4_TYPE('s', 't', 'b', 'l'):
            at += box.head_bytes; /* into it */
            continue;
        case SRV_MP4_TYPE('s', 't', 'c', 'o'):
            shift_table(body, body_bytes, 4, by);
            break;
        case SRV_MP4_TYPE('c', 'o', '6', '4'):
            shift_table(body, body_bytes, 8, by);
            break;
        default:
            break;
        }
        at += (size_t)box.bytes;
    }
}
