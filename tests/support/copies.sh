# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# copies.sh -- what the tests of stores share, beside cli.sh: a small house with stores, and what the database says of copies.

# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

# A small house whose stores are expunge's own and these, installed.  e1, e2 and e3 have ended and are erased by the first run.
copies_house() # NAME DATABASE STORES [SUBJECT-SETTINGS]
{
    small_house "$1" "$2"
    sed -i -e 's/^policies = ($/policies = ( );\nunused = (/' "$CONF"
    awk -v stores="$3" -v settings="${4:-}" '
        /^unused = \($/ { skip = 1 }
        !skip && /^stores = / { sub(/ \);$/, ",\n" stores " );") }
        !skip && /grace = "30 days";/ { sub(/grace = "30 days";/, "& " settings) }
        !skip { print }
        skip && /^\);$/ { skip = 0 }' "$CONF" >"$CONF.new" && mv "$CONF.new" "$CONF"
    sed -i 's/^global_tables = .*/global_tables = [ "app.country", "app.visit" ];/' "$CONF"
    run x init
    [ "$STATUS" = 0 ] || die "init failed: $(last_run)"
}

# STORE STATE COUNT, a line each, of all disposals.
copies() # DATABASE
{
    sql "$1" "select store || ' ' || state || ' ' || count(*) from expunge.copy group by store, state order by 1"
}
states() # DATABASE
{
    sql "$1" "select string_agg(state || ' ' || n, ', ' order by state) from (select state, count(*) as n from expunge.disposal where kind <> 'policy' group by state) s"
}
error_of() # DATABASE STORE
{
    sql "$1" "select distinct last_error from expunge.copy where store = '$2' and last_error is not null order by 1"
}
faulty() # FAULT ARGUMENTS...
{
    local fault=$1
    shift
    EXPUNGE_FAULT=$fault "$EXPUNGE_FAULTY" --config "$CONF" "$@"
}

# A new beginning: the small database, an empty state directory, the same configuration.
again() # DATABASE
{
    small_again "$1" >"$WORK/again" 2>&1 || die "again: $(cat "$WORK/again")"
    rm -rf "$STATE"
    run x init
    [ "$STATUS" = 0 ] || die "init failed: $(last_run)"
}

DONE='archived 1, cleared 3'

# Erased, and no store was asked yet: a run is killed there, and what the database says of it then is kept ...
keep_waiting() # DATABASE
{
    run faulty copies.judging run
    [ "$STATUS" = 137 ] || die "a run was to be killed before it asks the stores: $(last_run)"
    sql "$1" "select format('update expunge.disposal set state = %L, subject_key = %L, incarnation = %L, erased_at = %L, clear_by = %L, cleared_at = null, attempts = 0, last_error = null, next_attempt_at = null where id = %s;',
                            state, subject_key, incarnation, erased_at, clear_by, id) from expunge.disposal where state = 'erased'" >"$WORK/waiting.sql"
    [ "$(wc -l <"$WORK/waiting.sql")" = 3 ] || die "three are to be erased: $(states "$1")"
    echo "update expunge.copy set state = 'pending', items = 0, until = null, detail = null, checked_at = null, gone_at = null, attempts = 0, next_attempt_at = null, last_error = null; delete from expunge.hold;" >>"$WORK/waiting.sql"
}
# ... and said again: faster than a new beginning, and as true, for all but the ledger, which then tells of several ends.
wait_again() # DATABASE
{
    psql -qX -v ON_ERROR_STOP=1 -d "$(conninfo "$1")" -f "$WORK/waiting.sql" || die 'wait_again failed'
}

# ... and with them, 997 more of other keys: m1, m2, …
thousand_wait() # DATABASE
{
    sql "$1" "insert into expunge.disposal (kind, name, subject_key, incarnation, ground, state, as_of, ended_at, archived_at, erase_after, erasing_at, erased_at, root_erased, store, snapshot_name, snapshot_id, key_id, key_destroyed_at, configuration_digest)
            select d.kind, 'm' || n, 'm' || n, d.incarnation, d.ground, d.state, d.as_of, d.ended_at, d.archived_at, d.erase_after, d.erasing_at, d.erased_at, d.root_erased, null, null, null, null, null, d.configuration_digest
              from expunge.disposal d, generate_series(1, 997) n where d.id = (select min(id) from expunge.disposal where state = 'erased')"
}

# When a fault is over, all is cleared within three runs.
converges() # NAME DATABASE
{
    local i
    for i in 1 2 3; do
        run x run
        [ "$(states "$2")" != "$DONE" ] || break
    done
    expect_equal "$1: all is cleared $i run(s) after its end" "$DONE" "$(states "$2")"
}

# While it lasts: so many are not cleared, and run, disposal and copy say why.
stands() # NAME DATABASE STATES REASON-REGEX
{
    expect_equal "$1: what is not gone is not cleared" "$3" "$(states "$2")"
    expect_match "$1: the run says why" out "$4"
    sql "$2" "select last_error from expunge.disposal where state = 'erased'" >"$WORK/reasons"
    expect_match "$1: the disposals say why" "$WORK/reasons" "$4"
    expect_no_match "$1: without a key" "$WORK/reasons" '\be[123]\b'
}

# The worker under strace, with a system call that fails: all of that kind, or those on INJECTED_PATH.
INJECTED_PATH=
injected() # INJECTION ARGUMENTS...
{
    local injection=$1
    shift
    strace -f -qq --seccomp-bpf ${INJECTED_PATH:+-P "$INJECTED_PATH"} -o "$WORK/strace" -e trace="${injection%%:*}" -e inject="$injection" "$EXPUNGE" --config "$CONF" "$@"
}

# ---- an S3 service on loopback, with tests/support/s3_server.py -----------------------------------------------------------

S3=$WORK/s3
s3_stop()
{
    kill "$s3_pid" 2>/dev/null
    wait "$s3_pid" 2>/dev/null
}
s3_server()
{
    (umask 077 && mkdir -p "$S3" && echo ACCESSKEY >"$S3/access" && echo 'secret/key+1' >"$S3/secret")
    python3 "$ROOT/tests/support/s3_server.py" "$S3" 2>"$S3/errors" &
    s3_pid=$!
    at_end s3_stop
    local i
    for ((i = 0; i < 600; i++)); do
        [ ! -e "$S3/port" ] || break
        sleep 0.05
    done
    S3_ENDPOINT=http://127.0.0.1:$(cat "$S3/port") || die 'the S3 server does not listen'
}
s3_store() # PREFIX [SETTINGS]
{
    echo "{ name = \"objects\"; kind = \"s3\"; role = \"copies\"; endpoint = \"$S3_ENDPOINT\"; bucket = \"${S3_BUCKET:-uploads}\"; prefix = \"$1\"; access_key = \"file:$S3/access\"; secret_key = \"file:$S3/secret\"; private_hosts = [ \"127.0.0.1\" ]; timeout = \"1 second\"; ${2:-} }"
}
s3_fault() { echo "${1:-}" >"$S3/fault.new" && mv "$S3/fault.new" "$S3/fault"; }
# What the bucket holds from the next request on; tabs between a key and what is said of it.
s3_fill() { printf '%b\n' "$@" >"$S3/fill.new" && mv "$S3/fill.new" "$S3/fill" && rm -f "$S3/state"; }
s3_left() { cut -d ' ' -f 1 "$S3/state" | tr '\n' ' '; } # keys
