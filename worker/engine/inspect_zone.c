/* SPDX-License-Identifier: Apache-2.0 */
/* inspect_zone.c -- the part of inspect.h that looks for points in time without a time zone: they are read as UTC, whatever
 * the session of the application that wrote them was set to. */
#include "engine/inspect_private.h"

#include "sql.h"

#include <string.h>

static void
tell(Findings *findings, const GraphTable *table, const char *setting, const char *value, const char *zone)
{
    inspect_add(findings,
                (Finding){
                    .severity = SEVERITY_WARNING,
                    .where = inspect_table_name(findings->arena, table),
                    .what = arena_printf(findings->arena,
                                         "%s \"%s\" is of type timestamp without time zone and is read as UTC; this "
                                         "database's own time zone is %s",
                                         setting, value, zone),
                    .remedy =
                        strcmp(setting, "age") == 0
                            ? arena_printf(findings->arena,
                                           "where the application writes %s: age = \"(%s) at time zone '%s'\";", zone,
                                           value, zone)
                            : arena_printf(findings->arena,
                                           "where the application writes %s: a grace period that is longer by the "
                                           "difference, or a column with a time zone",
                                           zone) });
}

static bool
lacks_zone(const char *type)
{
    return strncmp(type, "timestamp", 9) == 0 && strstr(type, "without time zone") != NULL;
}

static const char *
ended_type(const Target *target)
{
    const GraphTable *root = &target->graph->tables[target->root];
    const size_t column = target->subject == NULL || target->subject->ended_at == NULL
                              ? GRAPH_NONE
                              : graph_column(root, target->subject->ended_at);
    return column == GRAPH_NONE ? "" : root->columns[column].base_type;
}

Err
inspect_zone(Findings *findings, Session *session)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;

    TRY(db_query_row(session->db, SQL_database_zone, 0, NULL, &row));
    if (!db_bool(row, 0, 1))
        return OK;
    for (size_t i = 0; i < session->targets.count; i++)
    {
        const Target *target = &session->targets.list[i];
        const GraphTable *table = &target->graph->tables[target->root];
        if (target->policy != NULL && target->owner == NULL && lacks_zone(target->age_type))
            tell(findings, table, "age", target->policy->age, db_text(row, 0, 0));
        if (lacks_zone(ended_type(target)))
            tell(findings, table, "ended_at", target->subject->ended_at, db_text(row, 0, 0));
    }
    return OK;
}
