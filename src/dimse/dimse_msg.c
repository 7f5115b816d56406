/* Messages out of PDVs and back.   PS3.7 §6.3, PS3.8 Annex E
 * Receiving: the command is collected (bounded), the data set is left on the wire for whoever reads
 * its source. Sending: PDUs are gathered, heads apart from data, and leave many at a time. */
#include "dimse_msg.h"

#include "os_file.h"

#include <string.h>

enum {
    EMPTY_PDVS_MAX = 64, /* without data, in one message */
    PDU_HEAD_BYTES = UL_HEAD_BYTES + UL_PDV_HEAD_BYTES,
    GATHER_PDUS    = 31,  /* two parts each: within what one send takes */
    HOLD_BACK      = 2,   /* bytes of a source kept until we know whether more follow */
    CHUNK_BYTES    = 4096 /* when a data set is copied or skipped */
};

void dimse_assoc_init(struct dimse_assoc *d, struct ul_assoc *ul)
{
    *d = (struct dimse_assoc){ .ul = ul };
}

uint16_t dimse_next_id(struct dimse_assoc *d)
{
    if (++d->next_id == 0)
        d->next_id = 1;
    return d->next_id;
}

/* --- cancels -------------------------------------------------------------------------------- */

static bool is_cancelled(const struct dimse_assoc *d, uint16_t message_id)
{
    for (unsigned i = 0; i < d->cancel_count; i++)
        if (d->cancels[i] == message_id)
            return true;
    return false;
}

static void forget_cancel(struct dimse_assoc *d, uint16_t message_id)
{
    for (unsigned i = 0; i < d->cancel_count; i++)
        if (d->cancels[i] == message_id)
            d->cancels[i--] = d->cancels[--d->cancel_count];
}

static void remember_cancel(struct dimse_assoc *d, uint16_t message_id)
{
    if (is_cancelled(d, message_id))
        return;
    if (d->cancel_count == DIMSE_CANCELS_MAX) { /* the oldest goes: it is long over */
        memmove(d->cancels, d->cancels + 1, sizeof d->cancels - sizeof d->cancels[0]);
        d->cancel_count--;
    }
    d->cancels[d->cancel_count++] = message_id;
}

/* Looks for C-CANCEL among the whole PDVs in `in`, whose first pdu_left bytes end a PDU. True when
 * the peer has aborted. */
static bool scan(struct dimse_assoc *d, iso_bytes in, uint32_t pdu_left)
{
    for (;;) {
        struct ul_pdu_head   head;
        struct ul_pdv        pdv;
        struct dimse_command command;

        if (pdu_left == 0) {
            if (ul_pdu_read_head(in, UINT32_MAX, &head, NULL) < 0)
                return false;
            if (head.type != UL_P_DATA)
                return head.type == UL_ABORT;
            in       = iso_bytes_of(in.ptr + UL_HEAD_BYTES, in.len - UL_HEAD_BYTES);
            pdu_left = head.body_bytes;
            continue;
        }
        if (ul_pdv_read(in, pdu_left, &pdv, NULL) < 0 ||
            in.len - UL_PDV_HEAD_BYTES < pdv.data_bytes)
            return false;
        iso_bytes data = iso_bytes_of(in.ptr + UL_PDV_HEAD_BYTES, pdv.data_bytes);
        if (pdv.is_command && pdv.is_last && dimse_command_read(data, &command, NULL) == ISO_OK &&
            command.field == DIMSE_C_CANCEL_RQ)
            remember_cancel(d, command.respond_to);
        in = iso_bytes_of(data.ptr + data.len, in.len - UL_PDV_HEAD_BYTES - data.len);
        pdu_left -= UL_PDV_HEAD_BYTES + pdv.data_bytes;
    }
}

int dimse_cancelled(struct dimse_assoc *d, uint16_t message_id, struct iso_err *err)
{
    iso_bytes unread;
    uint32_t  pdu_left;

    if (is_cancelled(d, message_id))
        return 1;
    if (d->data_open)
        return 0;
    int rc = ul_assoc_peek(d->ul, &unread, &pdu_left, err);
    if (rc < 0)
        return rc;
    if (scan(d, unread, pdu_left))
        return iso_fail(err, ISO_ECLOSED, "the peer aborted the association");
    return is_cancelled(d, message_id);
}

/* --- receiving ------------------------------------------------------------------------------ */

static int broken(struct dimse_assoc *d, int rc)
{
    ul_assoc_abort(d->ul, UL_ABORT_PROVIDER, UL_ABORT_INVALID_PARAM);
    d->data_open = false;
    return rc;
}

/* The next fragment of the data set. */
static int next_fragment(struct dimse_assoc *d, struct iso_err *err)
{
    struct ul_pdv pdv;
    int           rc = ul_assoc_next(d->ul, UL_WAIT_MORE, &pdv, err);

    if (rc < 0) {
        d->data_open = false;
        return rc == ISO_EEND ? iso_fail(err, ISO_ECLOSED, "released inside a data set") : rc;
    }
    if (pdv.is_command || pdv.context_id != d->data_context)
        return broken(d, iso_fail(err, ISO_EPROTO, "a %s of context %u inside a data set of %u",
                                  pdv.is_command ? "command" : "data set", pdv.context_id,
                                  d->data_context));
    if (pdv.data_bytes == 0 && ++d->data_empty > EMPTY_PDVS_MAX)
        return broken(d, iso_fail(err, ISO_EPROTO, "too many empty fragments"));
    d->data_last = pdv.is_last;
    return ISO_OK;
}

/* Fills ptr as far as it can without waiting for more than the first byte. */
static int64_t data_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct dimse_assoc *d    = ctx;
    uint8_t            *out  = ptr;
    size_t              have = 0;

    while (d->data_open && have < cap && (have == 0 || ul_assoc_buffered(d->ul) > 0)) {
        int64_t n = ul_assoc_read(d->ul, out + have, cap - have, err);

        if (n < 0) {
            d->data_open = false;
            return n;
        }
        have += (size_t)n;
        if (n > 0)
            continue;
        if (d->data_last) {
            d->data_open = false;
        } else {
            int rc = next_fragment(d, err);
            if (rc < 0)
                return rc;
        }
    }
    d->data_bytes += have;
    return (int64_t)have;
}

static int skip_data(struct dimse_assoc *d, struct iso_err *err)
{
    uint8_t chunk[CHUNK_BYTES];

    while (d->data_open) {
        int64_t n = data_read(d, chunk, sizeof chunk, err);
        if (n < 0)
            return (int)n;
    }
    return ISO_OK;
}

/* One whole command set into buf. */
static int collect_command(struct dimse_assoc *d, enum ul_wait wait, struct iso_buf *buf,
                           uint8_t *context_id, struct iso_err *err)
{
    struct ul_pdv pdv   = { 0 };
    unsigned      empty = 0;

    for (bool first = true; first || !pdv.is_last; first = false) {
        uint8_t before = pdv.context_id;
        int     rc     = ul_assoc_next(d->ul, first ? wait : UL_WAIT_MORE, &pdv, err);

        if (rc < 0)
            return rc;
        if (!pdv.is_command)
            return broken(d, iso_fail(err, ISO_EPROTO, "a data set without a command"));
        if (!first && pdv.context_id != before)
            return broken(d, iso_fail(err, ISO_EPROTO, "a command over two contexts"));
        if (ul_assoc_context(d->ul, pdv.context_id) == NULL)
            return broken(d, iso_fail(err, ISO_EPROTO,
                                      "a message in context %u, which is not one "
                                      "of the accepted",
                                      pdv.context_id));
        if (pdv.data_bytes == 0 && ++empty > EMPTY_PDVS_MAX)
            return broken(d, iso_fail(err, ISO_EPROTO, "too many empty fragments"));
        for (uint32_t left = pdv.data_bytes; left > 0;) {
            uint8_t chunk[512];
            int64_t n = ul_assoc_read(d->ul, chunk, sizeof chunk, err);

            if (n < 0)
                return (int)n;
            if (iso_buf_add(buf, chunk, (size_t)n) < 0)
                return broken(d, iso_fail(err, buf->failed, "a command set of more than %d bytes",
                                          DIMSE_COMMAND_BYTES_MAX));
            left -= (uint32_t)n;
        }
    }
    *context_id = pdv.context_id;
    return ISO_OK;
}

/* One message, C-CANCEL included. */
static int receive(struct dimse_assoc *d, enum ul_wait wait, struct iso_arena *arena,
                   struct dimse_message *msg, struct iso_err *err)
{
    struct iso_buf       buf;
    struct dimse_command command;
    uint8_t              context_id = 0;

    iso_buf_init(&buf, DIMSE_COMMAND_BYTES_MAX);
    int rc = collect_command(d, wait, &buf, &context_id, err);
    if (rc < 0)
        goto out;
    rc = dimse_command_read(iso_buf_bytes(&buf), &command, err);
    if (rc < 0) {
        rc = broken(d, rc);
        goto out;
    }
    d->data_open    = command.has_dataset;
    d->data_last    = false;
    d->data_empty   = 0;
    d->data_bytes   = 0;
    d->data_context = context_id;
    if (command.field == DIMSE_C_CANCEL_RQ) {
        msg->command = command; /* its numbers: the views end here */
        goto out;
    }
    iso_bytes kept = iso_arena_bytes(arena, iso_buf_bytes(&buf));
    if (kept.ptr == NULL) {
        rc = broken(d, iso_arena_fail(arena, err));
        goto out;
    }
    rc           = dimse_command_read(kept, &msg->command, err);
    msg->context = ul_assoc_context(d->ul, context_id);
    msg->data    = (struct iso_source){ data_read, d };
out:
    iso_buf_release(&buf);
    return rc;
}

int dimse_recv(struct dimse_assoc *d, enum ul_wait wait, struct iso_arena *arena,
               struct dimse_message *msg, struct iso_err *err)
{
    for (;;) {
        struct dimse_message next = { 0 };
        int                  rc   = skip_data(d, err);

        if (rc == ISO_OK)
            rc = receive(d, wait, arena, &next, err);
        if (rc < 0)
            return rc;
        if (next.command.field != DIMSE_C_CANCEL_RQ) {
            if ((next.command.field & DIMSE_RSP) == 0)
                forget_cancel(d, next.command.message_id); /* a new operation under an old id */
            *msg = next;
            return ISO_OK;
        }
        remember_cancel(d, next.command.respond_to);
    }
}

int dimse_read_all(struct dimse_message *msg, size_t bytes_max, struct iso_arena *arena,
                   iso_bytes *out, struct iso_err *err)
{
    struct iso_buf buf;
    uint8_t        chunk[CHUNK_BYTES];
    int64_t        n  = 0;
    int            rc = ISO_OK;

    iso_buf_init(&buf, bytes_max);
    while (msg->command.has_dataset &&
           (n = msg->data.read(msg->data.ctx, chunk, sizeof chunk, err)) > 0)
        (void)iso_buf_add(&buf, chunk, (size_t)n); /* past the limit: keep skipping */
    if (n < 0)
        rc = (int)n;
    else if ((rc = iso_buf_check(&buf, err)) == ISO_OK) {
        iso_bytes copy = iso_arena_bytes(arena, iso_buf_bytes(&buf));
        if (copy.ptr == NULL)
            rc = iso_arena_fail(arena, err);
        else
            *out = copy;
    }
    iso_buf_release(&buf);
    return rc;
}

/* --- sending -------------------------------------------------------------------------------- */

/* PDUs on their way: heads here, data where it lies. */
struct gather {
    struct dimse_assoc *d;
    size_t              fragment_max;
    uint8_t             context_id;
    size_t              pdus;
    uint8_t             heads[GATHER_PDUS][PDU_HEAD_BYTES];
    iso_bytes           parts[GATHER_PDUS * 2];
};

static int flush(struct gather *g, struct iso_err *err)
{
    size_t pdus = g->pdus;

    g->pdus = 0;
    return pdus > 0 ? ul_assoc_send(g->d->ul, g->parts, pdus * 2, err) : ISO_OK;
}

/* Cuts data into PDUs. is_last: nothing follows it. Sends when full; data must stay until flush(). */
static int add(struct gather *g, bool is_command, bool is_last, iso_bytes data, struct iso_err *err)
{
    do {
        size_t        n   = data.len < g->fragment_max ? data.len : g->fragment_max;
        struct ul_pdv pdv = { .context_id = g->context_id,
                              .is_command = is_command,
                              .is_last    = is_last && n == data.len,
                              .data_bytes = (uint32_t)n };

        if (g->pdus == GATHER_PDUS) {
            int rc = flush(g, err);
            if (rc < 0)
                return rc;
        }
        ul_pdata_write(&pdv, g->heads[g->pdus]);
        g->parts[g->pdus * 2]     = iso_bytes_of(g->heads[g->pdus], PDU_HEAD_BYTES);
        g->parts[g->pdus * 2 + 1] = iso_bytes_of(data.ptr, n);
        g->pdus++;
        data.ptr = n > 0 ? data.ptr + n : data.ptr;
        data.len -= n;
    } while (data.len > 0);
    return ISO_OK;
}

/* A data set whose length shows only at its end: the last two bytes read are held back, so that the
 * last fragment can be marked and none is empty. */
static int add_source(struct gather *g, struct iso_source source, struct iso_err *err)
{
    size_t   cap;
    size_t   len     = 0;
    int64_t  n       = 0;
    uint8_t *scratch = ul_assoc_scratch(g->d->ul, &cap);

    if (scratch == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a send buffer");
    cap = (cap - HOLD_BACK) / g->fragment_max * g->fragment_max + HOLD_BACK;
    do {
        while (len < cap && (n = source.read(source.ctx, scratch + len, cap - len, err)) > 0)
            len += (size_t)n;
        if (n < 0) {
            ul_assoc_abort(g->d->ul, UL_ABORT_USER, 0);
            return (int)n;
        }
        size_t now = n > 0 ? len - HOLD_BACK : len;
        int    rc  = add(g, false, n == 0, iso_bytes_of(scratch, now), err);
        if (rc == ISO_OK)
            rc = flush(g, err);
        if (rc < 0)
            return rc;
        memmove(scratch, scratch + now, len - now);
        len -= now;
    } while (n > 0);
    return ISO_OK;
}

/* A sink that cuts what is written to it into PDUs; the last bytes are held back as above. */
struct cutter {
    struct gather *g;
    uint8_t       *scratch;
    size_t         len;
    size_t         cap;
    int            failed; /* the association, not the producer */
};

static int cutter_write(void *ctx, const void *ptr, size_t len, struct iso_err *err)
{
    struct cutter *cut = ctx;
    const uint8_t *in  = ptr;

    while (len > 0) {
        if (cut->len == cut->cap) {
            size_t now  = cut->cap - HOLD_BACK;
            cut->failed = add(cut->g, false, false, iso_bytes_of(cut->scratch, now), err);
            if (cut->failed == ISO_OK)
                cut->failed = flush(cut->g, err);
            if (cut->failed < 0)
                return cut->failed;
            memmove(cut->scratch, cut->scratch + now, HOLD_BACK);
            cut->len = HOLD_BACK;
        }
        size_t n = cut->cap - cut->len < len ? cut->cap - cut->len : len;
        memcpy(cut->scratch + cut->len, in, n);
        cut->len += n;
        in += n;
        len -= n;
    }
    return ISO_OK;
}

static int add_producer(struct gather *g, const struct dimse_data *data, struct iso_err *err)
{
    struct cutter cut = { .g = g };

    cut.scratch = ul_assoc_scratch(g->d->ul, &cut.cap);
    if (cut.scratch == NULL)
        return iso_fail(err, ISO_ENOMEM, "no memory for a send buffer");
    cut.cap = (cut.cap - HOLD_BACK) / g->fragment_max * g->fragment_max + HOLD_BACK;
    int rc  = data->produce(data->produce_ctx, (struct iso_sink){ cutter_write, &cut }, err);
    if (rc < 0) {
        if (cut.failed == ISO_OK)
            ul_assoc_abort(g->d->ul, UL_ABORT_USER, 0);
        return rc;
    }
    rc = add(g, false, true, iso_bytes_of(cut.scratch, cut.len), err);
    return rc == ISO_OK ? flush(g, err) : rc;
}

struct file_range {
    int      file;
    uint64_t offset;
    uint64_t left;
};

static int64_t file_read(void *ctx, void *ptr, size_t cap, struct iso_err *err)
{
    struct file_range *range = ctx;
    size_t             want  = cap < range->left ? cap : (size_t)range->left;

    if (want == 0)
        return 0;
    int64_t n = os_read_at(range->file, ptr, want, range->offset, err);
    if (n == 0)
        return iso_fail(err, ISO_EFORMAT, "the file ends %llu bytes early",
                        (unsigned long long)range->left);
    if (n > 0) {
        range->offset += (uint64_t)n;
        range->left -= (uint64_t)n;
    }
    return n;
}

static int add_data(struct gather *g, const struct dimse_data *data, struct iso_err *err)
{
    struct file_range range = { data->file, data->offset, data->bytes };

    switch (data->kind) {
    case DIMSE_DATA_MEMORY:
        return add(g, false, true, data->memory, err);
    case DIMSE_DATA_SOURCE:
        return add_source(g, data->source, err);
    case DIMSE_DATA_FILE:
        return add_source(g, (struct iso_source){ file_read, &range }, err);
    case DIMSE_DATA_PRODUCER:
        return add_producer(g, data, err);
    default:
        return ISO_OK;
    }
}

int dimse_send(struct dimse_assoc *d, uint8_t context_id, const struct dimse_command *command,
               const struct dimse_data *data, struct iso_err *err)
{
    struct dimse_command full = *command;
    struct iso_buf       encoded;
    struct gather        g;

    int rc = skip_data(d, err);
    if (rc < 0)
        return rc;
    g.d              = d;
    g.fragment_max   = ul_assoc_fragment_max(d->ul);
    g.context_id     = context_id;
    g.pdus           = 0;
    full.has_dataset = data != NULL && data->kind != DIMSE_DATA_NONE;
    iso_buf_init(&encoded, DIMSE_COMMAND_BYTES_MAX);
    rc = dimse_command_write(&full, &encoded, err);
    if (rc == ISO_OK)
        rc = add(&g, true, true, iso_buf_bytes(&encoded), err);
    if (rc == ISO_OK && full.has_dataset)
        rc = add_data(&g, data, err);
    if (rc == ISO_OK)
        rc = flush(&g, err);
    iso_buf_release(&encoded);
    return rc;
}

int dimse_respond(struct dimse_assoc *d, const struct dimse_message *rq, uint16_t status,
                  iso_str comment, struct iso_err *err)
{
    struct dimse_command rsp = dimse_command_response(&rq->command, status);

    rsp.error_comment = comment;
    return dimse_send(d, rq->context->id, &rsp, NULL, err);
}
