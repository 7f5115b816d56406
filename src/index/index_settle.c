/* index_settle.c: series that settle: their news, and the ready answers. The packs themselves are the
 * business of index_pack.c. */
#include "index_settle.h"

#include "index_change.h"
#include "os_clock.h"

/* ---- news ---- */

/* A series is either unsettled or it may have a ready answer: what is asked for at each object of a
 * burst is one row that is at hand. */
int index_news(struct index *index, struct sql *sql, int64_t series, struct iso_err *err)
{
    const int64_t now_us = os_wall_us();
    int           rc;

    index->news_us = now_us > index->news_us ? now_us : index->news_us + 1;
    rc = RUN_INTS(sql, "UPDATE unsettled SET news_us = max(news_us + 1, ?2) WHERE series = ?1", err,
                  series, index->news_us);
    if (rc < 0 || sqlite3_changes(sql->db) > 0)
        return rc;
    rc = RUN_INTS(sql, "INSERT INTO unsettled(series, news_us) VALUES(?,?)", err, series,
                  index->news_us);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM ready WHERE series = ?", err, series);
    if (rc >= 0)
        rc = RUN_INTS(sql, "DELETE FROM piece WHERE series = ?", err, series);
    return rc;
}

int index_settled_drop(struct sql *sql, int64_t series, struct iso_err *err)
{
    static const char *const steps[] = {
        "DELETE FROM unsettled WHERE series = ?",
        "DELETE FROM ready WHERE series = ?",
        "DELETE FROM piece WHERE series = ?",
        "DELETE FROM pack WHERE series = ?",
    };
    int rc = ISO_OK;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && rc >= 0; i++)
        rc = RUN_INTS(sql, steps[i], err, series);
    return rc;
}
