/* SPDX-License-Identifier: Apache-2.0 */
/* steps.c -- one step of the worker by the worker's own functions, timed apart from the rest of a run; and a command's
 * time and memory.  For run.sh; prints one line of "name=value" pairs.
 *
 *   steps copy  CONFIG DATABASE KIND KEY TABLE   a subject's rows of TABLE into a snapshot: sealed, hashed, synced
 *   steps erase CONFIG DATABASE KIND KEY TABLE   the same rows erased, batch by batch
 *   steps move  CONFIG DATABASE POLICY AS_OF     a policy's rows, moved, and the snapshot sealed
 *   steps time  FILE COMMAND [ARGUMENT...]       run it with its output in FILE */
#include "base/text.h"
#include "engine/archive.h"
#include "engine/discover.h"
#include "engine/erase.h"
#include "engine/move.h"
#include "engine/pass.h"
#include "engine/settings.h"
#include "engine/stop.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static double
seconds_since(int64_t start_us)
{
    return (double)(instant_monotonic() - start_us) / 1e6;
}

static double
cpu_seconds(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + (double)usage->ru_stime.tv_sec +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* -- what a step needs --------------------------------------------------------------------------------------------- */

typedef struct Bench
{
    Arena *arena;
    Rules *rules;
    House house;
    Session *session;
    Job job;
    Outcome outcome;
} Bench;

static Err
open_house(Bench *b, const char *config, const char *as_of)
{
    CLEANUP(secret_freep) Secret *master = NULL;
    House *house = &b->house;

    house->as_of = INSTANT_NONE;
    if (as_of != NULL && !instant_parse(as_of, &house->as_of))
        return err_new(ERR_USAGE, "\"%s\" is no point in time", as_of);
    TRY(settings_load(b->arena, config, &b->rules));
    house->rules = b->rules;
    TRY(ledger_open(arena_printf(b->arena, "%s/ledger.jsonl", b->rules->state_dir), true, &house->ledger));
    TRY(settings_master_key(b->rules, &master));
    return keys_open(arena_printf(b->arena, "%s/keys", b->rules->state_dir), master, NULL, &house->keys);
}

static Err
open_session(Bench *b, const char *database)
{
    for (size_t i = 0; i < b->rules->database_count; i++)
        if (strcmp(b->rules->databases[i].name, database) == 0)
            return session_open(&b->house, &b->rules->databases[i], NULL, &b->session);
    return err_new(ERR_USAGE, "the configuration has no database \"%s\"", database);
}

/* The one disposal that is due, written down and bound. */
static Err
open_job(Bench *b, const DiscoverFilter *filter)
{
    DueList due = { NULL, 0, 0 };
    Disposal *disposal;

    TRY(discover_due(b->session, b->arena, filter, &due));
    if (due.count != 1)
        return err_new(ERR_USAGE, "%zu disposals are due, not one", due.count);
    if (due.list[0].disposal->id == 0)
        TRY(discover_open(b->session, b->arena, due.list[0].disposal));
    TRY(disposals_load(b->arena, b->session->db, due.list[0].disposal->id, &disposal));
    return job_begin(b->session, b->arena, disposal, &b->outcome, &b->job);
}

static Err
find_table(const Job *job, const char *name, size_t *ret_position)
{
    const Scope *scope = job->target->scope;
    for (*ret_position = 0; *ret_position < scope->table_count; ++*ret_position)
        if (strcmp(scope->graph->tables[scope->tables[*ret_position].table].name, name) == 0)
            return OK;
    return err_new(ERR_USAGE, "no table \"%s\" goes with it", name);
}

static void
tell(const Job *job, int64_t rows, double seconds, const FrameMark *mark)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    printf("rows=%" PRId64 " seconds=%.3f cpu=%.3f rss_kb=%ld batch_rows=%" PRId64 " longest_ms=%.1f", rows, seconds,
           cpu_seconds(&usage), usage.ru_maxrss, job->pace.rows, (double)job->longest_batch_us / 1e3);
    if (mark != NULL)
        printf(" plain_bytes=%" PRId64 " file_bytes=%" PRId64, mark->plain_bytes, mark->bytes);
    putchar('\n');
}

/* -- the steps ----------------------------------------------------------------------------------------------------- */

/* archive_copy() for one table, without reading back the whole: that is the seal's. */
static Err
copy(Bench *b, const char *table)
{
    CLEANUP(archive_freep) Archive archive = { .key = NULL };
    CLEANUP(frames_writer_closep) FrameWriter *writer = NULL;
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    Job *job = &b->job;
    FrameMark mark = { 0 };
    size_t position;
    int64_t rows;

    TRY(find_table(job, table, &position));
    TRY(archive_prepare(job, &archive));
    TRY(snapshots_prepare(&archive.snapshot));
    TRY(session_prepare_work(b->session, &job->selector));
    TRY(db_begin(b->session->db, "isolation level repeatable read", &tx));
    TRY(db_query(b->session->db, selector_fill_subject_root(&job->selector), 0, NULL, NULL));
    TRY(job_fill_below(job));
    const int64_t start = instant_monotonic();
    TRY(archive_writer(job, &archive, job_number(job, position), &mark, &writer));
    TRY(archive_copy_rows(job, selector_copy(&job->selector, position), writer, &rows, &mark));
    tell(job, mark.rows, seconds_since(start), &mark);
    if (mark.rows != rows)
        return err_new(ERR_INTERNAL, "%" PRId64 " rows were sent, %" PRId64 " written", rows, mark.rows);
    return snapshots_remove(archive.snapshot.store_path, archive.snapshot.name);
}

static Err
erase(Bench *b, const char *table)
{
    Job *job = &b->job;
    DisposalTable *tables;
    size_t position, count;

    TRY(find_table(job, table, &position));
    TRY(erase_begin(job));
    TRY(job_tables(job, job->arena, &tables, &count));
    TRY(job_fill_subject(job));
    const int64_t start = instant_monotonic();
    TRY(pass_erase(job, position));
    const double seconds = seconds_since(start);
    tell(job, b->outcome.table_count == 0 ? 0 : b->outcome.tables[0].rows, seconds, NULL);
    return OK;
}

static Err
move(Bench *b)
{
    const int64_t start = instant_monotonic();
    TRY(move_policy(&b->job));
    const double seconds = seconds_since(start);
    tell(&b->job, b->outcome.table_count == 0 ? 0 : b->outcome.tables[0].rows, seconds, NULL);
    return OK;
}

static Err
step(Bench *b, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (argc == 6 && strcmp(verb, "move") == 0)
    {
        const DiscoverFilter filter = { .policy = argv[4] };
        TRY(open_house(b, argv[2], argv[5]));
        TRY(open_session(b, argv[3]));
        TRY(open_job(b, &filter));
        return move(b);
    }
    if (argc != 7 || (strcmp(verb, "copy") != 0 && strcmp(verb, "erase") != 0))
        return err_new(ERR_USAGE,
                       "usage: steps copy|erase CONFIG DATABASE KIND KEY TABLE | move CONFIG DATABASE POLICY AS_OF | "
                       "time FILE COMMAND...");
    const DiscoverFilter filter = { .kind = argv[4], .key = argv[5] };
    TRY(open_house(b, argv[2], NULL));
    TRY(open_session(b, argv[3]));
    TRY(open_job(b, &filter));
    return strcmp(verb, "copy") == 0 ? copy(b, argv[6]) : erase(b, argv[6]);
}

/* -- a command ------------------------------------------------------------------------------------------------------ */

static int
time_command(const char *output, char **command)
{
    struct rusage usage;
    int status;
    const int64_t start = instant_monotonic();
    const pid_t child = fork();

    if (child == 0)
    {
        const int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
            (void)execvp(command[0], command);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) < 0)
        return 71;
    printf("seconds=%.3f cpu=%.3f rss_kb=%ld status=%d\n", seconds_since(start), cpu_seconds(&usage), usage.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "time") == 0)
        return time_command(argv[2], argv + 3);
    (void)umask(077);
    CLEANUP(arena_freep) Arena *arena = arena_new();
    Bench bench = { .arena = arena };
    Err e = seal_init();
    if (e == OK)
        e = step(&bench, argc, argv);
    for (size_t i = 0; e != OK && i < err_lines(); i++)
        fprintf(stderr, "steps: %s\n", err_line(i));
    session_close(bench.session);
    keys_close(bench.house.keys);
    ledger_close(bench.house.ledger);
    return err_exit_status(e);
}
