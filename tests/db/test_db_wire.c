/* SPDX-License-Identifier: Apache-2.0 */
/* db.h against a real server: EXPUNGE_TEST_CONNINFO, a superuser of a throwaway cluster. */
#include "wrap/db.h"

#include "base/text.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static Db *db;
static Arena *arena;

static const char schema[] =
    "drop schema if exists dbwire cascade; create schema dbwire;"
    "create table dbwire.parent (id bigint primary key, name text not null check (name <> 'bad'), n integer);"
    "create table dbwire.child (id bigint, parent_id bigint constraint child_of references dbwire.parent);"
    "create function dbwire.refuse() returns trigger language plpgsql as $f$ begin"
    "  if new.n = 1 then raise exception 'secret %', new.name; end if;"
    "  if new.n = 2 then raise exception 'secret %', new.name using errcode = '42501'; end if;"
    "  if new.n = 3 then raise exception 'secret %', new.name using errcode = '40001'; end if;"
    "  if new.n = 4 then execute 'select ' || new.name; end if;"
    "  if new.n = 5 then raise warning 'secret %', new.name; end if;"
    "  return new; end $f$;"
    "create trigger refuse before insert on dbwire.parent for each row execute function dbwire.refuse();"
    "drop role if exists dbwire_plain; create role dbwire_plain login;"
    "drop role if exists dbwire_nologin; create role dbwire_nologin;"
    "insert into dbwire.parent select g, 'row ' || g from generate_series(1, 1000) g";

static const char *
conninfo(void)
{
    static char whole[1024];
    const char *text = getenv("EXPUNGE_TEST_CONNINFO");

    ck_assert_ptr_nonnull(text);
    snprintf(whole, sizeof whole, "dbname=postgres %s", text); /* not the database that is called as the user */
    return whole;
}

static void
must(Err e)
{
    ck_assert_msg(e == OK, "%s", err_joined());
}

static void
setup(void)
{
    arena = arena_new();
    must(db_open(conninfo(), NULL, "test", &db));
    must(db_exec(db, schema));
}

static void
teardown(void)
{
    db_closep(&db);
    arena_freep(&arena);
}

static const char *
ask(Db *on, const char *sql)
{
    DbResult *result = NULL;

    must(db_query_row(on, sql, 0, NULL, &result));
    const char *text = db_text(result, 0, 0);
    const char *copy = text == NULL ? NULL : arena_strdup(arena, text);
    db_result_free(result);
    return copy;
}

static const struct
{
    const char *name;
    const char *value;
} settings[] = {
    { "client_encoding", "UTF8" },
    { "datestyle", "ISO, MDY" },
    { "intervalstyle", "postgres" },
    { "timezone", "UTC" },
    { "extra_float_digits", "3" },
    { "bytea_output", "hex" },
    { "standard_conforming_strings", "on" },
    { "row_security", "off" },
    { "lock_timeout", "0" },
    { "statement_timeout", "0" },
    { "idle_in_transaction_session_timeout", "0" },
    { "client_connection_check_interval", "1s" },
    { "application_name", "expunge test" },
    { "search_path", "\"$user\", public" },
};

START_TEST(a_session_has_its_settings)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        ck_assert_str_eq(ask(db, arena_printf(arena, "show %s", settings[i].name)), settings[i].value);
    ck_assert_int_ge(db_server_version(db), 130000);
    ck_assert_str_eq(ask(db, "select pg_backend_pid()"), arena_printf(arena, "%d", db_backend_pid(db)));
    ck_assert_int_ge(db_socket(db), 0);
    ck_assert(!db_is_broken(db));
}
END_TEST

START_TEST(a_given_user_replaces_the_one_of_conninfo)
{
    CLEANUP(db_closep) Db *plain = NULL;

    must(db_open(conninfo(), "dbwire_plain", "other", &plain));
    ck_assert_str_eq(ask(plain, "select session_user::text"), "dbwire_plain");
    ck_assert_int_eq(db_exec(plain, "select 1 from dbwire.parent"), ERR_PERMISSION);
    ck_assert_str_eq(db_sqlstate(plain), "42501");
    ck_assert_str_eq(err_joined(), "the server says: permission denied for schema dbwire (SQLSTATE 42501)");
}
END_TEST

START_TEST(a_refused_login_is_a_matter_of_permission)
{
    static const char *const users[] = { "dbwire_nologin", "dbwire_nobody" };

    for (size_t i = 0; i < COUNT(users); i++)
    {
        Db *other = NULL;

        ck_assert_int_eq(db_open(conninfo(), users[i], "x", &other), ERR_PERMISSION);
        ck_assert_ptr_null(other);
        ck_assert_ptr_nonnull(strstr(err_joined(), users[i]));
        ck_assert_ptr_nonnull(strstr(err_joined(), "28000"));
        ck_assert_ptr_null(strstr(err_joined(), "LOCATION"));
    }
    Db *other = NULL;
    ck_assert_int_eq(db_open(arena_printf(arena, "%s dbname=dbwire_missing", conninfo()), NULL, "x", &other),
                     ERR_DATABASE);
    ck_assert_ptr_nonnull(strstr(err_joined(), "dbwire_missing"));
}
END_TEST

START_TEST(values_travel_as_parameters)
{
    CLEANUP(db_result_freep) DbResult *result = NULL;
    static const char *const params[] = { "7", NULL, "O'Brien\\", "t" };

    must(db_query(db, "select $1::bigint as n, $2::text as none, $3::text as t, $4::boolean as b", 4, params, &result));
    ck_assert_uint_eq(db_rows(result), 1);
    ck_assert_uint_eq(db_columns(result), 4);
    ck_assert_str_eq(db_column_name(result, 2), "t");
    ck_assert_int_eq(db_int64(result, 0, 0), 7);
    ck_assert_ptr_null(db_text(result, 0, 1));
    ck_assert_str_eq(db_text(result, 0, 2), "O'Brien\\");
    ck_assert(db_bool(result, 0, 3));
    ck_assert_int_eq(db_affected(result), 1);
}
END_TEST

START_TEST(rows_touched_are_counted)
{
    CLEANUP(db_result_freep) DbResult *result = NULL;
    DbResult *none = (DbResult *)1;

    must(db_query(db, "delete from dbwire.parent where id > $1::bigint", 1, (const char *const[]){ "990" }, &result));
    ck_assert_int_eq(db_affected(result), 10);
    must(db_query(db, "select 1", 0, NULL, NULL));
    ck_assert_int_eq(db_query_row(db, "select 1 where false", 0, NULL, &none), ERR_INTERNAL);
    ck_assert_ptr_eq(none, (DbResult *)1);
    ck_assert_int_eq(db_query_row(db, "select generate_series(1, 3)", 0, NULL, &none), ERR_INTERNAL);
    ck_assert_str_eq(err_joined(), "a statement that must give one row gave 3");
}
END_TEST

static const struct
{
    const char *sql;
    Err code;
    const char *sqlstate;
    const char *story;
} failures[] = {
    { "select 1 from dbwire.missing", ERR_DATABASE, "42P01",
      "the server says: relation \"dbwire.missing\" does not exist (SQLSTATE 42P01)" },
    { "insert into dbwire.child values (1, 4711)", ERR_DATABASE, "23503",
      "the server refused a row: integrity constraint violation (SQLSTATE 23503, table \"dbwire\".\"child\", "
      "constraint \"child_of\")" },
    { "insert into dbwire.parent values (2000, null)", ERR_DATABASE, "23502",
      "the server refused a row: integrity constraint violation (SQLSTATE 23502, table \"dbwire\".\"parent\", "
      "column \"name\")" },
    { "insert into dbwire.parent values (1, 'secret')", ERR_DATABASE, "23505",
      "the server refused a row: integrity constraint violation (SQLSTATE 23505, table \"dbwire\".\"parent\", "
      "constraint \"parent_pkey\")" },
    { "select 'secret'::integer", ERR_DATABASE, "22P02", "the server refused a row: data exception (SQLSTATE 22P02)" },
    { "insert into dbwire.parent values (2000, 'secret', 1)", ERR_DATABASE, "P0001",
      "the server refused: raised by a trigger or function (SQLSTATE P0001)" },
    { "insert into dbwire.parent values (2000, 'secret', 2)", ERR_PERMISSION, "42501",
      "the server refused: raised by a trigger or function (SQLSTATE 42501)" },
    { "insert into dbwire.parent values (2000, 'secret', 3)", ERR_AGAIN, "40001",
      "the server refused: raised by a trigger or function (SQLSTATE 40001)" },
    { "insert into dbwire.parent values (2000, 'secret', 4)", ERR_DATABASE, "42703",
      "the server refused: raised by a trigger or function (SQLSTATE 42703)" },
    { "begin; set local statement_timeout = 10; select pg_sleep(5)", ERR_DATABASE, "57014",
      "the server says: canceling statement due to statement timeout (SQLSTATE 57014)" },
    { "select 1; select 1 from dbwire.missing; select 2", ERR_DATABASE, "42P01",
      "the server says: relation \"dbwire.missing\" does not exist (SQLSTATE 42P01)" },
    { "copy dbwire.parent to stdout", ERR_INTERNAL, "42P01", "a statement started a COPY where none may be" },
    { "copy dbwire.parent from stdin", ERR_INTERNAL, "42P01", "a statement started a COPY where none may be" },
};

START_TEST(a_failure_tells_its_names_and_never_a_value)
{
    for (size_t i = 0; i < COUNT(failures); i++)
    {
        ck_assert_msg(db_exec(db, failures[i].sql) == failures[i].code, "%s: %s", failures[i].sql, err_joined());
        ck_assert_str_eq(err_joined(), failures[i].story);
        ck_assert_str_eq(db_sqlstate(db), failures[i].sqlstate);
        must(db_exec(db, "rollback"));
    }
    must(db_exec(db, "insert into dbwire.parent values (3000, 'secret', 5)")); /* the warning is dropped */
}
END_TEST

START_TEST(a_lock_that_is_not_to_be_had_means_again)
{
    CLEANUP(db_closep) Db *other = NULL;
    DbTx tx = { 0 };

    must(db_open(conninfo(), NULL, "other", &other));
    must(db_begin(other, "", &tx));
    must(db_exec(other, "lock table dbwire.parent"));
    ck_assert_int_eq(db_exec(db, "lock table dbwire.parent nowait"), ERR_DATABASE); /* outside of a transaction */
    ck_assert_int_eq(db_exec(db, "begin; lock table dbwire.parent nowait"), ERR_AGAIN);
    ck_assert_str_eq(db_sqlstate(db), "55P03");
    db_rollback(&tx);
}
END_TEST

START_TEST(a_changed_row_under_a_snapshot_means_again)
{
    CLEANUP(db_closep) Db *other = NULL;
    CLEANUP(db_tx_endp) DbTx tx = { 0 };

    must(db_open(conninfo(), NULL, "other", &other));
    must(db_begin(db, "isolation level repeatable read", &tx));
    (void)ask(db, "select count(*) from dbwire.parent");
    must(db_exec(other, "update dbwire.parent set name = 'x' where id = 5"));
    ck_assert_int_eq(db_exec(db, "delete from dbwire.parent where id = 5"), ERR_AGAIN);
    ck_assert_str_eq(err_joined(), "the server says: could not serialize access due to concurrent update "
                                   "(SQLSTATE 40001)");
}
END_TEST

START_TEST(a_transaction_lasts_only_when_committed)
{
    {
        CLEANUP(db_tx_endp) DbTx tx = { 0 };

        must(db_begin(db, "isolation level repeatable read", &tx));
        ck_assert_str_eq(ask(db, "show transaction_isolation"), "repeatable read");
        must(db_exec(db, "delete from dbwire.parent"));
        (void)!err_new(ERR_HELD, "the story");
    }
    ck_assert_str_eq(err_joined(), "the story");
    ck_assert_str_eq(ask(db, "select count(*) from dbwire.parent"), "1000");
    DbTx tx = { 0 };
    must(db_begin(db, "", &tx));
    must(db_exec(db, "delete from dbwire.parent where id = 1"));
    must(db_commit(&tx));
    ck_assert_ptr_null(tx.db);
    db_rollback(&tx);
    ck_assert_str_eq(ask(db, "select count(*) from dbwire.parent"), "999");
}
END_TEST

START_TEST(a_commit_after_a_failure_is_no_commit)
{
    DbTx tx = { 0 };

    must(db_begin(db, "", &tx));
    ck_assert_int_eq(db_exec(db, "select 1 / 0"), ERR_DATABASE);
    ck_assert_int_eq(db_commit(&tx), ERR_DATABASE);
    ck_assert_str_eq(err_joined(), "could not commit: a statement of the transaction had failed");
    ck_assert_ptr_null(tx.db);
    must(db_exec(db, "select 1"));
    must(db_exec(db, "alter table dbwire.child alter constraint child_of deferrable initially deferred"));
    must(db_begin(db, "", &tx));
    must(db_exec(db, "insert into dbwire.child values (1, 4711)"));
    ck_assert_int_eq(db_commit(&tx), ERR_DATABASE);
    ck_assert_ptr_nonnull(strstr(err_joined(), "could not commit: the server refused a row"));
}
END_TEST

static void
kill_backend(int pid)
{
    CLEANUP(db_closep) Db *other = NULL;

    must(db_open(conninfo(), NULL, "killer", &other));
    must(db_exec(other, arena_printf(arena, "select pg_terminate_backend(%d)", pid)));
    (void)usleep(100000);
}

START_TEST(a_lost_connection_is_told_and_leaves_the_commit_unknown)
{
    DbTx tx = { 0 };

    must(db_begin(db, "", &tx));
    kill_backend(db_backend_pid(db));
    ck_assert_int_eq(db_commit(&tx), ERR_DATABASE);
    ck_assert_ptr_nonnull(strstr(err_joined(), "whether the transaction was committed is unknown"));
    ck_assert_ptr_nonnull(strstr(err_joined(), "the connection to the server was lost"));
    ck_assert(db_is_broken(db));
    ck_assert_str_eq(db_sqlstate(db), "57P01");
    ck_assert_int_eq(db_exec(db, "select 1"), ERR_DATABASE);
    ck_assert_str_eq(err_joined(), "the connection to the server was lost");
    ck_assert_str_eq(db_sqlstate(db), "");
    ck_assert_int_eq(db_copy_out(db, "copy dbwire.parent to stdout", NULL, NULL, NULL), ERR_DATABASE);
    ck_assert_int_eq(db_copy_in_begin(db, "copy dbwire.parent from stdin"), ERR_DATABASE);
    db_cancel(db);
    db_rollback(&(DbTx){ .db = db });
}
END_TEST

START_TEST(a_statement_can_be_sent_and_cancelled)
{
    CLEANUP(db_result_freep) DbResult *result = NULL;
    DbResult *none = NULL;

    must(db_send(db, "select pg_sleep(0.05), 42", 0, NULL));
    struct pollfd wait = { .fd = db_socket(db), .events = POLLIN };
    ck_assert_int_eq(poll(&wait, 1, 5000), 1);
    must(db_receive(db, &result));
    ck_assert_int_eq(db_int64(result, 0, 1), 42);
    must(db_send(db, "select pg_sleep(30)", 0, NULL));
    (void)usleep(50000);
    db_cancel(db);
    ck_assert_int_eq(db_receive(db, &none), ERR_DATABASE);
    ck_assert_str_eq(db_sqlstate(db), "57014");
    ck_assert_ptr_null(none);
    must(db_send(db, "select 1", 0, NULL));
    ck_assert_int_eq(db_send(db, "select 2", 0, NULL), ERR_DATABASE);
    ck_assert_ptr_nonnull(strstr(err_joined(), "the client library says: another command is already in progress"));
    must(db_receive(db, NULL));
    must(db_send(db, "select pg_sleep(30)", 0, NULL)); /* left running: a rollback cancels it */
    (void)usleep(50000);
    db_rollback(&(DbTx){ .db = db });
    must(db_exec(db, "select 1"));
}
END_TEST

typedef struct Sunk
{
    Text text;
    size_t rows;
    size_t fail_at;
} Sunk;

static Err
sink(void *context, const char *row, size_t length)
{
    Sunk *sunk = context;

    if (++sunk->rows == sunk->fail_at)
        return err_note(err_new(ERR_IO, "disk full"), "while writing");
    ck_assert_int_eq(row[length - 1], '\n');
    text_add_bytes(&sunk->text, row, length);
    return OK;
}

START_TEST(rows_are_copied_out)
{
    Sunk sunk = { .text = TEXT_INIT(arena) };
    int64_t rows = -1;

    must(db_copy_out(db, "copy (select id, name from dbwire.parent where id <= 3 order by id) to stdout", sink, &sunk,
                     &rows));
    ck_assert_int_eq(rows, 3);
    ck_assert_str_eq(text_done(&sunk.text), "1\trow 1\n2\trow 2\n3\trow 3\n");
    must(db_copy_out(db, "copy (select 1 where false) to stdout", sink, &sunk, &rows));
    ck_assert_int_eq(rows, 0);
    must(db_copy_out(db, "copy (delete from dbwire.parent where id <= 10 returning *) to stdout", sink, &sunk, &rows));
    ck_assert_int_eq(rows, 10);
    ck_assert_str_eq(ask(db, "select count(*) from dbwire.parent"), "990");
}
END_TEST

START_TEST(a_failing_sink_ends_the_copy_with_its_own_story)
{
    Sunk sunk = { .text = TEXT_INIT(arena), .fail_at = 10 };
    int64_t rows = -1;

    ck_assert_int_eq(db_copy_out(db, "copy (select generate_series(1, 10000000), repeat('x', 1000)) to stdout", sink,
                                 &sunk, &rows),
                     ERR_IO);
    ck_assert_str_eq(err_joined(), "while writing: disk full");
    ck_assert_int_eq(rows, -1);
    ck_assert_uint_eq(sunk.rows, 10);
    ck_assert_str_eq(ask(db, "select 'usable'"), "usable");
}
END_TEST

START_TEST(a_copy_that_fails_half_way_is_an_error)
{
    Sunk sunk = { .text = TEXT_INIT(arena) };
    int64_t rows = -1;

    ck_assert_int_eq(db_copy_out(db, "copy (select 1 / (g - 500) from generate_series(1, 1000) g) to stdout", sink,
                                 &sunk, &rows),
                     ERR_DATABASE);
    ck_assert_str_eq(err_joined(), "the server refused a row: data exception (SQLSTATE 22012)");
    ck_assert_uint_gt(sunk.rows, 0);
    ck_assert_int_eq(rows, -1);
    ck_assert_int_eq(db_copy_out(db, "select 1", sink, &sunk, &rows), ERR_INTERNAL);
    ck_assert_int_eq(db_copy_out(db, "copy dbwire.parent from stdin", sink, &sunk, &rows), ERR_INTERNAL);
    ck_assert_str_eq(ask(db, "select 'usable'"), "usable");
}
END_TEST

START_TEST(rows_are_copied_in)
{
    int64_t rows = -1;

    must(db_copy_in_begin(db, "copy dbwire.parent (id, name) from stdin"));
    must(db_copy_in_put(db, "2001\tfirst\n20", 13));
    must(db_copy_in_put(db, "", 0));
    must(db_copy_in_put(db, "02\tsecond\n", 10));
    must(db_copy_in_end(db, &rows));
    ck_assert_int_eq(rows, 2);
    char *large = arena_alloc(arena, 3000000, 1);
    memset(large, 'x', 3000000);
    memcpy(large, "2003\t", 5);
    large[2999999] = '\n';
    must(db_copy_in_begin(db, "copy dbwire.parent (id, name) from stdin"));
    must(db_copy_in_put(db, large, 3000000));
    must(db_copy_in_end(db, &rows));
    ck_assert_str_eq(ask(db, "select length(name) from dbwire.parent where id = 2003"), "2999994");
}
END_TEST

START_TEST(a_copy_in_of_bad_rows_fails_at_its_end)
{
    CLEANUP(db_tx_endp) DbTx tx = { 0 };
    int64_t rows = -1;

    must(db_begin(db, "", &tx));
    must(db_copy_in_begin(db, "copy dbwire.parent (id, name) from stdin"));
    must(db_copy_in_put(db, "secret\tx\n", 9));
    ck_assert_int_eq(db_copy_in_end(db, &rows), ERR_DATABASE);
    ck_assert_str_eq(err_joined(), "the server refused a row: data exception (SQLSTATE 22P02)");
    ck_assert_int_eq(rows, -1);
    ck_assert_int_eq(db_exec(db, "select 1"), ERR_DATABASE);
    ck_assert_str_eq(db_sqlstate(db), "25P02");
    db_rollback(&tx);
    must(db_begin(db, "", &tx));
    must(db_copy_in_begin(db, "copy dbwire.parent (id, name) from stdin"));
    must(db_copy_in_put(db, "5000\tunfinished\n", 16));
    db_rollback(&tx); /* in the middle of a copy */
    ck_assert_str_eq(ask(db, "select count(*) from dbwire.parent"), "1000");
    ck_assert_int_eq(db_copy_in_put(db, "x", 1), ERR_DATABASE); /* no copy is open */
    ck_assert_str_eq(ask(db, "select 'usable'"), "usable");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("db_wire");
    TCase *cases = tcase_create("db_wire");

    tcase_set_timeout(cases, 30);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_session_has_its_settings);
    tcase_add_test(cases, a_given_user_replaces_the_one_of_conninfo);
    tcase_add_test(cases, a_refused_login_is_a_matter_of_permission);
    tcase_add_test(cases, values_travel_as_parameters);
    tcase_add_test(cases, rows_touched_are_counted);
    tcase_add_test(cases, a_failure_tells_its_names_and_never_a_value);
    tcase_add_test(cases, a_lock_that_is_not_to_be_had_means_again);
    tcase_add_test(cases, a_changed_row_under_a_snapshot_means_again);
    tcase_add_test(cases, a_transaction_lasts_only_when_committed);
    tcase_add_test(cases, a_commit_after_a_failure_is_no_commit);
    tcase_add_test(cases, a_lost_connection_is_told_and_leaves_the_commit_unknown);
    tcase_add_test(cases, a_statement_can_be_sent_and_cancelled);
    tcase_add_test(cases, rows_are_copied_out);
    tcase_add_test(cases, a_failing_sink_ends_the_copy_with_its_own_story);
    tcase_add_test(cases, a_copy_that_fails_half_way_is_an_error);
    tcase_add_test(cases, rows_are_copied_in);
    tcase_add_test(cases, a_copy_in_of_bad_rows_fails_at_its_end);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
