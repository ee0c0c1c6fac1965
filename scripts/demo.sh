#!/bin/sh
# demo.sh -- the main job, once, for a newcomer: from expired rows and a cancelled workspace to a certificate.
# SPDX-License-Identifier: Apache-2.0
#
# "make demo" builds first and then calls this.  Everything happens below build/demo, in a private PostgreSQL cluster
# that is stopped at the end; its data and all outputs stay there to look at.

set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
demo=$root/build/demo
events_each=500000 # in each of the two databases
workspaces_each=150
lines_shown=45     # of each output; the certificate is shown whole
started=$(date +%s)

fail() {
    printf '\ndemo: %s\n' "$1" >&2
    exit 1
}

bold=
plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m')
    plain=$(printf '\033[0m')
fi

heading() {
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

elapsed() {
    echo $(($(date +%s) - started))
}

case $demo in
    *[\"\\]*) fail "\"$demo\" has a quote or a backslash in its name, which a configuration cannot hold" ;;
esac
[ -x build/expunge ] || fail 'there is no build/expunge; "make demo" builds it first'

# ---- a place, and nothing left running ------------------------------------------------------------------------------

mkdir -p "$demo"
scripts/cluster.sh destroy "$demo/pg"
rm -rf "$demo/state" "$demo/out" "$demo/master.key" "$demo/expunge.conf"
mkdir -m 0700 "$demo/state" "$demo/out"

# shellcheck disable=SC2317 # called by the trap
leave() {
    status=$?
    trap - EXIT
    scripts/cluster.sh stop "$demo/pg" || :
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- two databases, filled ------------------------------------------------------------------------------------------

heading 'A vendor'"'"'s control plane in two regions'
echo "a private PostgreSQL below build/demo; databases \"eu\" and \"us\" from sql/reference/, filled with data of every class"
server=$(scripts/cluster.sh start "$demo/pg" | tail -n 1)

fill() {
    psql -X -q -v ON_ERROR_STOP=1 -d "$server user=postgres dbname=postgres" -c "create database $1"
    psql -X -q -v ON_ERROR_STOP=1 -d "$server user=postgres dbname=$1" -f sql/reference/schema.sql
    psql -X -q -d "$server user=postgres dbname=$1" -v region="$1" -v events="$events_each" \
        -v workspaces="$workspaces_each" -f sql/reference/generate.sql
}

fill eu >"$demo/out/fill-eu.txt" 2>&1 &
eu=$!
fill us >"$demo/out/fill-us.txt" 2>&1 &
us=$!
wait "$eu" || fail "database eu could not be filled; see build/demo/out/fill-eu.txt"
wait "$us" || fail "database us could not be filled; see build/demo/out/fill-us.txt"

ask() {
    psql -X -A -t -q -d "$server user=postgres dbname=$1" -c "$2"
}

for region in eu us; do
    printf '%s: ' "$region"
    ask "$region" "
        select pg_catalog.format('%s usage events, %s messages, %s workspaces: %s active or on trial, %s reactivated, '
                                 || '%s in their grace period, %s past it',
                                 (select pg_catalog.count(*) from telemetry.usage_event),
                                 (select pg_catalog.count(*) from cloud.message),
                                 pg_catalog.count(*),
                                 pg_catalog.count(*) filter (where cancelled_at is null and reactivated_at is null),
                                 pg_catalog.count(*) filter (where reactivated_at is not null),
                                 pg_catalog.count(*) filter (where cancelled_at >= current_timestamp - interval '30 days'),
                                 pg_catalog.count(*) filter (where cancelled_at < current_timestamp - interval '30 days'))
          from cloud.workspace"
done
echo "($(elapsed) s)"

# ---- the configuration: etc/expunge.conf, with the paths and connections of this demo -------------------------------
# There is no neighbour to be gentle with, so it works without pauses.

for_sed() {
    printf '%s' "$1" | sed 's/[\\&|]/\\&/g'
}

umask 077
od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$demo/master.key"
here=$(for_sed "$demo")
there=$(for_sed "$server")
sed -e "s|\"/var/lib/expunge|\"$here/state|" \
    -e "s|\"credential:expunge-master\"|\"file:$here/master.key\"|" \
    -e 's|duty = 0\.5;|duty = 1.0;|' \
    -e "s|\"service=cloud-\([a-z]*\)\"|\"$there user=postgres dbname=\1\"|" \
    etc/expunge.conf >"$demo/expunge.conf"

# ---- the commands ---------------------------------------------------------------------------------------------------

# step TITLE COMMAND…: what it says goes to a file; the beginning is shown.
number=0
step() {
    number=$((number + 1))
    heading "$number. $1"
    shift
    echo "\$ expunge $*"
    out=$demo/out/$number-$1.txt
    status=0
    build/expunge --config "$demo/expunge.conf" "$@" >"$out" || status=$?
    head -n "$lines_shown" "$out"
    lines=$(wc -l <"$out")
    if [ "$lines" -gt "$lines_shown" ]; then
        echo "… $((lines - lines_shown)) more lines in build/demo/out/${out##*/}"
        if [ "$lines" -gt $((lines_shown + 3)) ]; then
            tail -n 3 "$out"
        fi
    fi
    echo "($(elapsed) s)"
    [ "$status" -eq 0 ] || fail "expunge $1 ended with status $status"
}

step 'init: schema "expunge" in both databases, and the first entry of the ledger' init
step 'check: is everything in place?  Each table is reached by a subject, named by a policy, or global' check
step 'plan: what a run would do, in a read-only transaction' plan
step 'run: expired rows are sealed and leave, workspaces past their grace period are erased' run
step 'status: what waits for the end of its grace period' status
step 'report: what an auditor reads' report

id=$(ask eu "
    select 'eu-' || id
      from expunge.disposal
     where kind = 'workspace' and state in ('erased', 'cleared')
     order by id
     limit 1")
[ -n "$id" ] || fail 'no workspace was erased'
lines_shown=1000
step 'certificate: the proof that one workspace is gone' certificate "$id"

# ---- what next ------------------------------------------------------------------------------------------------------

heading "Done in $(elapsed) s; nothing is left running"
cat <<END
All outputs are in build/demo/out, the configuration is build/demo/expunge.conf.  To look around:

  scripts/cluster.sh start build/demo/pg                    the databases are there again
  alias expunge='build/expunge --config build/demo/expunge.conf'
  expunge status                                            what waits, and until when
  expunge verify                                            is the ledger whole?  do the snapshots open?
  expunge snapshot list                                     what is sealed at the moment
  expunge certificate $id --format json
  psql "$server user=postgres dbname=eu"
  scripts/cluster.sh destroy build/demo/pg                  the end of it

Your own database: copy etc/expunge.conf, put in your tables, and begin with "expunge check".  README.md has the steps.
END
