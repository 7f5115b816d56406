/* fault_work.h: the fixed workload of fault_points, its ledger, and the judge.
 * Objects have a number and versions from 1 on; content follows from both. The ledger lies in memory that outlives the
 * process: before each operation it says what may be found from now on, after the answer what must be. */
#ifndef FAULT_WORK_H
#define FAULT_WORK_H

#include "iso_err.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORK_OBJECTS = 40, WORK_ABSENT = 1 /* bit 0; bit v: version v */ };

struct work_ledger {
    uint32_t may[WORK_OBJECTS];
    uint32_t before[WORK_OBJECTS]; /* the object before its last operation, for those that failed */
    volatile unsigned acknowledged;
    volatile unsigned failed; /* operations that were answered with an error */
    volatile unsigned
        unclean; /* ... with one that is no answer to a lack of room or a broken disk */
    volatile unsigned after_flush;   /* acknowledged although a flush had failed before */
    volatile unsigned not_recovered; /* still refused when the fault was over */
    volatile unsigned done;          /* the workload came to its end */
    char              why[600];      /* the first thing that was wrong */
};

void work_ledger_init(struct work_ledger *ledger);

/* How it is run: what the harness wants to know or do between operations. */
struct work {
    const char         *folder;
    struct work_ledger *ledger;
    bool (*flush_failed)(void); /* has a flush been made to fail? NULL: no */
    bool (*index_flush_failed)(void);
    void (*restarts)(void); /* what failed before counts no more */
    void (*heal)(
        void); /* the fault is over: every operation is tried once more; NULL: nothing fails */
};

/* Opens, stores one by one and several at once, small and large, replaces, removes, encodes anew, closes, opens again,
 * goes on. 0: it came to its end. */
int work_run(const struct work *work);
/* Opens and closes: a recovery, if there is something to recover. */
int work_open(const struct work *work);

/* What the judge counts. */
struct work_verdict {
    unsigned found;
    unsigned lost;       /* acknowledged, and not there */
    unsigned strays;     /* large files that nothing names: for `isocenter verify --repair` */
    unsigned mismatches; /* there with other bytes than any that it may have */
    unsigned
         violations; /* came back after its removal, a row without its object, an object without a row, ... */
    char why[600]; /* the first of them */
};

/* strays_pass: they are counted, and no violation.
 * Opens (recovers), compares with the ledger, looks at rows and files, opens once more, stores every object. */
void work_judge(const char *folder, const struct work_ledger *ledger, bool strays_pass,
                struct work_verdict *verdict);

#endif
