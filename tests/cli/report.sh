#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# report.sh -- the report for programs and auditors: CSV is a table that a reader of RFC 4180 takes, a file is written whole
# or not at all, a hold moves a deadline, and the views of expunge_auditor tell what the report tells (P1, P6).
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

small s
small_house home s
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
# e1's hold has ended since its grace period did, and g1's has not: e1 is erased late by its grace period alone, not by its hold
sql s "insert into expunge.hold (kind, subject_key, type, reason, placed_at, expires_at) values
           ('customer', 'e1', 'legal', 'dispute', now() - interval '50 days', now() - interval '1 day'),
           ('customer', 'k1', 'legal_process', 'court', now() - interval '40 days', now() + interval '40 days');
       insert into expunge.hold (kind, subject_key, type, reason, placed_at, released_at) values
           ('customer', 'k2', 'restriction', 'asked', now() - interval '9 days', now() - interval '3 days')"
x run --jobs 1 >"$WORK/run" 2>&1 || die "run: $(cat "$WORK/run")"

# ---- a hold and a deadline ------------------------------------------------------------------------------------------------

run x report --json
cp "$OUT" "$WORK/report.json"
disposals="jsonb_array_elements(j #> '{databases,0,disposals}') as d"
expect_json 'who was held until yesterday was erased in time, the others of 40 days ago late, and one is not due' 'in time late late not due' "$WORK/report.json" \
    "select string_agg(d.value ->> 'standing', ' ' order by d.value ->> 'standing') from doc, $disposals"
expect_equal 'the key is forgotten, until when it was held is not' '1 0' "$(sql s "select count(held_until) || ' ' || count(subject_key) from expunge.disposal where state = 'cleared' and kind = 'customer'")"
expect_json 'holds: in force, placed, released and expired, by type' 'legal 0 0 0 1, legal_process 1 0 0 0, restriction 0 1 1 0' "$WORK/report.json" \
    "select string_agg(concat_ws(' ', h.value ->> 'type', h.value ->> 'in_force', h.value ->> 'placed', h.value ->> 'released', h.value ->> 'expired'), ', ' order by h.value ->> 'type')
       from doc, jsonb_array_elements(j #> '{databases,0,holds}') as h"

# ---- CSV ------------------------------------------------------------------------------------------------------------------

run x report --format csv
cp "$OUT" "$WORK/report.csv"
cat >"$WORK/read.py" <<'END'
import csv, sys
lines = open(sys.argv[1], "rb").read()
assert lines.endswith(b"\r\n") and b"\n" not in lines.replace(b"\r\n", b""), "lines end in CR LF"
rows = list(csv.reader(lines.decode("utf-8-sig").splitlines(True), strict=True))
assert rows[0][0] == "section" and len(set(rows[0])) == len(rows[0]), "a header of distinct names"
assert {len(row) for row in rows} == {len(rows[0])}, "as many fields in each line"
assert not any(field[:1] in "=+-@\t\r" and field for row in rows for field in row), "no formula"
table = [dict(zip(rows[0], row)) for row in rows[1:]]
print(*sorted({row["section"] for row in table}))
for row in table:
    if row["section"] == "disposal":
        print(row["disposal"], row["state"], row["standing"], row["rows_erased"])
END
run python3 "$WORK/read.py" "$WORK/report.csv"
expect_line 'CSV: a reader of RFC 4180 takes it, and every section is there' out 'class database disposal hold kept ledger not_erased overdue policy_work report subject_kind subject_rows week'
expect_equal 'CSV tells of each disposal what JSON tells' "$(json "$WORK/report.json" "select string_agg(concat_ws(' ', d.value ->> 'disposal', d.value ->> 'state', d.value ->> 'standing', d.value ->> 'rows_erased'), E'\n' order by d.value ->> 'disposal') from doc, $disposals")" \
    "$(tail -n +2 "$OUT" | sort)"

# ---- a file ---------------------------------------------------------------------------------------------------------------

for format in text json csv html; do
    expect_status "--output in $format" 0 x report --format "$format" --to 2026-01-31 --output "$WORK/file.$format"
    expect_equal "$format: nobody else may read the file" 600 "$(stat -c %a "$WORK/file.$format")"
    expect_true "$format: there is something in it" test -s "$WORK/file.$format"
done
expect_json 'the file in JSON is one object' report "$WORK/file.json" "select j ->> 'command' from doc"
cp "$WORK/file.html" "$WORK/before.html"
expect_status 'a file that is there: usage' 64 x report --format html --output "$WORK/file.html"
expect_match 'and it says so' err 'is there already'
expect_true 'and it stays as it is' cmp "$WORK/file.html" "$WORK/before.html"
expect_status 'a directory that is not there: input or output' 74 x report --output "$WORK/nowhere/report.txt"
expect_equal 'nothing half-written is left behind' '' "$(find "$WORK" -name '*.tmp-*')"
if mkdir "$WORK/full" && mount -t tmpfs -o size=4k tmpfs "$WORK/full" 2>/dev/null; then
    at_end "umount '$WORK/full'"
    expect_status 'no room: input or output' 74 x report --format html --output "$WORK/full/report.html"
    expect_equal 'no room: no half of a report' '' "$(ls -A "$WORK/full")"
else
    skip 'no room: no half of a report' 'a small file system cannot be mounted here'
fi

# ---- the views ------------------------------------------------------------------------------------------------------------

auditor() # STATEMENT
{
    sql s "set role expunge_auditor; $1"
}
counts="select string_agg(concat_ws(' ', n, opened, erased, in_time, cleared, rows), ',' order by n) from (
    select coalesce(policy, kind) as n, count(*) as opened, count(erased_at) as erased, count(*) filter (where erased_at <= due_at + interval '2 days') as in_time,
           count(cleared_at) as cleared, coalesce(sum(rows_erased) filter (where live_rows_gone_at is not null), 0) as rows from expunge.report_disposal group by 1) as t"
expect_json 'an auditor counts with SQL what the report counts' "$(auditor "$counts")" "$WORK/report.json" \
    "select string_agg(concat_ws(' ', coalesce(p.value ->> 'name', p.value ->> 'kind'), p.value ->> 'opened', p.value ->> 'erased', p.value ->> 'erased_in_time', p.value ->> 'cleared', p.value ->> 'rows_erased'), ',' order by coalesce(p.value ->> 'name', p.value ->> 'kind'))
       from doc, lateral (select value from jsonb_array_elements(j #> '{databases,0,policies}') union all select value from jsonb_array_elements(j #> '{databases,0,subjects}')) as p(value)"
expect_equal 'holds by SQL' 'legal false true,legal_process true false,restriction false true' "$(auditor "select string_agg(concat_ws(' ', type, in_force::text, (ended_at is not null)::text), ',' order by type) from expunge.report_hold")"
expect_equal 'tables of a disposal by SQL add up to its rows' t "$(auditor "select bool_and(d.rows_erased = t.rows) from expunge.report_disposal d join (select disposal, sum(rows_done) filter (where action = 'delete') as rows from expunge.report_table group by disposal) t on t.disposal = d.id")"
cleared=$(sql s "select min(id) from expunge.disposal where kind = 'customer' and state = 'cleared'")
run x certificate "eu-$cleared" --json
expect_json 'a certificate has the dates and digests that the views have' "$(auditor "select concat_ws(' ', to_char(requested_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), subject_commitment, ledger_digest, rows_erased) from expunge.report_disposal where id = $cleared")" out \
    "select concat_ws(' ', to_char((j ->> 'requested')::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), j ->> 'subject_commitment', j #>> '{ledger,digest}', (select sum((t.value ->> 'rows')::bigint) from jsonb_array_elements(j -> 'tables') as t)) from doc"
expect_json 'and says how it was done: rows are deleted, which is no method of NIST SP 800-88' 'live rows - ' out "select concat_ws(' ', j #>> '{sanitization,0,item}', coalesce(j #>> '{sanitization,0,method}', '-'), '') from doc"
expect_equal 'every view may be read, and no table' 'report_approval report_disposal report_hold report_installation report_not_erased report_refusal report_request report_table' \
    "$(sql s "select string_agg(c.relname, ' ' order by c.relname) from pg_class c where c.relnamespace = 'expunge'::regnamespace and c.relkind in ('r', 'v', 'p', 'm') and has_table_privilege('expunge_auditor', c.oid, 'select')")"
expect_equal 'none may be written' 0 "$(sql s "select count(*) from pg_class c where c.relnamespace = 'expunge'::regnamespace and c.relkind in ('r', 'v') and has_table_privilege('expunge_auditor', c.oid, 'insert, update, delete, truncate')")"
expect_equal 'no column of a view is a key, a label or free text of a person' 0 "$(sql s "select count(*) from information_schema.columns where table_schema = 'expunge' and table_name like 'report\\_%' and column_name in ('subject_key', 'incarnation', 'reason', 'reference', 'placed_by', 'released_by', 'release_reason', 'pause_reason', 'paused_by', 'key', 'key_id', 'snapshot_id')")"
done_testing
