#!/bin/sh
# cluster.sh -- a private, throwaway PostgreSQL cluster: own directory, own socket, no port.  For the demo and the tests.
# SPDX-License-Identifier: Apache-2.0
#
# What belongs to the cluster is written down in DIR/cluster, and nothing else is ever changed or removed.
# PostgreSQL refuses to run as root, so root runs it as "postgres" (or "nobody").  Where that user cannot
# reach DIR, or DIR makes the socket's path too long, a directory under $TMPDIR or /tmp is used instead.

set -eu

usage() {
    cat <<'END'
usage: scripts/cluster.sh start|stop|crash|destroy DIR

  start    create the cluster if need be, start it, wait until it answers; the last line printed is how to
           connect, as superuser "postgres": host=SOCKETDIR port=5432
  stop     shut it down and keep the data
  crash    end it at once, as a power cut would (the next start recovers)
  destroy  end it and remove all that start created

  EXPUNGE_CLUSTER_FAST=1      no fsync, no autovacuum: for tests, whose data nobody needs after a power cut
  EXPUNGE_CLUSTER_OPTIONS=…   more server options, such as "-c wal_level=logical"
END
}

fail() {
    printf 'cluster.sh: %s\n' "$1" >&2
    exit 1
}

# ---- who runs the server, and with which programs -------------------------------------------------------------------

find_bin() {
    newest=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -name '[0-9]*' 2>/dev/null | sort -t / -k 5 -n | tail -n 1)
    for bin in /usr/lib/postgresql/15/bin "${newest:-/nowhere}/bin" "$(pg_config --bindir 2>/dev/null || echo /nowhere)"
    do
        if [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ]; then
            return
        fi
    done
    fail 'there is no PostgreSQL server here; scripts/install-deps.sh build installs one'
}

choose_user() {
    server_user=
    [ "$(id -u)" -eq 0 ] || return 0
    server_user=postgres
    id "$server_user" >/dev/null 2>&1 || server_user=nobody
}

# Runs a command as the server's user, from a directory that every user can read.
as_server() (
    cd /
    if [ -z "$server_user" ]; then
        exec "$@"
    elif command -v runuser >/dev/null 2>&1; then
        exec runuser -u "$server_user" -- "$@"
    else
        exec setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" --clear-groups "$@"
    fi
)

# ---- what belongs to the cluster: DIR/cluster, one "name=value" a line ----------------------------------------------

recorded() {
    if [ -f "$dir/cluster" ]; then
        sed -n "s/^$1=//p" "$dir/cluster" | tail -n 1
    fi
}

# A recorded directory: what has no "/" in front lies in DIR, so that DIR may be moved while the server is down.
recorded_dir() {
    path=$(recorded "$1")
    case $path in
        '' | /*) printf '%s' "$path" ;;
        *) printf '%s/%s' "$dir" "$path" ;;
    esac
}

record() {
    printf '%s=%s\n' "$1" "$2" >>"$dir/cluster"
}

# A new directory outside DIR, in $TMPDIR or /tmp, whichever the server's user can reach.
new_elsewhere() {
    for base in "${TMPDIR:-/tmp}" /tmp; do
        elsewhere=$(mktemp -d "$base/expunge-cluster.XXXXXX" 2>/dev/null) || continue
        if give "$elsewhere" && [ "${#elsewhere}" -le 90 ] && plain_name "$elsewhere"; then
            return
        fi
        rmdir "$elsewhere"
    done
    fail "user \"$server_user\" can use neither \"${TMPDIR:-/tmp}\" nor /tmp"
}

# Gives a directory to the server's user; false if that user cannot reach it.
give() {
    chmod 0700 "$1"
    if [ -n "$server_user" ]; then
        chown "$server_user:$(id -g "$server_user")" "$1"
    fi
    as_server test -w "$1" -a -x "$1"
}

# The server splits its list of socket directories at commas, and a connection string at spaces and quotes.
plain_name() {
    case $1 in
        *[!A-Za-z0-9/._@%+=:-]*) return 1 ;;
    esac
}

make_data() {
    mkdir -m 0700 "$dir/data" 2>/dev/null || fail "\"$dir/data\" is there already and is not this script's; name another directory"
    if give "$dir/data"; then
        record data data
        return
    fi
    rmdir "$dir/data"
    new_elsewhere
    record outside "$elsewhere"
    mkdir -m 0700 "$elsewhere/data"
    give "$elsewhere/data"
    record data "$elsewhere/data"
}

# A socket's path has at most 107 bytes, "/.s.PGSQL.5432" and a NUL included.
make_socket_dir() {
    socket=$dir/s
    if [ "${#socket}" -le 92 ] && plain_name "$socket" && mkdir -m 0700 "$socket" 2>/dev/null; then
        if give "$socket"; then
            record socket s
            return
        fi
        rmdir "$socket"
    fi
    new_elsewhere
    record outside "$elsewhere"
    socket=$elsewhere
    record socket "$socket"
}

create() {
    if [ -f "$dir/cluster" ]; then
        clear_away
        remove_recorded # an earlier start did not come to its end
    fi
    make_data
    data=$(recorded_dir data)
    sync=
    [ "$fast" = 0 ] || sync=--no-sync
    as_server "$bin/initdb" -D "$data" -A trust --no-locale -E UTF8 -U postgres --no-instructions $sync \
        >"$dir/initdb.log" 2>&1 </dev/null ||
        fail "initdb failed; see \"$dir/initdb.log\""
    record initialised yes
}

# Only what was made here: DIR/data, DIR/s, and the directories that mktemp made.
remove_recorded() {
    sed -n 's/^outside=//p' "$dir/cluster" | while IFS= read -r path; do
        case $path in
            */expunge-cluster.??????) rm -rf -- "$path" ;;
        esac
    done
    for name in data s; do
        if grep -qx -e "data=$name" -e "socket=$name" "$dir/cluster"; then
            rm -rf -- "${dir:?}/$name"
        fi
    done
    rm -f -- "$dir/cluster" "$dir/initdb.log" "$dir/log"
}

# ---- the four verbs -------------------------------------------------------------------------------------------------

# Processes in the data directory: a server's, or what initdb or a killed server left behind.
processes() {
    here=$(cd "$data" 2>/dev/null && pwd -P) || return 0
    find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/cwd' -printf '%h %l\n' 2>/dev/null |
        while read -r process directory; do
            [ "$directory" != "$here" ] || echo "${process#/proc/}"
        done
}

# A postmaster that was killed may be a zombie for a while: pg_ctl takes it for a server.
running() {
    [ -d "$data" ] && [ "$(recorded initialised)" = yes ] &&
        as_server "$bin/pg_ctl" status -D "$data" >/dev/null 2>&1 &&
        { [ ! -e /proc/self/cwd ] || [ -n "$(processes)" ]; }
}

# After this no process is left in the data directory, and no file that says so: the next server would believe it.
clear_away() {
    [ -d "$data" ] || return 0
    tries=0
    while [ -n "$(processes)" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 50 ]; then
            # shellcheck disable=SC2046 # one word per process
            kill -9 $(processes) 2>/dev/null || :
        fi
        sleep 0.1
    done
    as_server rm -f "$data/postmaster.pid" "${socket:-$data}/.s.PGSQL.5432" "${socket:-$data}/.s.PGSQL.5432.lock"
}

start() {
    mkdir -p -- "$dir"
    data=$(recorded_dir data)
    socket=$(recorded_dir socket)
    if ! running; then
        if [ "$(recorded initialised)" != yes ] || [ ! -d "$data" ]; then
            create
            socket=
        fi
        if [ -z "$socket" ] || [ ! -d "$socket" ]; then
            make_socket_dir
        fi
        clear_away
        launch
    fi
    printf 'host=%s port=5432\n' "$socket"
}

# The server inherits the log from here, so that it need not be able to open a file in DIR itself.
launch() {
    options="-c listen_addresses= -c unix_socket_directories=$socket -c port=5432 -c timezone=UTC -c log_timezone=UTC"
    options="$options -c shared_buffers=256MB -c max_wal_size=2GB -c checkpoint_timeout=15min -c logging_collector=off"
    if [ "$fast" != 0 ]; then
        options="$options -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c autovacuum=off"
    fi
    options="$options ${EXPUNGE_CLUSTER_OPTIONS:-}"
    as_server "$bin/pg_ctl" start -w -t 120 -s -D "$data" -o "$options" \
        >>"$dir/log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- ||
        fail "the server did not start; see \"$dir/log\""
}

end() {
    data=$(recorded_dir data)
    socket=$(recorded_dir socket)
    if running; then
        as_server "$bin/pg_ctl" stop -w -t 120 -s -m "$1" -D "$data" >>"$dir/log" 2>&1 </dev/null ||
            fail "the server did not stop; see \"$dir/log\""
    fi
}

destroy() {
    [ -f "$dir/cluster" ] || return 0
    end immediate
    clear_away
    remove_recorded
    rmdir -- "$dir" 2>/dev/null || : # other files in it are not ours
}

# ---- main -----------------------------------------------------------------------------------------------------------

if [ "${1:-}" = --help ] || [ "${1:-}" = help ]; then
    usage
    exit 0
fi
if [ $# -ne 2 ] || [ -z "$2" ]; then
    usage >&2
    exit 64
fi
case $2 in
    /*) dir=${2%/} ;;
    *) dir=$(pwd)/${2%/} ;;
esac
[ -n "$dir" ] || fail 'the root directory is no place for a cluster'

unset PGDATA PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGPASSFILE
fast=${EXPUNGE_CLUSTER_FAST:-0}
choose_user
find_bin
case $1 in
    start) start ;;
    stop) end fast ;;
    crash) end immediate ;;
    destroy) destroy ;;
    *)
        usage >&2
        exit 64
        ;;
esac
