#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# directory.sh -- copies that are files below a directory (P3, design.md §6): exactly a subject's own go, nothing else is
# touched, and a disposal is cleared only when none is left.
# shellcheck source=tests/support/copies.sh
. "$(dirname "$0")/../support/copies.sh"
cluster_shared

EXPORTS=$WORK/exports
store() # MATCH [SETTINGS]
{
    echo "{ name = \"exports\"; kind = \"directory\"; role = \"copies\"; path = \"$EXPORTS\"; match = \"$1\"; region = \"eu\"; ${2:-} }"
}
exports() # NAMES...
{
    rm -rf "$EXPORTS"
    mkdir -p "$EXPORTS"
    local name
    for name; do
        mkdir -p "$(dirname "$EXPORTS/$name")"
        echo 'canary' >"$EXPORTS/$name"
    done
}
left() { (cd "$EXPORTS" && find . ! -type d | sort | tr '\n' ' '); }

# ---- the happy path -----------------------------------------------------------------------------------------------------
small eu
exports customer-e1-1.jsonl customer-e1-2.jsonl customer-e2-1.jsonl customer-k1-1.jsonl customer-e1.txt unrelated
copies_house home eu "$(store 'customer-${key}-*.jsonl')"
expect_status 'a run erases and clears' 0 x run
expect_equal 'exactly their files went' './customer-e1.txt ./customer-k1-1.jsonl ./unrelated ' "$(left)"
expect_equal 'all are cleared' 'archived 1, cleared 3' "$(states eu)"
expect_equal 'the store holds nothing of them' 'exports gone 3' "$(copies eu)"
expect_equal 'the ledger has an intent' 1 "$(grep -c '"event":"purging_copies"' "$STATE/ledger.jsonl")"

done_testing
