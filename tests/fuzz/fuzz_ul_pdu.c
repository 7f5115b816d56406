/* A stream of PDUs as a peer could send it. What decodes must encode, and decode to the same again. */
#include "iso_reader.h"
#include "ul_pdu.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void associate(iso_bytes body, uint8_t type)
{
    struct ul_associate *as = malloc(sizeof *as);
    struct iso_buf       first;
    struct iso_buf       second;

    iso_buf_init(&first, 1 << 22);
    iso_buf_init(&second, 1 << 22);
    if (as != NULL && ul_associate_read(body, type, as, NULL) == ISO_OK &&
        ul_associate_write(as, type, &first, NULL) == ISO_OK) {
        iso_bytes again = iso_bytes_of(first.ptr + UL_HEAD_BYTES, first.len - UL_HEAD_BYTES);

        if (ul_associate_read(again, type, as, NULL) < 0 ||
            ul_associate_write(as, type, &second, NULL) < 0 ||
            !iso_bytes_eq(iso_buf_bytes(&first), iso_buf_bytes(&second)))
            abort();
    }
    iso_buf_release(&first);
    iso_buf_release(&second);
    free(as);
}

static void pdata(iso_bytes body)
{
    while (body.len > 0) {
        uint8_t       head[UL_HEAD_BYTES + UL_PDV_HEAD_BYTES];
        struct ul_pdv pdv;
        struct ul_pdv again;

        if (ul_pdv_read(body, (uint32_t)body.len, &pdv, NULL) < 0)
            return;
        ul_pdata_write(&pdv, head);
        if (ul_pdv_read(iso_bytes_of(head + UL_HEAD_BYTES, UL_PDV_HEAD_BYTES),
                        pdv.data_bytes + UL_PDV_HEAD_BYTES, &again, NULL) < 0 ||
            again.data_bytes != pdv.data_bytes || again.context_id != pdv.context_id)
            abort();
        size_t used = UL_PDV_HEAD_BYTES + (size_t)pdv.data_bytes;
        body        = iso_bytes_of(body.ptr + used, body.len - used);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iso_reader r = iso_reader_of(iso_bytes_of(data, size));

    for (;;) {
        struct ul_pdu_head head;
        struct ul_reject   reject;
        struct ul_abort    abort_pdu;

        if (ul_pdu_read_head(iso_bytes_of(r.ptr, r.left), 1 << 20, &head, NULL) < 0)
            return 0;
        iso_skip(&r, UL_HEAD_BYTES);
        size_t    have = head.body_bytes < iso_left(&r) ? head.body_bytes : iso_left(&r);
        iso_bytes body = iso_read_bytes(&r, have); /* the last one may be cut off */
        if (head.type == UL_ASSOCIATE_RQ || head.type == UL_ASSOCIATE_AC)
            associate(body, head.type);
        else if (head.type == UL_P_DATA)
            pdata(body);
        else if (ul_reject_read(body, &reject, NULL) == ISO_OK &&
                 ul_abort_read(body, &abort_pdu, NULL) == ISO_OK &&
                 (ul_reject_text(&reject) == NULL || ul_abort_text(&abort_pdu) == NULL))
            abort();
    }
}
