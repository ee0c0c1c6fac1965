#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# radosgw.sh -- a throwaway S3 service that verifies signatures: Ceph's radosgw over one monitor and one OSD that keeps its
# objects in memory.  Without systemd, on the loopback network alone, all of it in one directory.
#
#   scripts/radosgw.sh start DIR    prints "endpoint=http://127.0.0.1:PORT access=… secret=…", all that a client needs
#   scripts/radosgw.sh stop DIR     ends its programs and removes the directory
#
# Started by root it runs as user "ceph".  Debian 12: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common
set -eu -o pipefail

fail()
{
    printf 'radosgw.sh: %s\n' "$1" >&2
    exit "${2:-69}"
}

[ $# = 2 ] || fail 'usage: scripts/radosgw.sh start|stop DIR' 64
verb=$1
dir=$(realpath -m "$2")
as=
[ "$(id -u)" != 0 ] || as='setpriv --reuid=ceph --regid=ceph --clear-groups --'

# Each program writes its process id itself.
stop()
{
    local name pid
    for name in rgw osd mon; do
        [ -s "$dir/$name.pid" ] || continue
        pid=$(cat "$dir/$name.pid")
        kill -9 "$pid" 2>/dev/null || continue
        while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    done
    rm -rf "$dir"
}

# A port that nobody listens on.
free_port()
{
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

configure()
{
    cat >"$dir/ceph.conf" <<END
[global]
fsid = $1
mon host = [v2:127.0.0.1:$2]
public addr = 127.0.0.1
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir
log file = $dir/\$name.log
admin socket =
mon data = $dir/mon
mon cluster log file = $dir/cluster.log
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
crash dir = $dir
[client.rgw]
ms mon client mode = crc
rgw frontends = beast endpoint=127.0.0.1:$3
rgw data = $dir/rgw
rgw enable usage log = false
rgw run sync thread = false
rgw thread pool size = 32
END
}

# PROGRAM ARGUMENTS...: with this configuration, as the user that all of it belongs to
ceph_program()
{
    local program=$1
    shift
    $as "$program" --conf "$dir/ceph.conf" "$@" >>"$dir/said" 2>&1 </dev/null || fail "$program failed: $(tail -n 5 "$dir/said")"
}

start()
{
    local fsid mon_port port uuid access secret i
    for i in radosgw ceph-mon ceph-osd ceph; do
        command -v "$i" >/dev/null || fail "$i is not installed: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common"
    done
    [ ! -e "$dir" ] || fail "\"$dir\" is there already" 73
    fsid=$(cat /proc/sys/kernel/random/uuid)
    uuid=$(cat /proc/sys/kernel/random/uuid)
    mon_port=$(free_port)
    port=$(free_port)
    mkdir -p "$dir/mon" "$dir/osd" "$dir/rgw"
    chmod 0700 "$dir"
    : >"$dir/said"
    configure "$fsid" "$mon_port" "$port"
    [ -z "$as" ] || chown -R ceph:ceph "$dir"
    ceph_program monmaptool --create --clobber --addv a "[v2:127.0.0.1:$mon_port]" --fsid "$fsid" "$dir/monmap"
    ceph_program ceph-mon --mkfs --id a --monmap "$dir/monmap"
    ceph_program ceph-mon --id a --pid-file "$dir/mon.pid"
    ceph_program ceph --connect-timeout 60 osd new "$uuid" 0
    ceph_program ceph-osd --id 0 --mkfs --osd-uuid "$uuid"
    ceph_program ceph-osd --id 0 --osd-uuid "$uuid" --pid-file "$dir/osd.pid"
    access=$(od -An -v -tx1 -N10 /dev/urandom | tr -d ' \n')
    secret=$(od -An -v -tx1 -N20 /dev/urandom | tr -d ' \n')
    ceph_program radosgw-admin user create --uid test --display-name test --access-key "$access" --secret-key "$secret"
    ceph_program radosgw --name client.rgw --pid-file "$dir/rgw.pid"
    for ((i = 0; i < 1200; i++)); do
        (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        sleep 0.1
    done
    [ "$i" -lt 1200 ] || fail "radosgw does not listen: $(tail -n 5 "$dir"/*rgw*.log)"
    echo "endpoint=http://127.0.0.1:$port access=$access secret=$secret"
}

case $verb in
start) start ;;
stop) stop ;;
*) fail 'usage: scripts/radosgw.sh start|stop DIR' 64 ;;
esac
