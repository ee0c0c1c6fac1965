# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# s3_real.sh -- what the tests against real S3 services share, beside copies.sh: a client, and buckets with everything in them.
# shellcheck source=tests/support/copies.sh
. "$(dirname "${BASH_SOURCE[0]}")/copies.sh"

ACCESS='' SECRET=''
client() { python3 "$ROOT/tests/support/s3.py" "$S3_ENDPOINT" "$ACCESS" "$SECRET" "$@"; }
moto_stop()
{
    kill "$moto" 2>/dev/null
    wait "$moto" 2>/dev/null
}
moto_start() # moto's server, where the machine has it
{
    local port i
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    moto_server -H 127.0.0.1 -p "$port" >"$WORK/moto.log" 2>&1 &
    moto=$!
    at_end moto_stop
    for ((i = 0; i < 600; i++)); do
        ! (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
        sleep 0.1
    done
    S3_ENDPOINT=http://127.0.0.1:$port ACCESS=anybody SECRET=anything
    credentials
}
XMLNS='xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
versioning() { client PUT "/$1?versioning" "<VersioningConfiguration $XMLNS><Status>$2</Status></VersioningConfiguration>" >/dev/null; }
all_of() { client versions "$1" | cut -d ' ' -f 1 | tr '\n' ' '; client uploads "$1" | cut -d ' ' -f 1 | tr '\n' ' '; }
credentials()
{
    (umask 077 && mkdir -p "$S3" && echo "$ACCESS" >"$S3/access" && echo "$SECRET" >"$S3/secret")
}
use_bucket() { sed -i "s/bucket = \"[^\"]*\"/bucket = \"$1\"/" "$CONF"; }

LEFT='t/e1 t/e10/x t/e1x t/k1/x t/k1/up '
# A bucket in which e1 and e2 have versions, delete markers, uploads and odd names; beside them, what must stay.
rich_bucket() # BUCKET [VERSIONING]
{
    client PUT "/$1" >/dev/null || die "bucket $1 was not made"
    [ -z "${2:-}" ] || versioning "$1" Enabled
    client put "$1" t/e1/a t/e1/a 't/e1/b c+d&<é>%.txt' "t/e1/\"q'" t/e1/ t/e2/deep/er/x t/e10/x t/e1x t/e1 t/k1/x "${@:3}" || die 'objects were not made'
    [ -z "${2:-}" ] || client DELETE "/$1/t/e1/a" >/dev/null
    if [ "${2:-}" = Suspended ]; then
        versioning "$1" Suspended
        client put "$1" t/e1/a t/e2/null
        client DELETE "/$1/t/e2/null" >/dev/null
    fi
    client POST "/$1/t/e1/up?uploads" >/dev/null
    client POST "/$1/t/k1/up?uploads" >/dev/null
}
clears() # NAME BUCKET [MORE-LEFT]
{
    use_bucket "$2"
    expect_true "$1: the client sees what is to go" test "$(all_of "$2" | wc -w)" -gt 10
    run x run
    expect_equal "$1: all are cleared" "$DONE" "$(states eu)"
    expect_equal "$1: exactly theirs went" "$LEFT" "$(all_of "$2")"
}
