/* Driven by the parser's events. For each level it remembers the character set and the private
 * creators, in an arena; all else is one line at a time. */
#include "dcm_dump.h"

#include "dcm_number.h"
#include "iso_reader.h"
#include "iso_utf8.h"

#include <string.h>

enum {
    VALUE_CHARS  = 64,
    VALUE_COLUMN = 56,       /* where '#' stands when the value is short */
    VALUE_READ   = 64 << 10, /* longer values are named by place and size */
    LINE_MAX     = 1 << 20,
    CREATORS_MAX = 4 << 20, /* bytes of what is remembered */
    SCRATCH_MAX  = 4 << 20
};

struct dumper {
    const struct dcm_dump_options *options;
    struct iso_sink                out;
    struct iso_arena               memory;  /* creators */
    struct iso_arena               scratch; /* one element */
    struct iso_buf                 line;
    struct dcm_dataset             level[DCM_DEPTH_MAX + 2];
    size_t                         item[DCM_DEPTH_MAX + 2]; /* number of the current one */
    size_t                         depth;                   /* of the data set that we are in */
};

static bool is_printable(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
        return false;
    return !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
           !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff;
}

void dcm_dump_text(struct iso_buf *out, iso_str s, size_t chars_max)
{
    for (size_t n = 0; s.len > 0; n++) {
        iso_str  before = s;
        uint32_t c;

        if (n == chars_max) {
            iso_buf_add_c(out, "...");
            return;
        }
        if (!iso_utf8_take(&s, &c)) {
            iso_buf_printf(out, "\\x%02x", (unsigned char)s.ptr[0]);
            s = iso_str_sub(s, 1, s.len - 1);
        } else if (is_printable(c)) {
            iso_buf_add(out, before.ptr, before.len - s.len);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            iso_buf_add_c(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (c < 0x100) {
            iso_buf_printf(out, "\\x%02x", (unsigned)c);
        } else {
            iso_buf_printf(out, "\\u{%x}", (unsigned)c);
        }
    }
}

static size_t chars_max(const struct dumper *d)
{
    return d->options->value_chars_max > 0 ? d->options->value_chars_max : VALUE_CHARS;
}

static void add_text(struct dumper *d, const struct dcm_dataset *ds, const struct dcm_element *el)
{
    iso_str text = dcm_element_text(ds, el, &d->scratch);

    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\0'))
        text.len--;
    iso_buf_add_c(&d->line, "[");
    dcm_dump_text(&d->line, text, chars_max(d));
    iso_buf_add_c(&d->line, "]");
    if (el->vr == DCM_VR_UI) {
        const struct dcm_uid_entry *uid = dcm_uid_find(text);

        if (uid != NULL)
            iso_buf_printf(&d->line, " =%s", uid->keyword[0] != '\0' ? uid->keyword : uid->name);
    }
}

static void add_number(struct iso_buf *line, enum dcm_vr vr, const uint8_t *p)
{
    switch (vr) {
    case DCM_VR_AT:
        iso_buf_printf(line, "(%04x,%04x)", iso_u16le(p), iso_u16le(p + 2));
        break;
    case DCM_VR_FL:
    case DCM_VR_OF:
        iso_buf_printf(line, "%.9g", (double)dcm_float_of(iso_u32le(p)));
        break;
    case DCM_VR_FD:
    case DCM_VR_OD:
        iso_buf_printf(line, "%.17g", dcm_double_of(iso_u64le(p)));
        break;
    case DCM_VR_SS:
        iso_buf_printf(line, "%d", (int16_t)iso_u16le(p));
        break;
    case DCM_VR_US:
        iso_buf_printf(line, "%u", iso_u16le(p));
        break;
    case DCM_VR_OW:
        iso_buf_printf(line, "%04x", iso_u16le(p));
        break;
    case DCM_VR_SL:
        iso_buf_printf(line, "%ld", (long)(int32_t)iso_u32le(p));
        break;
    case DCM_VR_UL:
    case DCM_VR_OL:
        iso_buf_printf(line, "%lu", (unsigned long)iso_u32le(p));
        break;
    case DCM_VR_SV:
        iso_buf_printf(line, "%lld", (long long)iso_u64le(p));
        break;
    case DCM_VR_UV:
    case DCM_VR_OV:
        iso_buf_printf(line, "%llu", (unsigned long long)iso_u64le(p));
        break;
    default:
        iso_buf_printf(line, "%02x", *p);
    }
}

static void add_numbers(struct dumper *d, const struct dcm_element *el)
{
    size_t unit  = el->vr == DCM_VR_AT ? 4 : dcm_vr_info((enum dcm_vr)el->vr)->unit_bytes;
    size_t start = d->line.len;

    if (unit == 0)
        unit = 1;
    for (size_t i = 0; i + unit <= el->value.len; i += unit) {
        if (d->line.len - start > chars_max(d)) {
            iso_buf_add_c(&d->line, "\\...");
            return;
        }
        if (i > 0)
            iso_buf_add_u8(&d->line, '\\');
        add_number(&d->line, (enum dcm_vr)el->vr, el->value.ptr + i);
    }
}

static const struct dcm_dict_entry *entry_of(const struct dcm_dataset *ds, dcm_tag tag)
{
    if (!dcm_tag_is_private(tag) || dcm_tag_is_private_creator(tag))
        return dcm_dict_find(tag);
    return dcm_dict_find_private(dcm_private_creator(ds, tag), tag & 0xffff00ff);
}

static void begin_line(struct dumper *d, size_t depth, uint64_t offset, dcm_tag tag)
{
    iso_buf_reset(&d->line);
    if (d->options->offsets)
        iso_buf_printf(&d->line, "%10llu ", (unsigned long long)offset);
    for (size_t i = 0; i < depth; i++)
        iso_buf_add_c(&d->line, "  ");
    iso_buf_printf(&d->line, DCM_TAG_FMT " ", DCM_TAG_ARG(tag));
}

/* To the column of '#', counting characters. */
static void pad_line(struct iso_buf *line)
{
    size_t columns = 0;

    for (size_t i = 0; i < line->len; i++)
        columns += (line->ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    for (; columns < VALUE_COLUMN; columns++)
        iso_buf_add_u8(line, ' ');
}

static int end_line(struct dumper *d, struct iso_err *err)
{
    int rc;

    iso_buf_add_u8(&d->line, '\n');
    rc = iso_buf_check(&d->line, err);
    return rc < 0 ? rc : d->out.write(d->out.ctx, d->line.ptr, d->line.len, err);
}

static int write_element(struct dumper *d, const struct dcm_dataset *ds,
                         const struct dcm_element *el, size_t depth, struct iso_err *err)
{
    const struct dcm_dict_entry *entry = entry_of(ds, el->tag);
    const char                  *name  = entry == NULL                     ? "Unknown"
                                         : dcm_dict_keyword(entry)[0] != 0 ? dcm_dict_keyword(entry)
                                                                           : dcm_dict_name(entry);

    begin_line(d, depth, el->offset, el->tag);
    iso_buf_printf(&d->line, "%s ",
                   el->vr == DCM_VR_NONE ? "??" : dcm_vr_info((enum dcm_vr)el->vr)->name);
    if (el->form == DCM_FORM_BULK)
        iso_buf_printf(&d->line, "%llu bytes at offset %llu", (unsigned long long)el->bytes,
                       (unsigned long long)el->offset);
    else if (el->value.len == 0)
        iso_buf_add_c(&d->line, "(no value)");
    else if (dcm_vr_info((enum dcm_vr)el->vr)->is_text)
        add_text(d, ds, el);
    else
        add_numbers(d, el);
    pad_line(&d->line);
    iso_buf_printf(&d->line, " #%6llu, %zu %s", (unsigned long long)el->bytes, dcm_element_vm(el),
                   name);
    return end_line(d, err);
}

/* Remembers what later lines of this level need. Past CREATORS_MAX names are missing, no more. */
static void remember(struct dumper *d, struct dcm_dataset *ds, const struct dcm_element *el)
{
    if (el->tag == DCM_SPECIFIC_CHARACTER_SET) {
        dcm_charset_init(&ds->charset, el->value);
    } else if (dcm_tag_is_private_creator(el->tag) && el->value.len <= 64) {
        struct dcm_element *copy = dcm_append(ds, &d->memory, el->tag, DCM_VR_LO);

        if (copy != NULL)
            copy->value = iso_arena_bytes(&d->memory, el->value);
    }
}

static int dump_value(struct dumper *d, struct dcm_parser *p, const struct dcm_position *at,
                      struct iso_err *err)
{
    struct dcm_dataset *ds = &d->level[d->depth];
    struct dcm_element  el = { .tag = at->tag, .bytes = at->bytes, .offset = at->value_offset };
    int                 rc = ISO_OK;

    if (d->options->no_private && dcm_tag_is_private(at->tag))
        return ISO_OK;
    el.vr   = (uint8_t)at->vr;
    el.form = at->bytes > VALUE_READ ? DCM_FORM_BULK : DCM_FORM_VALUE;
    if (el.form == DCM_FORM_VALUE)
        rc = dcm_parser_value(p, VALUE_READ, &d->scratch, &el.value, err);
    if (rc < 0)
        return rc;
    remember(d, ds, &el);
    return write_element(d, ds, &el, d->depth, err);
}

static void add_length(struct dumper *d, const struct dcm_position *at)
{
    if (at->undefined_length)
        iso_buf_add_c(&d->line, ", undefined length");
    else
        iso_buf_printf(&d->line, ", %llu bytes", (unsigned long long)at->bytes);
}

static int dump_structure(struct dumper *d, const struct dcm_position *at, const char *what,
                          struct iso_err *err)
{
    const struct dcm_dict_entry *entry = entry_of(&d->level[d->depth], at->tag);

    d->item[d->depth] = 0;
    begin_line(d, d->depth, at->offset, at->tag);
    iso_buf_printf(&d->line, "%s %s", dcm_vr_info(at->vr)->name, what);
    add_length(d, at);
    pad_line(&d->line);
    iso_buf_printf(&d->line, " # %s", entry != NULL ? dcm_dict_keyword(entry) : "Unknown");
    return end_line(d, err);
}

static int dump_numbered(struct dumper *d, const struct dcm_position *at, const char *what,
                         size_t number, struct iso_err *err)
{
    iso_buf_reset(&d->line);
    if (d->options->offsets)
        iso_buf_printf(&d->line, "%10llu ", (unsigned long long)at->offset);
    for (size_t i = 0; i < d->depth; i++)
        iso_buf_add_c(&d->line, "  ");
    iso_buf_printf(&d->line, " %s %zu", what, number);
    add_length(d, at);
    return end_line(d, err);
}

/* The elements of an item come next: it inherits the character set. */
static int enter_item(struct dumper *d, struct iso_err *err)
{
    if (d->depth + 1 >= sizeof d->level / sizeof d->level[0])
        return iso_fail(err, ISO_ELIMIT, "nested deeper than %d sequences", DCM_DEPTH_MAX);
    d->depth++;
    dcm_dataset_init(&d->level[d->depth]);
    d->level[d->depth].charset = d->level[d->depth - 1].charset;
    return ISO_OK;
}

static int dump_event(struct dumper *d, struct dcm_parser *p, const struct dcm_position *at,
                      struct iso_err *err)
{
    size_t number = d->item[d->depth];
    int    rc;

    switch (at->event) {
    case DCM_EV_ELEMENT:
        return dump_value(d, p, at, err);
    case DCM_EV_SEQUENCE:
        return dump_structure(d, at, "sequence", err);
    case DCM_EV_FRAGMENTS:
        return dump_structure(d, at, "fragments", err);
    case DCM_EV_ITEM:
        rc = dump_numbered(d, at, "item", ++d->item[d->depth], err);
        return rc < 0 ? rc : enter_item(d, err);
    case DCM_EV_ITEM_END:
        iso_assert(d->depth > 0);
        d->depth--;
        return ISO_OK;
    case DCM_EV_FRAGMENT:
        d->item[d->depth]++;
        return dump_numbered(d, at, number == 0 ? "offset table" : "fragment", number, err);
    default:
        return ISO_OK;
    }
}

static void dumper_init(struct dumper *d, const struct dcm_dump_options *options,
                        struct iso_sink out)
{
    static const struct dcm_dump_options defaults = { 0 };

    memset(d, 0, sizeof *d);
    d->options = options != NULL ? options : &defaults;
    d->out     = out;
    iso_arena_init(&d->memory, CREATORS_MAX);
    iso_arena_init(&d->scratch, SCRATCH_MAX);
    iso_buf_init(&d->line, LINE_MAX);
    dcm_dataset_init(&d->level[0]);
}

static void dumper_release(struct dumper *d)
{
    iso_buf_release(&d->line);
    iso_arena_release(&d->scratch);
    iso_arena_release(&d->memory);
}

int dcm_dump(struct dcm_parser *p, const struct dcm_dump_options *options, struct iso_sink out,
             struct iso_err *err)
{
    const struct dcm_position *at;
    struct dumper              d;
    int                        rc;

    dumper_init(&d, options, out);
    while ((rc = dcm_parser_next(p, &at, err)) == ISO_OK && at->event != DCM_EV_END) {
        rc = dump_event(&d, p, at, err);
        iso_arena_reset(&d.scratch);
        if (rc < 0)
            break;
    }
    dumper_release(&d);
    return rc == ISO_EEND ? ISO_OK : rc;
}

int dcm_dump_flat(const struct dcm_dataset *ds, const struct dcm_dump_options *options,
                  struct iso_sink out, struct iso_err *err)
{
    struct dumper d;
    int           rc = ISO_OK;

    dumper_init(&d, options, out);
    for (size_t i = 0; i < ds->count && rc == ISO_OK; i++) {
        rc = write_element(&d, ds, &ds->element[i], 0, err);
        iso_arena_reset(&d.scratch);
    }
    dumper_release(&d);
    return rc;
}
