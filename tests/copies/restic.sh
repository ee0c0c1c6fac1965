#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# restic.sh -- copies that are tagged snapshots of a restic repository (P3, design.md §6): forgotten, pruned and checked with
# the real program; what it cannot say is never taken for gone.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
if ! command -v restic >/dev/null; then
    skip 'restic' 'it is not installed'
    done_testing
fi
cluster_shared

export RESTIC_REPOSITORY=$WORK/repo RESTIC_PASSWORD_FILE=$WORK/restic.password
STORE="{ name = \"dumps\"; kind = \"restic\"; role = \"copies\"; repository = \"$RESTIC_REPOSITORY\"; password = \"file:$RESTIC_PASSWORD_FILE\"; tag = \"customer=\${key}\"; }"
(umask 077 && echo secret >"$RESTIC_PASSWORD_FILE")
# Files of each of these subjects, a snapshot each; random, so that restic cannot deduplicate them away.
repository() # KEYS...
{
    local key
    rm -rf "$RESTIC_REPOSITORY"
    restic init --quiet --no-cache >/dev/null || die 'restic init failed'
    for key; do
        mkdir -p "$WORK/dump/$key"
        head -c 100000 /dev/urandom >"$WORK/dump/$key/rows"
        restic backup --quiet --no-cache --tag "customer=$key" "$WORK/dump/$key" >/dev/null || die "restic backup of $key failed"
    done
}
tags() { restic snapshots --no-cache --no-lock --json | grep -o '"tags":\[[^]]*\]' | sort | tr '\n' ' '; }
raw_bytes() { du -sb "$RESTIC_REPOSITORY/data" | cut -f 1; }

small eu
repository e1 e1 e2 k1
copies_house home eu "$STORE"
before=$(raw_bytes)
expect_status 'a run erases and clears' 0 x run
expect_equal 'exactly their snapshots are forgotten' '"tags":["customer=k1"] ' "$(tags)"
expect_equal 'all are cleared' 'archived 1, cleared 3' "$(states eu)"
expect_equal 'the store holds nothing of them' 'dumps gone 3' "$(copies eu)"
expect_true 'what they held is pruned' test "$(raw_bytes)" -lt $((before - 250000))
expect_true 'the repository is whole' restic check --quiet --no-cache

done_testing
