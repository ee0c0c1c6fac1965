# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# desk.sh -- what the tests of requests and holds share, beside cli.sh: people with database users of their own, and what
# they ask for.
#
#   people expunge_support anna bert   # $anna and $bert: roles that may log in, members of expunge_support
#   as "$anna" "select …"              # in database $DB, logged in as that role
#   ask "$anna" k1 --now --label …     # expunge request customer k1 by anna, with all that a request needs

# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

DB=small
anna='' bert='' carl='' nobody='' hand=''

people() # GROUP NAME...: after "init"; a group of "" is none
{
    local group=$1 name role
    shift
    for name in "$@"; do
        role=$(database_name "$name")
        sql /postgres "create role \"$role\" login ${group:+in role $group}" || die "role $role could not be made"
        at_end "sql /postgres 'drop owned by \"$role\"; drop role if exists \"$role\"' >/dev/null 2>&1"
        printf -v "$name" %s "$role"
    done
    # databases go first: what a role owns or may do in them goes with them
    # shellcheck disable=SC2016 # expanded when it is run
    at_end 'for d in "${databases[@]}"; do sql /postgres "drop database if exists \"$d\" with (force)" >/dev/null 2>&1; done'
}

# psql logged in as a role; the SQLSTATE and message of an error on stderr.
as() # ROLE STATEMENT [PSQL-OPTION...]
{
    local role=$1 statement=$2
    shift 2
    psql -qAtX -v ON_ERROR_STOP=1 -v VERBOSITY=verbose "$@" -d "$(conninfo "$DB" | sed 's/ user=postgres / /') user=$role" -c "$statement" </dev/null
}

ask() # ROLE KEY OPTION...
{
    local role=$1 key=$2
    shift 2
    x request customer "$key" --user "$role" --ticket 'Canary ticket' --requested-by 'Canary Requester' --verified-by 'Canary passport' "$@"
}

# The disposal of a customer, as the commands take it; and its columns.
newest() # KEY COLUMNS
{
    sql "$DB" "select $2 from expunge.disposal where kind = 'customer' and (subject_key = '$1' or id = (select max(id) from expunge.disposal where subject_key = '$1')) order by id desc limit 1" -F ' '
}

column() # ID COLUMNS
{
    sql "$DB" "select $2 from expunge.disposal where id = ${1#eu-}" -F ' '
}

# What is left of a customer: root documents pages events
left_of() # KEY
{
    sql "$DB" "select concat_ws(' ', (select count(*) from app.customer where id = '$1'), (select count(*) from app.document where customer_id = '$1'),
                      (select count(*) from app.page where document_id in (select id from app.document where customer_id = '$1')), (select count(*) from app.event where customer_id = '$1'))"
}

scene() # NAME: the small database as it was at the beginning, and a new house
{
    small_again "$DB" >"$WORK/again" 2>&1 || die "the small schema: $(cat "$WORK/again")"
    small_house "$1" "$DB"
    run x init
    [ "$STATUS" = 0 ] || die "init of $1: $(last_run)"
}

configure() # SED-EXPRESSION...: change the configuration; it is an error when nothing changes
{
    local expression
    for expression in "$@"; do
        cp "$CONF" "$WORK/old.conf"
        sed -i -E "$expression" "$CONF"
        ! cmp -s "$WORK/old.conf" "$CONF" || die "nothing in the configuration matches $expression"
    done
}

id_of() # → the id that the last command told in JSON
{
    json out "select coalesce(j ->> 'id', j ->> 'hold') from doc"
}

ledger_events() # ID → the events of a disposal, in order
{
    sed -n "s/.*\"disposal\":${1#eu-},\"event\":\"\([a-z_]*\)\".*/\1/p" "$STATE/ledger.jsonl" | paste -sd ' '
}
