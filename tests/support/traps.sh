# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# traps.sh -- what the tests of single traps share, beside cli.sh: a schema per trap, a house for one kind of subject, and
# an oracle that is told by hand, in SQL, which rows must go and what every other row must look like.
#
#   . "$(dirname "$0")/../support/traps.sh"
#   trap_schema cycle <<'END'          # database cycle, with schema t and table t.root: 1 has ended, 2 and 3 have not
#   create table t.leaf (…);
#   END
#   trap_house '' ''                   # edges, global tables
#   goes cycle 't.root' 'id = 1' …     # pairs: table, condition of the rows that go; all others stay as they are
#   becomes cycle t.log 'select …'     # instead of a pair: the rows as texts that the table must have then
#   trap_erased 'what is shown'        # runs, compares, verifies

# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

TRAP=

trap_schema() # NAME < SQL
{
    local said
    TRAP=$1
    database "$TRAP"
    said=$({
        echo "create schema t; create table t.root (id integer primary key, ended_at timestamptz);
              insert into t.root select g, case when g = 1 then now() - interval '3 days' end from generate_series(1, 3) g;"
        cat
    } | sql "$TRAP" - 2>&1) || die "the schema of $TRAP could not be made: $said"
    rm -f "$WORK/$TRAP.goes"
    : >"$WORK/$TRAP.goes"
}

trap_house() # EDGES GLOBAL [ROOT [KEY]]
{
    rm -rf "${WORK:?}/$TRAP"
    sql "$TRAP" 'set client_min_messages = warning; drop schema if exists expunge cascade'
    new_house "$TRAP"
    cat >"$CONF" <<END
worker = { state_dir = "$STATE"; master_key = "file:$WORK/$TRAP/master.key"; batch = { max_rows = ${TRAP_BATCH:-50000}; }; pace = { duty = 1.0; }; };
databases = ( { name = "db"; conninfo = "$(conninfo "$TRAP")${TRAP_CONNINFO:-}"; ${TRAP_DATABASE:-} } );
subjects = ( { kind = "thing"; root = "${3:-t.root}"; key = "${4:-id}"; ended_at = "ended_at"; grace = "${TRAP_GRACE:-1 day}"; edges = ( $1 ); not_keys = ( ${TRAP_NOT_KEYS:-} ); } );
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$WORK/$TRAP/snapshots"; } );
global_tables = [ $2 ];
safety = { max_share = 1.0; };
end = true;
END
    run x init
    [ "$STATUS" = 0 ] || die "init of $TRAP: $(last_run | tr "\n" " ")"
}

goes() # TABLE CONDITION...
{
    while [ $# -gt 0 ]; do
        printf '%s\tselect x::text from only %s x where (%s) is not true\n' "$1" "$1" "$2" >>"$WORK/$TRAP.goes"
        shift 2
    done
}

becomes() # TABLE QUERY
{
    printf '%s\t%s\n' "$1" "${2//$'\n'/ }" >>"$WORK/$TRAP.goes"
}

# "table rows digest" of every table; $2: as foretold, or as it is
trap_digests() # DATABASE foretold|now
{
    local table kind query script=
    while IFS='|' read -r table kind; do
        query="select x::text from only $table x"
        if [ "$2" = foretold ] && grep -qF -- "$table	" "$WORK/$1.goes"; then
            query=$(grep -F -- "$table	" "$WORK/$1.goes" | head -n 1 | cut -f 2)
        fi
        [ "$kind" = r ] || query=${query/from only/from}
        script+="select '${table//\'/\'\'} ' || count(*) || ' ' || coalesce(md5(string_agg(r, E'\n' order by r collate \"C\")), '-') from ($query) q(r);
"
    done < <(sql "$1" "select format('%I.%I', n.nspname, c.relname), c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
                        where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|information_schema|expunge)' order by 1")
    sql "$1" - <<<"$script"
}

# The run does what was foretold, and nothing else.
trap_erased() # NAME
{
    trap_digests "$TRAP" foretold >"$WORK/$TRAP.foretold"
    expect_status "$1: erased" 0 x run --json
    expect_equal "$1: exactly these rows, all others bit for bit" "$(cat "$WORK/$TRAP.foretold")" "$(trap_digests "$TRAP" now)"
    expect_status "$1: verifies" 0 x verify
}

# It is refused before anything is changed; check says so too.
trap_refused() # NAME PATTERN [EXIT]
{
    trap_digests "$TRAP" now >"$WORK/$TRAP.before"
    expect_status "$1: refused" "${3:-11}" x run
    expect_match "$1: for this reason" out "$2"
    expect_equal "$1: nothing was changed" "$(cat "$WORK/$TRAP.before")" "$(trap_digests "$TRAP" now)"
}

# check tells of it beforehand.
trap_checked() # NAME PATTERN
{
    run x check
    expect_match "$1: check tells it" out "$2"
}
