#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# interleave.sh -- races, in every order of their steps: a worker that stands at one of its fault points, and somebody's
# transaction that begins there and commits at another one.  A customer who comes back, a withdrawal, a hold and a child row
# against an erasure; two workers against one disposal; all of these against rows that leave for the grace period.  None loses
# a row that must live, none leaves one that must go, none takes a step twice (issue 4: "what it must hold"; P4, P5, P6).
#
#   EXPUNGE_INTERLEAVE=6        permutations of each race; "make test-race-long": 250
#   EXPUNGE_INTERLEAVE_RACE="NAME …"  only these
#   EXPUNGE_INTERLEAVE_FROM=1 EXPUNGE_INTERLEAVE_TO=6  only these of them, so that several processes share a long run

. "$(dirname "$0")/../support/fault.sh"
cluster_shared

small_start() # HOUSE DURING-GRACE
{
    small "$1"
    mkdir -m 700 "$FAST/$1"
    ln -s "$FAST/$1" "$WORK/$1" # syncing a disk is no part of a race
    small_house "$1" "$1"
    sed -i -e "s/during_grace = \"keep\"/during_grace = \"$2\"/" -e 's/max_rows = 50000/max_rows = 3/' -e 's/max_share = 0.9/max_share = 1.0/' "$CONF"
    sql "$1" "create sequence app.document_ids start 1000; delete from app.event; delete from app.visit; update app.customer set ended_at = null, status = 'active'"
    "$EXPUNGE_FAULTY" --config "$CONF" init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
}

race() # NAME
{
    local word rest lines=$WORK/$1.lines
    case " ${EXPUNGE_INTERLEAVE_RACE:-$1} " in *" $1 "*) ;; *) return ;; esac
    CONF=$CONF STATE=$STATE WORK=$WORK CONNINFO_DB=$(conninfo "$HOUSE") /usr/bin/python3 "$TEST_DIR/interleave.py" "$1" "${EXPUNGE_INTERLEAVE:-6}" >"$lines" 2>"$WORK/$1.errors" </dev/null
    while read -r word rest; do
        case $word in
        ok) ok "$rest" ;;
        *) not_ok "$rest" ;;
        esac
    done <"$lines"
    expect_equal "$1: every permutation was tried" "$((${EXPUNGE_INTERLEAVE_TO:-${EXPUNGE_INTERLEAVE:-6}} - ${EXPUNGE_INTERLEAVE_FROM:-1} + 1))" "$(wc -l <"$lines")"
    expect_empty "$1: and nothing else happened" "$WORK/$1.errors"
    [ "$1" = two-workers ] || # neither ledger has what the other one's worker did
        expect_status "$1: all verifies" 0 "$EXPUNGE_FAULTY" --config "$CONF" verify
}

HOUSE=keep
small_start keep keep
race came-back
race withdrawn
race held
race late-child
HOUSE=pair
small_start pair keep
cp -a "$STATE" "$STATE.elsewhere" # two hosts have the same keys and configuration, and each its own ledger
sed "s|state_dir = \"$STATE\"|state_dir = \"$STATE.elsewhere\"|" "$CONF" >"$CONF.elsewhere"
race two-workers
HOUSE=remove
small_start remove remove
race leaving
done_testing
