/* SPDX-License-Identifier: Apache-2.0 */
#include "report/reportview.h"

#include "report/statusview.h"

#include <inttypes.h>

int64_t
reportview_faults(const ReportDatabase *database)
{
    int64_t faults = 0;
    for (size_t i = 0; i < database->policy_count; i++)
    {
        const ReportPolicy *policy = &database->policies[i];
        faults += policy->overdue || policy->problem != NULL || policy->counts.late > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < database->subject_count; i++)
    {
        const ReportSubject *subject = &database->subjects[i];
        faults += subject->overdue > 0 || subject->problem != NULL || subject->counts.late > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < database->status.disposal_count; i++)
    {
        const StatusDisposal *s = &database->status.disposals[i];
        const bool late_copy = s->overdue && s->disposal->state == STATE_ERASED;
        faults += s->disposal->attempts > 0 || late_copy ? 1 : 0;
    }
    for (size_t i = 0; i < database->processor_count; i++)
        faults += database->processors[i].overdue > 0 ? 1 : 0;
    return faults + (database->status.coverage_problem != NULL ? 1 : 0) + (database->status.error != NULL ? 1 : 0);
}

static const char *
table_name(Arena *arena, const TableName *name)
{
    return arena_printf(arena, "%s.%s", name->schema, name->table);
}

static void
set_counts(JsonDoc *doc, const ReportCounts *counts)
{
    jsondoc_set_integer(doc, "opened", counts->opened);
    jsondoc_set_integer(doc, "archived", counts->archived);
    jsondoc_set_integer(doc, "erased", counts->erased);
    jsondoc_set_integer(doc, "erased_in_time", counts->in_time);
    jsondoc_set_integer(doc, "erased_late", counts->erased - counts->in_time);
    jsondoc_set_integer(doc, "cleared", counts->cleared);
    jsondoc_set_integer(doc, "withdrawn", counts->withdrawn);
    jsondoc_set_integer(doc, "rows_archived", counts->rows_archived);
    jsondoc_set_integer(doc, "rows_erased", counts->rows_erased);
    jsondoc_set_integer(doc, "rows_changed", counts->rows_changed);
    jsondoc_set_integer(doc, "rows_cleared", counts->rows_cleared);
    jsondoc_set_integer(doc, "under_way_now", counts->under_way);
    jsondoc_set_integer(doc, "late_now", counts->late);
}

static JsonDoc *
exempt_json(const ReportPolicy *policy)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; policy->rule != NULL && policy->rows_exempt != NULL && i < policy->rule->exempt_count; i++)
    {
        const ExemptRule *rule = &policy->rule->exempts[i];
        JsonDoc *entry = jsondoc_object();
        jsondoc_set_integer(entry, "rows", policy->rows_exempt[i]);
        jsondoc_set_instant(entry, "until", policy->exempt_until == NULL ? INSTANT_NONE : policy->exempt_until[i]);
        jsondoc_set_string(entry, "keep_for", rule->keep_for);
        jsondoc_set_string(entry, "purpose", rule->purpose);
        jsondoc_set_string(entry, "basis", rule->basis);
        jsondoc_push(list, entry);
    }
    return list;
}

static JsonDoc *
policy_json(Arena *arena, const ReportPolicy *policy)
{
    const PolicyRule *rule = policy->rule;
    JsonDoc *doc = jsondoc_object();

    jsondoc_set_string(doc, "name", rule == NULL ? policy->counts.policy : rule->name);
    jsondoc_set_bool(doc, "configured", rule != NULL);
    if (rule != NULL)
    {
        jsondoc_set_string(doc, "class", rule->class_name);
        jsondoc_set_string(doc, "table", table_name(arena, &rule->table));
        jsondoc_set_string(doc, "age", rule->age);
        jsondoc_set_string(doc, "keep_for", rule->keep_for);
        jsondoc_set_string(doc, "grace", rule->grace);
        jsondoc_set_string(doc, "purpose", rule->purpose);
        jsondoc_set_string(doc, "basis", rule->basis);
        jsondoc_set_string(doc, "subject_kind", rule->subject_kind);
        jsondoc_set_instant(doc, "oldest_row", policy->oldest);
        jsondoc_set_instant(doc, "cutoff", policy->cutoff);
        jsondoc_set_integer(doc, "rows_past_window", policy->rows_due);
        jsondoc_set_bool(doc, "overdue", policy->overdue);
        jsondoc_set_integer(doc, "rows_held", policy->rows_held);
        jsondoc_set(doc, "exempt", exempt_json(policy));
    }
    set_counts(doc, &policy->counts);
    jsondoc_set_string(doc, "problem", policy->problem);
    return doc;
}

static JsonDoc *
subject_json(Arena *arena, const ReportSubject *subject)
{
    const SubjectRule *rule = subject->rule;
    JsonDoc *doc = jsondoc_object();

    jsondoc_set_string(doc, "kind", rule == NULL ? subject->counts.kind : rule->kind);
    jsondoc_set_bool(doc, "configured", rule != NULL);
    if (rule != NULL)
    {
        jsondoc_set_string(doc, "table", table_name(arena, &rule->root));
        jsondoc_set_string(doc, "grace", rule->grace);
        jsondoc_set_string(doc, "purpose", rule->purpose);
        jsondoc_set_string(doc, "basis", rule->basis);
        jsondoc_set_integer(doc, "ended_and_not_opened", subject->waiting);
        jsondoc_set_integer(doc, "ended_and_overdue", subject->overdue);
    }
    set_counts(doc, &subject->counts);
    jsondoc_set_string(doc, "problem", subject->problem);
    return doc;
}

static JsonDoc *
holds_json(const ReportDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->hold_count; i++)
    {
        const ReportHold *hold = &database->holds[i];
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_string(doc, "kind", hold->kind);
        jsondoc_set_string(doc, "type", hold->type);
        jsondoc_set_integer(doc, "in_force", hold->in_force);
        jsondoc_set_instant(doc, "first_ends", hold->first_end);
        jsondoc_set_integer(doc, "placed", hold->placed);
        jsondoc_set_integer(doc, "ended", hold->released + hold->expired);
        jsondoc_set_integer(doc, "released", hold->released);
        jsondoc_set_integer(doc, "expired", hold->expired);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
disposals_json(Arena *arena, const ReportDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->disposal_count; i++)
    {
        const ReportDisposal *d = &database->disposals[i];
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_string(doc, "disposal", arena_printf(arena, "%s-%" PRId64, database->status.name, d->id));
        jsondoc_set_string(doc, "kind", d->kind);
        jsondoc_set_string(doc, "subject_commitment", d->commitment);
        jsondoc_set_string(doc, "ground", d->ground);
        jsondoc_set_bool(doc, "immediate", d->immediate);
        jsondoc_set_string(doc, "state", lifecycle_state_name(d->state));
        jsondoc_set_instant(doc, "requested", d->requested_at);
        jsondoc_set_instant(doc, "ended_at", d->ended_at);
        jsondoc_set_instant(doc, "archived_at", d->archived_at);
        jsondoc_set_instant(doc, "due_at", d->due_at);
        jsondoc_set_instant(doc, "deadline", d->deadline);
        jsondoc_set_instant(doc, "erased_at", d->erased_at);
        jsondoc_set_instant(doc, "cleared_at", d->cleared_at);
        jsondoc_set_instant(doc, "withdrawn_at", d->withdrawn_at);
        jsondoc_set_instant(doc, "restored_at", d->restored_at);
        jsondoc_set_string(doc, "standing", collect_deadline(d, database->status.now));
        jsondoc_set_integer(doc, "rows_archived", d->rows_archived);
        jsondoc_set_integer(doc, "rows_erased", d->rows_erased);
        jsondoc_set_integer(doc, "rows_changed", d->rows_changed);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
weeks_json(const ReportDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->week_count; i++)
    {
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_instant(doc, "week", database->weeks[i].week);
        jsondoc_set_string(doc, "kind", database->weeks[i].kind);
        jsondoc_set_string(doc, "policy", database->weeks[i].policy);
        jsondoc_set_integer(doc, "disposals", database->weeks[i].disposals);
        jsondoc_set_integer(doc, "rows_erased", database->weeks[i].rows);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
overdue_json(const ReportDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->overdue_count; i++)
    {
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_instant(doc, "at", database->overdue[i].at);
        jsondoc_set_integer(doc, "disposals", database->overdue[i].disposals);
        jsondoc_set_instant(doc, "oldest_deadline", database->overdue[i].oldest);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
kept_json(const ReportDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->kept_count; i++)
    {
        const ReportKept *kept = &database->kept[i];
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_string(doc, "what", kept->what);
        jsondoc_set_string(doc, "why", kept->why);
        jsondoc_set_integer(doc, "rows", kept->rows);
        jsondoc_set_integer(doc, "disposals", kept->disposals);
        jsondoc_set_instant(doc, "first_until", kept->first_until);
        jsondoc_set_instant(doc, "until", kept->last_until);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
stores_json(Arena *arena, const StatusDatabase *status)
{
    JsonDoc *list = jsondoc_array();
    ReportStore *stores;
    size_t count;

    collect_stores(arena, status, &stores, &count);
    for (size_t i = 0; i < count; i++)
    {
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_string(doc, "store", stores[i].store);
        for (int state = COPY_PENDING; state < COPY_GONE; state++)
            jsondoc_set_integer(doc, copystates_name((CopyState)state), stores[i].disposals[state]);
        jsondoc_set_integer(doc, "late", stores[i].late);
        jsondoc_set_integer(doc, "failing", stores[i].failing);
        jsondoc_set_instant(doc, "last_until", stores[i].last_until);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
processors_json(const ReportDatabase *database)
{
    JsonDoc *list = jsondoc_array();
    for (size_t i = 0; i < database->processor_count; i++)
    {
        const ReportProcessor *p = &database->processors[i];
        JsonDoc *doc = jsondoc_object();
        jsondoc_set_string(doc, "name", p->name);
        jsondoc_set_integer(doc, "told", p->told);
        jsondoc_set_integer(doc, "confirmed", p->confirmed);
        jsondoc_set_integer(doc, "settled_by_hand", p->settled);
        jsondoc_set_integer(doc, "outstanding", p->outstanding);
        jsondoc_set_integer(doc, "failing", p->failing);
        jsondoc_set_integer(doc, "overdue", p->overdue);
        jsondoc_set_instant(doc, "first_deadline", p->first_deadline);
        jsondoc_push(list, doc);
    }
    return list;
}

static JsonDoc *
database_json(Arena *arena, const ReportDatabase *database)
{
    const StatusDatabase *status = &database->status;
    JsonDoc *doc = jsondoc_object();
    JsonDoc *late = jsondoc_array();
    JsonDoc *policies = jsondoc_array();
    JsonDoc *subjects = jsondoc_array();

    for (size_t i = 0; i < database->policy_count; i++)
        jsondoc_push(policies, policy_json(arena, &database->policies[i]));
    for (size_t i = 0; i < database->subject_count; i++)
        jsondoc_push(subjects, subject_json(arena, &database->subjects[i]));
    for (size_t i = 0; i < status->disposal_count; i++)
        if (statusview_is_late(&status->disposals[i]))
            jsondoc_push(late, statusview_disposal(arena, status, &status->disposals[i]));
    jsondoc_set_string(doc, "name", status->name);
    jsondoc_set_string(doc, "region", status->region);
    jsondoc_set_string(doc, "error", status->error);
    jsondoc_set_bool(doc, "paused", status->paused);
    jsondoc_set_string(doc, "pause", status->pause_story);
    jsondoc_set_string(doc, "scope_problem", status->coverage_problem);
    jsondoc_set(doc, "policies", policies);
    jsondoc_set(doc, "subjects", subjects);
    jsondoc_set(doc, "disposals", disposals_json(arena, database));
    jsondoc_set(doc, "erased_by_week", weeks_json(database));
    jsondoc_set(doc, "overdue_over_time", overdue_json(database));
    jsondoc_set(doc, "holds", holds_json(database));
    jsondoc_set_integer(doc, "refused_attempts", database->refused);
    jsondoc_set(doc, "not_erased", kept_json(database));
    jsondoc_set(doc, "copies", stores_json(arena, status));
    jsondoc_set(doc, "processors", processors_json(database));
    jsondoc_set(doc, "failing_or_overdue", late);
    jsondoc_set_integer(doc, "faults", reportview_faults(database));
    jsondoc_set_integer(doc, "ledger_pending", database->pending);
    return doc;
}

void
reportview_json(Arena *arena, const Report *report, JsonDoc *object)
{
    JsonDoc *databases = jsondoc_array();
    JsonDoc *ledger = jsondoc_object();

    for (size_t i = 0; i < report->database_count; i++)
        jsondoc_push(databases, database_json(arena, &report->databases[i]));
    jsondoc_set_bool(ledger, "verifies", report->ledger_problem == NULL);
    jsondoc_set_string(ledger, "problem", report->ledger_problem);
    if (report->ledger_problem == NULL)
    {
        jsondoc_set_integer(ledger, "entries", report->ledger.seq);
        jsondoc_set_integer(ledger, "seq", report->ledger.seq);
        jsondoc_set_string(ledger, "digest", report->ledger.digest);
    }
    collect_set_checkpoint(ledger, report->checkpoint);
    jsondoc_set_instant(object, "from", report->from);
    jsondoc_set_instant(object, "to", report->to);
    jsondoc_set_instant(object, "made_at", report->made_at);
    jsondoc_set_string(object, "overdue_after", report->overdue_after);
    jsondoc_set_string(object, "configuration_digest", report->configuration);
    jsondoc_set(object, "databases", databases);
    jsondoc_set(object, "ledger", ledger);
}
