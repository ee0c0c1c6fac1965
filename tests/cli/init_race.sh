#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# init_race.sh -- init side by side, in several databases of one server and in the same one: roles belong to the whole server,
# and each comes to its end.
. "$(dirname "$0")/../support/cli.sh"
cluster_own # whose roles are not there yet

load_one() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" -c "create schema t; create table t.root (id integer primary key, ended_at timestamptz); create table t.shared (id integer primary key);
        create table t.child (id integer primary key, root_id integer references t.root, shared_id integer references t.shared)"
}
template init_race load_one
for n in $(seq 5); do
    database "r$n" init_race
    kind_house "house$n" "r$n" t.root id '{ from = "t.child(shared_id)"; to = "t.shared(id)"; orphans = "delete"; }' ''
done

# An init for each of the five databases, and another one of the first house at the same time.
race() # → FAILED
{
    local n pids=()
    for n in 1 2 3 4 5 1; do
        "$EXPUNGE" --config "$WORK/house$n/expunge.conf" init >"$WORK/said.${#pids[@]}" 2>&1 &
        pids+=($!)
    done
    FAILED=
    for n in "${!pids[@]}"; do
        wait "${pids[n]}" || FAILED+="$n: $(tr '\n' ' ' <"$WORK/said.$n"); "
    done
}
run "$EXPUNGE" --config "$WORK/house1/expunge.conf" init # its state directory is made
for round in 1 2 3; do
    for n in $(seq 5); do
        sql "r$n" "set client_min_messages = warning; drop schema if exists expunge cascade;
            do \$\$ begin if exists (select from pg_roles where rolname = 'expunge_worker') then drop owned by expunge_worker, expunge_notifier, expunge_support, expunge_auditor; end if; end \$\$"
    done
    sql r1 'drop role if exists expunge_worker, expunge_notifier, expunge_support, expunge_auditor' 2>"$WORK/dropped"
    expect_empty "round $round: no role is there before" "$WORK/dropped"
    race
    expect_equal "round $round: six of them side by side, each comes to its end" '' "$FAILED"
    expect_equal "round $round: each database has the whole schema, and the worker may let go of shared rows" 'ttttt' \
        "$(for n in $(seq 5); do sql "r$n" "select has_table_privilege('expunge_worker', 't.shared', 'delete') and (select max(version) > 2 from expunge.migration) and (select count(*) = 1 from expunge.installation)"; done | tr -d '\n')"
done
done_testing
