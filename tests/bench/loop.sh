#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# loop.sh -- what users write to delete in batches: 10,000 rows by ctid, a psql each, until nothing is left; partition
# by partition, for a ctid means something in one table only.
#
#   loop.sh DATABASE CONDITION       PGHOST and the others say where
set -eu
ask() { psql -qAtX -v ON_ERROR_STOP=1 -d "$database" -c "$1" </dev/null; }
database=$1 condition=$2

for partition in $(ask "select i.inhrelid::regclass from pg_inherits i where i.inhparent = 'telemetry.usage_event'::regclass order by 1"); do
    [ "$(ask "select exists (select from $partition where $condition)")" = t ] || continue
    while :; do
        done=$(psql -AtX -v ON_ERROR_STOP=1 -d "$database" \
            -c "delete from $partition where ctid in (select ctid from $partition where $condition limit 10000)" </dev/null)
        [ "$done" != 'DELETE 0' ] || break
    done
done
