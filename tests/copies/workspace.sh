#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# workspace.sh -- P3, end to end: "when a cloud subscription ends, ALL data goes, backups included".  The reference schema, the
# shipped configuration, real stores: a cluster with a pgBackRest repository, a restic repository of dumps for each workspace,
# a bucket with versions (moto's where the machine has it, else that of s3_server.py), exports.  A workspace full of canaries is cancelled; before it is cleared a search finds them in each place,
# afterwards nowhere.
# shellcheck source=tests/support/backrest.sh
. "$(dirname "$0")/../support/backrest.sh"
# shellcheck source=tests/support/s3_real.sh
. "$(dirname "$0")/../support/s3_real.sh"
for program in pgbackrest restic; do
    command -v "$program" >/dev/null && continue
    skip 'a workspace, end to end' "$program is not installed"
    done_testing
done

# ---- the places -------------------------------------------------------------------------------------------------------------
# One block each: set up, its store in STORES, filled by fill_PLACE, searched by search_PLACE (prints a line for each find).

PLACES='cluster dumps objects exports worker'
STORES=

backrest_cluster
STORES="$STORES, { name = \"cluster\"; kind = \"pgbackrest\"; role = \"backups\"; stanza = \"main\"; config = \"$BACK/conf\"; databases = [ \"eu\" ]; purge = \"replace\"; scratch = \"$BACK/scratch\"; }"
fill_cluster() # and WAL
{
    sql eu "update cloud.room set topic = '$CANARY' where workspace_id = '$WORKSPACE'"
    back backup --type=incr || die 'a backup failed'
}
search_cluster()
{
    grep -rla "$CANARY" "$BACK/repo/backup" | head -n 1
    grep -rla "$CANARY" "$BACK/repo/archive" "$BACK/scratch" | head -n 1
}

export RESTIC_REPOSITORY=$WORK/restic RESTIC_PASSWORD_FILE=$WORK/restic.password
(umask 077 && echo secret >"$RESTIC_PASSWORD_FILE")
restic init --quiet --no-cache >/dev/null || die 'restic init failed'
STORES="$STORES, { name = \"dumps\"; kind = \"restic\"; role = \"copies\"; repository = \"$RESTIC_REPOSITORY\"; password = \"file:$RESTIC_PASSWORD_FILE\"; tag = \"workspace=\${key}\"; subjects = [ \"workspace\" ]; databases = [ \"eu\" ]; }"
fill_dumps()
{
    local id
    for id in "$WORKSPACE" "$OTHER"; do
        sql eu "copy (select m.* from cloud.message m join cloud.room r on r.id = m.room_id where r.workspace_id = '$id') to stdout" |
            restic backup --quiet --no-cache --stdin --stdin-filename messages --tag "workspace=$id" >/dev/null || die 'restic backup failed'
    done
}
search_dumps()
{
    local id
    for id in $(restic list blobs --no-cache --no-lock 2>/dev/null | sed -n 's/^data //p'); do
        restic cat blob "$id" --no-cache --no-lock 2>/dev/null | grep -a "$CANARY" | head -n 1 | sed 's/.*/a blob/'
    done
}

if command -v moto_server >/dev/null; then
    moto_start
    client PUT /uploads >/dev/null || die 'the bucket was not made'
    versioning uploads Enabled
    fill_objects()
    {
        client put uploads "workspaces/$WORKSPACE/$CANARY" "workspaces/$WORKSPACE/$CANARY" "workspaces/$OTHER/a" || die 'objects were not made'
        client DELETE "/uploads/workspaces/$WORKSPACE/$CANARY" >/dev/null
        client POST "/uploads/workspaces/$WORKSPACE/$CANARY?uploads" >/dev/null
    }
    search_objects() # two versions with what is in them, a marker, an upload
    {
        local key version kind
        client versions uploads | while read -r key version kind; do
            [ "$kind" != Version ] || client GET "/uploads/$key?versionId=$version" | grep "$CANARY"
        done
        { client versions uploads && client uploads uploads; } | grep "$CANARY.* \(DeleteMarker\|Upload\)$"
    }
    others_objects() { client versions uploads | grep -c "workspaces/$OTHER/a "; }
else
    s3_server
    fill_objects()
    {
        s3_fill "workspaces/$WORKSPACE/$CANARY" "workspaces/$WORKSPACE/$CANARY" "workspaces/$WORKSPACE/$CANARY\tmarker" "workspaces/$WORKSPACE/$CANARY\tupload" "workspaces/$OTHER/a"
        x check >"$WORK/filled" 2>&1 # a request
    }
    search_objects() { grep "$CANARY" "$S3/state"; }
    others_objects() { grep -c "workspaces/$OTHER/a " "$S3/state"; }
fi
STORES="$STORES, $(s3_store "workspaces/\${key}/" 'subjects = [ "workspace" ]; databases = [ "eu" ];' | sed 's/timeout = "1 second"/timeout = "1 minute"/')"

STORES="$STORES, { name = \"exports\"; kind = \"directory\"; role = \"copies\"; path = \"$WORK/exports\"; match = \"workspace-\${key}/*\"; subjects = [ \"workspace\" ]; databases = [ \"eu\" ]; }"
fill_exports()
{
    local id
    mkdir -p "$WORK/exports"
    for id in "$WORKSPACE" "$OTHER"; do
        expect_status 'P8: an export' 0 x export workspace "$id" --format jsonl --output "$WORK/exports/workspace-$id"
    done
}
search_exports() { grep -rla "$CANARY" "$WORK/exports" | head -n 1; }

# The live database's files (not its WAL, which is recycled under other names), and what expunge itself keeps: the snapshot is
# sealed, so it is asked.
fill_worker() { :; }
search_worker()
{
    sql eu checkpoint
    grep -rla "$CANARY" "$DATA/base" "$DATA/global" "$STATE" | head -n 1
    [ -z "$(ls "$STATE/snapshots/eu" 2>/dev/null)" ] || x snapshot cat "$ID" cloud.message 2>/dev/null | grep -a "$CANARY" | head -n 1 | sed 's/.*/the snapshot/'
}
finds() # the places where the search finds a canary, with how often
{
    local place count
    for place in $PLACES; do
        count=$("search_$place" 2>/dev/null | wc -l)
        [ "$count" = 0 ] || printf '%s:%s ' "$place" "$count"
    done
}

# ---- a workspace ------------------------------------------------------------------------------------------------------------

reference eu
CANARY=canary-$RANDOM$RANDOM$RANDOM
WORKSPACE=$(sql eu "select r.workspace_id from cloud.message m join cloud.room r on r.id = m.room_id join cloud.workspace w on w.id = r.workspace_id join billing.customer c on c.workspace_id = w.id where w.status = 'active' group by 1 having count(*) > 3 order by 1 limit 1")
OTHER=$(sql eu "select r.workspace_id from cloud.message m join cloud.room r on r.id = m.room_id join cloud.workspace w on w.id = r.workspace_id where w.status = 'active' and w.id <> '$WORKSPACE' group by 1 having count(*) > 3 order by 1 limit 1")
if [ -z "$WORKSPACE" ] || [ -z "$OTHER" ]; then die 'the reference data has no such workspaces'; fi
sql eu "update cloud.message m set body = '$CANARY ' || m.id from cloud.room r where r.id = m.room_id and r.workspace_id = '$WORKSPACE';
        update cloud.workspace set contact_name = '$CANARY', status = 'cancelled', cancelled_at = now() where id = '$WORKSPACE';
        update billing.invoice set customer_name = '$CANARY' where workspace_id = '$WORKSPACE';
        analyze cloud.message; analyze cloud.workspace"
others=$(sql eu "select count(*), sum(hashtext(m::text)) from cloud.message m join cloud.room r on r.id = m.room_id where r.workspace_id = '$OTHER'")

house home eu
STORES=${STORES#, }
awk -v stores="  , $STORES" '/^# P3: backups and other copies/ { print stores } { print }' "$CONF" >"$CONF.new" && mv "$CONF.new" "$CONF"
expect_status 'init' 0 x init
run x run
ID=$(sql eu "select 'eu-' || id from expunge.disposal where kind = 'workspace' and subject_key = '$WORKSPACE'")
expect_equal 'it is cancelled: archived, and in its grace period' archived "$(sql eu "select state from expunge.disposal where 'eu-' || id = '$ID'")"
for place in $PLACES; do
    "fill_$place"
done
expect_equal 'the search finds the canaries in each place' 'cluster:2 dumps:1 objects:4 exports:1 worker:2 ' "$(finds)"

# ---- the grace period ends ----------------------------------------------------------------------------------------------------

sql eu "update expunge.disposal set erase_after = now() - interval '1 second' where 'eu-' || id = '$ID'"
for ((i = 0; i < 3; i++)); do
    run x run
    [ "$(sql eu "select state from expunge.disposal where 'eu-' || id = '$ID'")" != cleared ] || break
done
expect_equal 'it is cleared, within one run' "cleared 0" "$(sql eu "select state from expunge.disposal where 'eu-' || id = '$ID'") $i"
expect_equal 'the canaries are nowhere' '' "$(finds)"
expect_status 'its certificate is complete' 0 x certificate "$ID" --json
expect_json 'and says of each copy that it is gone' 'cluster gone, dumps gone, exports gone, objects gone, snapshots-eu destroyed' out "select string_agg((c ->> 'store') || ' ' || (c ->> 'state'), ', ' order by c ->> 'store') from doc, jsonb_array_elements(j -> 'copies') c"
expect_status 'the evidence verifies, and nothing of it is in the tables' 0 x verify
expect_true 'what is left of the repository is whole' back verify
expect_equal "another workspace's dump, object and export are there" '1 1 yes' "$(restic snapshots --json --no-cache --tag "workspace=$OTHER" | grep -o '"short_id"' | wc -l) $(others_objects) $([ -e "$WORK/exports/workspace-$OTHER" ] && echo yes)"
expect_equal 'and its rows' "$others" "$(sql eu "select count(*), sum(hashtext(m::text)) from cloud.message m join cloud.room r on r.id = m.room_id where r.workspace_id = '$OTHER'")"

done_testing
