#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# zones.sh -- points in time without a time zone are read as UTC, whatever the database, the role or the worker's
# environment says; check tells where that may not be meant, and how local time is configured.
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

load_zones() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema z;
create table z.plain (id integer primary key, at timestamp not null);
create table z.zoned (id integer primary key, at timestamptz not null);
create table z.root (id integer primary key, ended_at timestamp);
insert into z.root select g, case when g < 4 then timestamp '2026-06-01 12:00' + (g - 2) * interval '1 hour' end from generate_series(1, 4) g;
insert into z.plain select g, timestamp '2026-06-01 12:00' + (g - 5) * interval '1 hour' from generate_series(1, 9) g;
insert into z.zoned select id, at at time zone 'UTC' from z.plain;
END
}
template zones_template load_zones

zone_house() # NAME AGE
{
    database "$1" zones_template
    new_house "$1"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$1/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$1")"; } );
policies = ( { name = "plain"; class = "c"; table = "z.plain"; age = "$2"; keep_for = "1 day"; purpose = "p"; basis = "b"; },
  { name = "zoned"; class = "c"; table = "z.zoned"; age = "at"; keep_for = "1 day"; purpose = "p"; basis = "b"; } );
subjects = ( { kind = "root"; root = "z.root"; key = "id"; ended_at = "ended_at"; grace = "1 day"; } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$1/snapshots"; } );
safety = { max_share = 1.0; max_clock_skew = "1000 days"; };
end = true;
END
    x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
}
due() # → "policy rows" lines, as of a day after 12:00 UTC
{
    json out "select string_agg((d.value ->> 'name') || ' ' || (t.value ->> 'rows'), ', ' order by d.value ->> 'name') from doc, jsonb_array_elements(j -> 'disposals') d, jsonb_array_elements(d.value -> 'tables') t where d.value ->> 'kind' = 'policy'"
}

zone_house utc at
run x plan --json --as-of 2026-06-02T12:00:00Z
expect_equal 'four rows are older than a day' 'plain 4, zoned 4' "$(due)"
run x check
expect_no_match 'check has nothing to say of a database in UTC' out 'read as UTC'
sql utc "alter database \"$(database_name utc)\" set timezone = 'America/New_York'"
PGTZ=Asia/Tokyo run x plan --json --as-of 2026-06-02T12:00:00Z
expect_equal 'the same four, whatever the time zone of the database and of the environment' 'plain 4, zoned 4' "$(due)"
expect_json 'and two subjects whose grace period is over by then, to the minute' 2 out \
    "select count(*) from doc, jsonb_array_elements(j -> 'disposals') d where d.value ->> 'kind' = 'root' and d.value ->> 'step' = 'erase'"
run x check
expect_match 'check tells of the age' out 'z\.plain.*age "at" is of type timestamp without time zone and is read as UTC; this database.s own time zone is America/New_York'
expect_match 'and how local time is said' out "age = \"\(at\) at time zone 'America/New_York'\";"
expect_match 'and of the end of a subject' out 'z\.root.*ended_at "ended_at" is of type timestamp without time zone and is read as UTC'
expect_no_match 'and not of a time with its zone' out 'z\.zoned.*read as UTC'

zone_house local "(at) at time zone 'America/New_York'"
sql local "alter database \"$(database_name local)\" set timezone = 'America/New_York'"
run x plan --json --as-of 2026-06-02T12:00:00Z
expect_json 'local time, four hours behind: none of the four is old enough yet' 'zoned 4' out \
    "select string_agg((d.value ->> 'name') || ' ' || (t.value ->> 'rows'), ', ') from doc, jsonb_array_elements(j -> 'disposals') d, jsonb_array_elements(d.value -> 'tables') t where d.value ->> 'kind' = 'policy'"
run x check
expect_no_match 'check is content' out 'age .* is read as UTC'
run x plan --json --as-of 2026-06-02T16:00:00Z
expect_equal 'four hours later they are' 'plain 4, zoned 8' "$(due)"
done_testing
