# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# s3_real.sh -- what the tests against real S3 services share, beside copies.sh: a client, and buckets with everything in them.
# shellcheck source=tests/support/copies.sh
. "$(dirname "${BASH_SOURCE[0]}")/copies.sh"

ACCESS='' SECRET=''
client() { python3 "$ROOT/tests/support/s3.py" "$S3_ENDPOINT" "$ACCESS" "$SECRET" "$@"; }
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
