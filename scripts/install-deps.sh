#!/bin/sh
# install-deps.sh -- install the Debian packages that are missing.  Does nothing, and needs no network, when all are there.
# SPDX-License-Identifier: Apache-2.0

set -eu

# what "make", "make demo" need · what "make check" needs as well · "make lint" · "make check-s3"
build='gcc libc6-dev make pkg-config libpq-dev libconfig-dev libzstd-dev libsodium-dev libjansson-dev libcurl4-openssl-dev
       libexpat1-dev postgresql-15 postgresql-client-15 zstd'
test='check valgrind strace systemd faketime python3 restic pgbackrest barman chromium fonts-dejavu-core
      openssh-client minisign openssl xxd'
lint='clang clang-format cppcheck shellcheck groff-base'
s3='radosgw ceph-mon ceph-osd ceph-common'

usage() {
    cat <<'END'
usage: scripts/install-deps.sh build|test|lint|s3 …

Installs the Debian 12 packages of these groups that are missing, with apt-get, as root or through sudo.
END
}

fail() {
    printf 'install-deps.sh: %s\n' "$1" >&2
    exit 1
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || :)" = installed ]
}

# ---- which are missing ----------------------------------------------------------------------------------------------

wanted=
for group in "$@"; do
    case $group in
        build) wanted="$wanted $build" ;;
        test) wanted="$wanted $test" ;;
        lint) wanted="$wanted $lint" ;;
        s3) wanted="$wanted $s3" ;;
        *)
            usage >&2
            exit 64
            ;;
    esac
done
if [ -z "$wanted" ]; then
    usage >&2
    exit 64
fi

command -v dpkg-query >/dev/null 2>&1 || fail 'this is not Debian; install by hand what corresponds to:
'"$(printf '%s\n' "$wanted" | tr -s ' \n' ' ')"

missing=
for package in $wanted; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# ---- by whom --------------------------------------------------------------------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    fail "these packages are missing, and this user is neither root nor has sudo; as root, run
  apt-get update && apt-get install --no-install-recommends$missing"
fi

# apt-get says a thousand lines; they are shown when it fails.
apt_get() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >>"$log" 2>&1 </dev/null
}

apt_install() {
    apt_get --no-install-recommends install "$@" && return
    cat "$log" >&2
    fail "apt-get could not install $*; is the network there?"
}

# ---- install --------------------------------------------------------------------------------------------------------

printf 'installing%s\n' "$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
apt_get update || : # one source of many may be out of order; if it matters, the installation fails

# A new server package makes and starts a cluster "main".  Nobody here needs it, so it is told not to, for this once.
cluster_rules=/etc/postgresql-common/createcluster.d
forget_rule() {
    $as_root rm -f "$cluster_rules/expunge.conf"
    $as_root rmdir "$cluster_rules" 2>/dev/null || : # the administrator's own rules are there
}
case " $missing " in
    *' postgresql-15 '*)
        installed postgresql-common || apt_install postgresql-common
        trap 'rm -f "$log"; forget_rule' EXIT
        $as_root mkdir -p "$cluster_rules"
        echo 'create_main_cluster = false' | $as_root tee "$cluster_rules/expunge.conf" >/dev/null
        ;;
esac
# shellcheck disable=SC2086 # one word per package
apt_install $missing
