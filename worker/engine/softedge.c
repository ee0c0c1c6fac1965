/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/softedge.h"

#include "base/text.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

#define PROBE "pg_temp.expunge_probe"

typedef struct Probe
{
    Session *session;
    Arena *arena;
    const Graph *graph;
    GraphEdge *edge;
    const EdgeRule *rule;
    const GraphTable *child;
} Probe;

/* -- what the server says of a piece of SQL --------------------------------------------------------------------------- */

/* The column that was meant where the server knows none of that name; NULL: nobody can say. */
static const char *
meant_column(const Probe *p)
{
    const char *story = err_joined();
    const char *open = strchr(story, '"'), *close = open == NULL ? NULL : strchr(open + 1, '"');
    const char **known = ARENA_ARRAY(p->arena, const char *, p->child->column_count + 1);

    if (strcmp(db_sqlstate(p->session->db), "42703") != 0 || close == NULL)
        return NULL;
    for (size_t c = 0; c < p->child->column_count; c++)
        known[c] = p->child->columns[c].name;
    const int near = text_nearest(arena_strndup(p->arena, open + 1, (size_t)(close - open - 1)), known,
                                  p->child->column_count);
    return near < 0 ? NULL : known[near];
}

/* A failure that the configuration is to blame for. */
static Err
blame(const Probe *p, Err e, const char *setting)
{
    static const char *const classes[] = { "42", "22", "0A", "2B", "21" };
    const char *state = db_sqlstate(p->session->db);
    bool own = false;

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        own = own || strncmp(state, classes[i], 2) == 0;
    if (e != ERR_DATABASE || !own)
        return e;
    const char *path = p->session->rules->config_path;
    if (strcmp(state, "42P17") == 0)
        return err_note(ERR_CONFIG,
                        "%s:%d: %s: its value may be another one each time; must use functions that are IMMUTABLE",
                        path, p->rule->line, setting);
    const char *near = meant_column(p);
    return err_note(ERR_CONFIG, "%s:%d: %s: the database does not take it for a row of \"%s.%s\"%s%s%s", path,
                    p->rule->line, setting, p->child->schema, p->child->name, near == NULL ? "" : "; did you mean \"",
                    near == NULL ? "" : near, near == NULL ? "" : "\"?");
}

/* An index takes what is immutable, speaks of this one row and holds no subquery; it is never used. */
static Err
try_condition(const Probe *p, const char *setting, const char *condition)
{
    const Err e = db_exec(p->session->db,
                          arena_printf(p->arena, "create index on %s ((0)) where (%s)", PROBE, condition));
    return e == OK ? OK : blame(p, e, setting);
}

static const char *
value_of(const Probe *p)
{
    if (p->edge->expression != NULL)
        return arena_printf(p->arena, "(%s)", p->edge->expression);
    Text text = TEXT_INIT(p->arena);
    for (size_t c = 0; c < p->edge->column_count; c++)
        text_addf(&text, "%s%s", c > 0 ? ", " : "", p->child->columns[p->edge->child_columns[c]].quoted);
    return text_done(&text);
}

static Err
probe_index(const Probe *p)
{
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *setting = p->edge->element ? "match" : p->edge->expression != NULL ? "expression" : "where";
    const char *sql = arena_printf(p->arena, "create index expunge_probe_value on %s using %s (%s)%s%s%s", PROBE,
                                   p->edge->element ? "gin" : "btree", value_of(p),
                                   p->edge->where == NULL ? "" : " where (",
                                   p->edge->where == NULL ? "" : p->edge->where, p->edge->where == NULL ? "" : ")");
    const Err e = db_exec(p->session->db, sql);
    if (e != OK)
        return blame(p, e, setting);
    TRY(db_query_row(p->session->db, "select 'pg_temp.expunge_probe_value'::regclass::oid::text", 0, NULL, &row));
    const char *params[] = { arena_printf(p->arena, "%" PRId64, p->child->oid),
                             arena_strdup(p->arena, db_text(row, 0, 0)) };
    db_result_freep(&row);
    TRY(db_query_row(p->session->db, SQL_softedge_index, 2, params, &row));
    p->edge->indexed = db_bool(row, 0, 0);
    return OK;
}

/* -- types ------------------------------------------------------------------------------------------------------------ */

static Err
type_of_value(const Probe *p, const char **ret_type, const char **ret_element)
{
    CLEANUP(db_result_freep) DbResult *oid = NULL;
    CLEANUP(db_result_freep) DbResult *row = NULL;
    const char *sql = arena_printf(p->arena, "select pg_typeof((select %s from %s limit 0))::oid::text", value_of(p),
                                   PROBE);
    const Err e = db_query_row(p->session->db, sql, 0, NULL, &oid);
    if (e != OK)
        return blame(p, e, p->edge->expression != NULL ? "expression" : "from");
    const char *params[] = { db_text(oid, 0, 0) };
    TRY(db_query_row(p->session->db, SQL_softedge_type, 1, params, &row));
    *ret_type = arena_strdup(p->arena, db_text(row, 0, 0));
    *ret_element = db_copy_text(p->arena, row, 0, 1);
    return OK;
}

static int
integer_bytes(const char *type)
{
    return strcmp(type, "smallint") == 0 ? 2 : strcmp(type, "integer") == 0 ? 4 : strcmp(type, "bigint") == 0 ? 8 : 0;
}

static const GraphColumn *
key_of(const Probe *p, size_t column)
{
    return &p->graph->tables[p->edge->parent].columns[p->edge->parent_columns[column]];
}

static bool
spells(const char *type, const char *key)
{
    return graph_type_is_text(type) && !graph_type_is_text(key) && strcmp(key, "citext") != 0 &&
           strcmp(key, "name") != 0;
}

static void
set_as_text(const Probe *p)
{
    p->edge->as_text = ARENA_ARRAY(p->session->arena, bool, p->edge->column_count);
    p->edge->as_text[0] = true;
}

static Err
refuse_types(const Probe *p, const char *setting, const char *type, const GraphColumn *key)
{
    const GraphTable *parent = &p->graph->tables[p->edge->parent];
    return err_new(
        ERR_CONFIG,
        "%s:%d: %s: a value of type %s cannot be compared with \"%s.%s\".\"%s\", which is %s; must be of that "
        "type, or a text that spells it: expression = \"…::text\"",
        p->session->rules->config_path, p->rule->line, setting, type, parent->schema, parent->name, key->name,
        key->base_type);
}

/* Ask the server whether it compares the two; a failed question costs its own savepoint. */
static Err
judge_comparison(const Probe *p, const char *setting, const char *type, const GraphColumn *key)
{
    if (strcmp(type, key->base_type) == 0 || (graph_type_is_text(type) && graph_type_is_text(key->base_type)))
        return OK;
    TRY(db_exec(p->session->db, "savepoint expunge_types"));
    const Err e = db_exec(p->session->db, arena_printf(p->arena, "select null::%s = null::%s", type, key->base_type));
    if (e == OK)
        return db_exec(p->session->db, "release savepoint expunge_types");
    if (e != ERR_DATABASE || strncmp(db_sqlstate(p->session->db), "42", 2) != 0)
        return e;
    err_clear();
    return refuse_types(p, setting, type, key);
}

/* Arrays are compared as a whole, so that an index over their elements serves: both sides are of one type. */
static Err
bind_element(const Probe *p)
{
    const GraphColumn *key = key_of(p, 0);
    const char *type, *element;

    TRY(type_of_value(p, &type, &element));
    if (element == NULL)
        return err_new(ERR_CONFIG,
                       "%s:%d: match: \"element\" is for arrays, but the value is of type %s; must be \"equal\"",
                       p->session->rules->config_path, p->rule->line, type);
    const int held = integer_bytes(element), wanted = integer_bytes(key->base_type);
    p->edge->value_type = arena_printf(p->session->arena, "%s[]", element);
    if (spells(element, key->base_type))
        set_as_text(p);
    else if (held > 0 && wanted > held)
        p->edge->value_type = p->edge->value_cast = arena_printf(p->session->arena, "%s[]", key->base_type);
    else if (strcmp(element, key->base_type) != 0 && !(held > 0 && wanted > 0) &&
             !(graph_type_is_text(element) && graph_type_is_text(key->base_type)))
        return refuse_types(p, "match", arena_printf(p->arena, "%s[]", element), key);
    return OK;
}

static Err
bind_expression(const Probe *p)
{
    const char *type, *element;

    TRY(type_of_value(p, &type, &element));
    if (spells(type, key_of(p, 0)->base_type))
    {
        set_as_text(p);
        return OK;
    }
    return judge_comparison(p, "expression", type, key_of(p, 0));
}

static Err
bind_columns(const Probe *p)
{
    for (size_t c = 0; c < p->edge->column_count; c++)
        if (p->edge->as_text == NULL || !p->edge->as_text[c])
            TRY(judge_comparison(p, "from", p->child->columns[p->edge->child_columns[c]].base_type, key_of(p, c)));
    return OK;
}

/* -- one edge --------------------------------------------------------------------------------------------------------- */

/* A new value must be one that the column takes; and, where the row still refers afterwards, the same each time, for what
 * is still to be changed is found by comparing it. */
static Err
probe_sets(const Probe *p)
{
    for (size_t i = 0; i < p->rule->set_count; i++)
    {
        const GraphColumn *column = &p->child->columns[graph_column(p->child, p->rule->sets[i].column)];
        const char *setting = arena_printf(p->arena, "set.%s", column->name);
        TRY(db_exec(p->session->db, "savepoint expunge_set"));
        const Err e = db_exec(p->session->db,
                              arena_printf(p->arena, "explain update %s expunge_t set %s = (%s) where false",
                                           p->child->quoted, column->quoted, p->rule->sets[i].expression));
        if (e != OK && e != ERR_PERMISSION) /* who only looks need not be able to write */
            return blame(p, e, setting);
        err_clear();
        TRY(db_exec(p->session->db, "rollback to savepoint expunge_set"));
        if (!graph_edge_is_cut(p->graph, p->edge))
            TRY(try_condition(p, setting,
                              arena_printf(p->arena, "((%s)::%s) is null", p->rule->sets[i].expression, column->type)));
    }
    return OK;
}

static bool
needs_probe(const GraphEdge *edge)
{
    return edge->where != NULL || edge->expression != NULL || edge->element || edge->rule->set_count > 0;
}

static Err
probe_edge(const Probe *p)
{
    if (p->edge->where != NULL)
        TRY(try_condition(p, "where", p->edge->where));
    if (p->edge->element)
        TRY(bind_element(p));
    else if (p->edge->expression != NULL)
        TRY(bind_expression(p));
    else if (!p->edge->declared)
        TRY(bind_columns(p));
    if (p->edge->where != NULL || p->edge->expression != NULL || p->edge->element)
        TRY(probe_index(p));
    return probe_sets(p);
}

static Err
bind_edge(Session *session, const Graph *graph, GraphEdge *edge)
{
    CLEANUP(arena_freep) Arena *scratch = arena_new();
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    const Probe p = { .session = session,
                      .arena = scratch,
                      .graph = graph,
                      .edge = edge,
                      .rule = edge->rule,
                      .child = &graph->tables[edge->child] };

    TRY(db_begin(session->db, session->look_only ? "read write" : "", &tx));
    if (needs_probe(edge))
        TRY(db_exec(session->db, arena_printf(scratch, "create temporary table expunge_probe (like %s) on commit drop",
                                              p.child->quoted)));
    return probe_edge(&p);
}

Err
softedge_bind(Session *session)
{
    for (size_t t = 0; t < session->targets.count; t++)
    {
        const Graph *graph = session->targets.list[t].graph;
        for (size_t e = 0; e < graph->edge_count; e++)
        {
            GraphEdge *edge = &graph->edges[e];
            if (edge->rule != NULL && (!edge->declared || edge->rule->set_count > 0))
                TRY(bind_edge(session, graph, edge));
        }
    }
    return OK;
}
