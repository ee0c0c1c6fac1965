# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# backrest.sh -- a cluster of the test's own that pgBackRest backs up, beside copies.sh: stanza "main", its repository in
# $BACK/repo (neither compressed nor encrypted, so that it can be searched), its configuration in $BACK/conf.

# shellcheck source=tests/support/copies.sh
. "$(dirname "${BASH_SOURCE[0]}")/copies.sh"

REAL=$(command -v pgbackrest)
RETENTION=repo1-retention-full=2

backrest_configure()
{
    cat >"$BACK/conf" <<END
[global]
repo1-path=$BACK/repo
compress-type=none
lock-path=$BACK/lock
spool-path=$BACK/spool
log-level-file=off
log-level-console=off
start-fast=y
archive-timeout=60
$RETENTION
[main]
pg1-path=$DATA
pg1-user=postgres
pg1-socket-path=$(sed -E 's/^host=([^ ]*) .*/\1/' <<<"$CONNINFO")
END
    chmod 644 "$BACK/conf"
}

# Sets BACK, DATA and, as every cluster does, CONNINFO.
backrest_cluster()
{
    local server=
    # The archive command runs as the server's user, all else as this one: a directory for both.
    BACK=$(mktemp -d "${TMPDIR:-/tmp}/expunge-back.XXXXXX")
    at_end 'rm -rf "$BACK"'
    mkdir -p "$BACK/repo" "$BACK/lock" "$BACK/scratch" "$BACK/spool/archive/main/out"
    if [ "$(id -u)" = 0 ]; then
        server='runuser -u postgres --'
        chown -R postgres: "$BACK"
        chmod 755 "$BACK"
        chmod 2770 "$BACK/repo" "$BACK/lock"
    fi
    EXPUNGE_CLUSTER_OPTIONS="-c archive_mode=on -c archive_command='$REAL --config=$BACK/conf --stanza=main archive-push %p'"
    cluster_own
    DATA=$(sql /postgres 'show data_directory')
    backrest_configure
    # shellcheck disable=SC2086 # words
    $server "$REAL" --config="$BACK/conf" --stanza=main stanza-create || die 'stanza-create failed'
}

back() { "$REAL" --config="$BACK/conf" --stanza=main "$@"; }
