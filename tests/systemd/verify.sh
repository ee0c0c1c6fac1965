#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# verify.sh -- the units load without a word from systemd, and are as closed as their network allows.  Runs anywhere:
# the program need not be installed, and no systemd need run.
. "$(dirname "$0")/../lib.sh"

units=$WORK/units
mkdir "$units"
for file in "$ROOT"/etc/systemd/*.service "$ROOT"/etc/systemd/*.timer; do
    sed 's|/usr/bin/expunge|/bin/true|' "$file" >"$units/$(basename "$file")"
done
export SYSTEMD_UNIT_PATH=$units: SYSTEMD_LOG_LEVEL=warning

expect_true 'systemd-analyze is there' command -v systemd-analyze

# Both output streams: systemd-analyze complains on stderr and may still exit with 0.
verify() { systemd-analyze verify --man=no "$@" 2>&1; }
exposure() { systemd-analyze security --offline=true --threshold=12 --no-pager "$1"; }

for file in "$units"/*; do
    name=$(basename "$file")
    name=${name/@./@expunge.service.}
    expect_status "$name verifies" 0 verify "$name"
    expect_empty "$name verifies without a word" out
done

for file in "$units"/*.service; do
    name=$(basename "$file")
    instance=$WORK/${name/@./@expunge.service.}
    cp "$file" "$instance"
    expect_status "$name has an exposure of at most 1.2" 0 exposure "$instance"
done

expect_equal 'the daily run reports its failures' 'OnFailure=expunge-failure@%n.service' \
    "$(grep ^OnFailure= "$units/expunge.service")"
expect_true 'the deleting unit reaches no public network, and the one that does works as a role that can delete nothing' \
    test "$(grep -c '^IPAddressDeny=any' "$units/expunge.service")$(grep -c '^IPAddressDeny=' "$units/expunge-notify.service")$(grep -c '^ExecStart=.* notify --user expunge_notify$' "$ROOT/etc/systemd/expunge-notify.service")" = 101
expect_equal 'a service that a timer starts cannot be enabled itself: only the one that stays can' "$units/expunge-watch.service" \
    "$(grep -l '^\[Install\]' "$units"/*.service)"
for timer in "$units"/*.timer; do
    expect_status "the calendar expression of ${timer##*/} is one" 0 systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$timer")"
    expect_true "${timer##*/} has its service" test -e "${timer%.timer}.service"
done
closed() { sed -n '/^# A neighbour/,$p' "$1" | grep -v -e '^$' -e '^\[Install' -e '^WantedBy'; }
for name in expunge-watch expunge-requests; do
    expect_equal "$name is as closed as the daily run" "$(closed "$units/expunge.service")" "$(closed "$units/$name.service")"
    expect_equal "$name reports its failures" 'OnFailure=expunge-failure@%n.service' "$(grep ^OnFailure= "$units/$name.service")"
done
expect_equal 'the service that stays tells when it is ready, and that it is alive' 'Type=notify WatchdogSec=15min' \
    "$(grep -e ^Type= -e ^WatchdogSec= "$units/expunge-watch.service" | paste -sd ' ')"
expect_true 'the user of the service is made by sysusers.d' \
    grep -q "^u $(sed -n 's/^User=//p' "$units/expunge.service") " "$ROOT/etc/sysusers.d/expunge.conf"
if command -v systemd-sysusers >/dev/null; then
    expect_status 'sysusers.d is well formed' 0 systemd-sysusers --dry-run "$ROOT/etc/sysusers.d/expunge.conf"
    expect_no_match 'sysusers.d is taken without a word' err '(Unknown|Failed|ignoring|Invalid)'
fi

# These checks do notice what they are for.
{ cat "$units/expunge.service"; echo 'ProtectSytem=strict'; } >"$units/broken.service"
run verify broken.service
expect_match 'a misspelt setting is noticed' out 'ProtectSytem'
printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >"$WORK/plain.service"
run exposure "$WORK/plain.service"
expect_true 'a service without any hardening is refused' [ "$STATUS" -ne 0 ]

done_testing
