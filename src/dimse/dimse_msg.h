/* dimse_msg.h: DIMSE messages over an association: a command, and perhaps a data set as a stream.
 * PS3.7 §6.3, §8, §9; PS3.8 Annex E.   One thread, the association's. */
#ifndef DIMSE_MSG_H
#define DIMSE_MSG_H

#include "dimse_command.h"
#include "ul_assoc.h"

#include "iso_arena.h"

enum { DIMSE_CANCELS_MAX = 16 /* C-CANCELs remembered, of any message id */ };

/* The message side of one association; about 100 bytes. */
struct dimse_assoc {
    struct ul_assoc *ul; /* borrowed */

    uint8_t  data_context; /* context of the data set being received */
    bool     data_open;    /* its last fragment has not been read to the end */
    bool     data_last;    /* the current PDV is the last */
    unsigned data_empty;   /* empty PDVs seen in it */
    uint64_t data_bytes;   /* of the current data set, read so far */
    uint16_t next_id;
    uint16_t cancels[DIMSE_CANCELS_MAX];
    unsigned cancel_count;
};

/* A message received. Views live in the arena given to dimse_recv(), context in the association. */
struct dimse_message {
    const struct ul_context *context;
    struct dimse_command     command;
    struct iso_source data; /* when command.has_dataset: its bytes, 0 after the last fragment.
                                    * Valid until the next dimse_recv(), which skips the rest. */
};

/* The data set of a message to send. Only one of the kinds. A producer is called once and writes the
 * data set to the sink it is given: what is re-encoded on the fly (dcm_recode pushes). */
enum dimse_data_kind {
    DIMSE_DATA_NONE,
    DIMSE_DATA_MEMORY,
    DIMSE_DATA_SOURCE,
    DIMSE_DATA_FILE,
    DIMSE_DATA_PRODUCER
};
struct dimse_data {
    enum dimse_data_kind kind;
    iso_bytes            memory;
    struct iso_source    source;
    int (*produce)(void *ctx, struct iso_sink sink, struct iso_err *err);
    void    *produce_ctx;
    int      file; /* borrowed descriptor ... */
    uint64_t offset;
    uint64_t bytes; /* ... and the range in it */
};

void dimse_assoc_init(struct dimse_assoc *d, struct ul_assoc *ul);

/* Waits for the next message. C-CANCEL-RQ is not handed out but remembered: see dimse_cancelled().
 * wait: UL_WAIT_IDLE for the next request, UL_WAIT_ANSWER inside an operation of ours.
 *
 * ISO_OK      *msg is filled
 * ISO_EEND    the peer has released the association
 * ISO_EFORMAT the command cannot be understood: the association was aborted
 * others      as ul_assoc_next(); the association is over */
ISO_MUST_USE int dimse_recv(struct dimse_assoc *d, enum ul_wait wait, struct iso_arena *arena,
                            struct dimse_message *msg, struct iso_err *err);

/* The whole data set of msg into the arena: for identifiers. ISO_ELIMIT past bytes_max: the rest is
 * skipped and the association goes on. */
ISO_MUST_USE int dimse_read_all(struct dimse_message *msg, size_t bytes_max,
                                struct iso_arena *arena, iso_bytes *out, struct iso_err *err);

/* Has the peer cancelled the operation with this message id? Never waits. 1 yes, 0 no, negative: the
 * association is over. Other messages that have come stay for dimse_recv(). Not while a data set is
 * being received. */
int dimse_cancelled(struct dimse_assoc *d, uint16_t message_id, struct iso_err *err);

/* Sends a message in full PDUs, as few system calls as may be; data NULL: none. What is left of an
 * incoming data set is skipped before.
 * command->has_dataset is set from data. A failing source, producer or file ends the association
 * (A-ABORT), since half a message cannot be taken back. */
ISO_MUST_USE int dimse_send(struct dimse_assoc *d, uint8_t context_id,
                            const struct dimse_command *command, const struct dimse_data *data,
                            struct iso_err *err);

/* Answers rq with status and, if not empty, an error comment; no data set. */
ISO_MUST_USE int dimse_respond(struct dimse_assoc *d, const struct dimse_message *rq,
                               uint16_t status, iso_str comment, struct iso_err *err);

/* A message id not used lately; never 0. */
uint16_t dimse_next_id(struct dimse_assoc *d);

static inline struct dimse_data dimse_data_memory(iso_bytes memory)
{
    return (struct dimse_data){ .kind = DIMSE_DATA_MEMORY, .memory = memory };
}

static inline struct dimse_data dimse_data_source(struct iso_source source)
{
    return (struct dimse_data){ .kind = DIMSE_DATA_SOURCE, .source = source };
}

static inline struct dimse_data dimse_data_file(int file, uint64_t offset, uint64_t bytes)
{
    return (struct dimse_data){
        .kind = DIMSE_DATA_FILE, .file = file, .offset = offset, .bytes = bytes
    };
}

#endif
