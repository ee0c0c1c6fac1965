#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# wrong_requests.sh -- every mistake that people make with requests, approvals, withdrawals and holds (issue 4: at least 60),
# by the commands and by the functions: a message that says what would be right, its exit status or SQLSTATE, nothing
# changed in schema expunge or the ledger, and no word of theirs repeated.
# shellcheck source=tests/support/desk.sh
. "$(dirname "$0")/../support/desk.sh"
cluster_shared
small "$DB"
scene home
configure 's/during_grace = "keep";/during_grace = "keep"; immediate = { approval = true; };/' 's/name = "eu"; conninfo = ([^;]*); region = "eu"; \}/name = "eu"; conninfo = \1; region = "eu"; }, { name = "away"; conninfo = "host=\/nowhere dbname=x"; }/' \
    's/kind = "customer"; root/kind = "customer"; databases = [ "eu" ]; root/'
sed -i 's/{ name = "events";/{ name = "events"; databases = [ "eu" ];/; s/{ name = "visits";/{ name = "visits"; databases = [ "eu" ];/' "$CONF"
x init --database eu >/dev/null || die 'init failed'
people expunge_support anna bert
people '' nobody
run ask "$anna" k1 --ground objection --json                                         # eu-1: in its grace period
run ask "$anna" k2 --ground customer_request --now --label 'Secret Name k2' --json    # eu-2: waits for an approval
x hold customer k3 --type legal --reason x --user "$anna" >/dev/null                  # eu-1: a hold
x hold customer k3 --type legal --reason x --user "$anna" >/dev/null                  # eu-2: one that is released
x release eu-2 --reason x --user "$anna" >/dev/null
sql "$DB" "insert into expunge.disposal (kind, name, ground, as_of, state, configuration_digest, subject_key) values ('policy', 'events', 'policy', now(), 'archived', 'x', null), ('customer', 'x', 'contract_ended', now(), 'erasing', 'x', 'gone1'), ('customer', 'x', 'contract_ended', now(), 'cleared', 'x', null)"
sql "$DB" "update expunge.disposal set plan_digest = repeat('a', 64), plan_at = now() where id = 2"
state() { fingerprint "$DB"; sha256sum <"$STATE/ledger.jsonl"; }
state >"$WORK/before"
cases=0

judge() # NAME REGEX
{
    expect_match "$1: it says what is the matter" err "$2"
    if grep -qE 'Canary|Secret|Padded|k[0-9]|  nobody|gone1' "$ERR" "$OUT"; then
        not_ok "$1: no word is repeated" "$(last_run)"
    fi
    if ! state | cmp -s "$WORK/before" -; then
        not_ok "$1: nothing was changed" "$(state | diff "$WORK/before" - )"
    fi
    cases=$((cases + 1))
}
wrong() # NAME STATUS REGEX COMMAND-LINE...
{
    local name=$1 status=$2 regex=$3
    shift 3
    expect_status "$name" "$status" setsid -w "$EXPUNGE" --config "$CONF" "$@"
    judge "$name" "$regex"
}
refused() # NAME SQLSTATE REGEX CALL: as anna
{
    run as "$anna" "select expunge.$4"
    expect_match "$1: $2" err "ERROR:  $2: "
    judge "$1" "$3"
}

# ---- request -------------------------------------------------------------------------------------------------------------------

req=(request --user "$anna" --ticket 'Canary ticket' --requested-by 'Canary Requester' --verified-by 'Canary passport')
ok_=("${req[@]}" --ground objection)
wrong 'no subject' 64 'something is missing: expunge request .* KIND KEY' "${ok_[@]}"
wrong 'no key' 64 'something is missing' "${ok_[@]}" customer
wrong 'a word too many' 64 'one word too many' "${ok_[@]}" customer k4 Canary
wrong 'an empty key' 64 'the key is empty' "${ok_[@]}" customer ''
wrong 'a blank key' 64 'the key is empty' "${ok_[@]}" customer '   '
wrong 'a key with a space in front' 64 'begins or ends with white space' "${ok_[@]}" customer ' Padded'
wrong 'a key with a space behind' 64 'begins or ends with white space' "${ok_[@]}" customer 'Padded '
wrong 'a key with a line end' 64 'begins or ends with white space' "${ok_[@]}" customer $'Padded\n'
wrong 'a wildcard *' 64 'no wildcards' "${ok_[@]}" customer 'k*'
wrong 'a wildcard %' 64 'no wildcards' "${ok_[@]}" customer '%'
wrong 'a wildcard ?' 64 'no wildcards' "${ok_[@]}" customer 'k?'
wrong 'an unknown key' 64 'there is no customer of this key' "${ok_[@]}" customer Canary
wrong 'an unknown kind' 64 'no such kind of subject; did you mean "customer"' "${ok_[@]}" custmer k4
wrong 'kind and key in the wrong order' 64 'no such kind of subject$' "${ok_[@]}" Canary-key customer
wrong 'the name of a policy for a kind' 64 'no such kind of subject' "${ok_[@]}" policy events
wrong 'an unknown ground' 64 'none of those .* did you mean "objection"' "${req[@]}" --ground objectoin customer k4
wrong 'the worker'"'"'s own ground' 64 'the worker'"'"'s own' "${req[@]}" --ground policy customer k4
wrong 'an empty ground' 64 'say on which ground: --ground GROUND' "${req[@]}" --ground '' customer k4
wrong 'a blank ticket' 64 'say where the wish was written down: --ticket' request --user "$anna" --ground objection --ticket ' ' --requested-by r --verified-by v customer k4
wrong 'a blank requester' 64 'say who asked for it: --requested-by' request --user "$anna" --ground objection --ticket t --requested-by '' --verified-by v customer k4
wrong 'a blank identity check' 64 'say how identity was verified: --verified-by' request --user "$anna" --ground objection --ticket t --requested-by r --verified-by ' ' customer k4
wrong 'a ticket with a line end' 64 'the ticket holds a control character' request --user "$anna" --ground objection --ticket $'Canary\nx' --requested-by r --verified-by v customer k4
wrong 'a requester that is a whole letter' 64 'who requested it is longer than 500' request --user "$anna" --ground objection --ticket t --requested-by "$(printf 'Canary%.0s' $(seq 100))" --verified-by v customer k4
wrong 'a label without --now' 64 'label belongs to --now' "${ok_[@]}" --label 'Secret Name k4' customer k4
wrong '--now without a label' 64 'type the label of its root row again' "${ok_[@]}" --now customer k4
wrong '--now with an empty label' 64 'the label is empty' "${ok_[@]}" --now --label '' customer k4
wrong '--now with another label' 64 'not the one of this customer' "${ok_[@]}" --now --label 'Secret Name k5' customer k4
wrong '--now with the label in capitals' 64 'not the one of this customer' "${ok_[@]}" --now --label 'SECRET NAME K4' customer k4
wrong '--now with the key for the label' 64 'not the one of this customer' "${ok_[@]}" --now --label k4 customer k4
wrong 'a minor without a label' 64 'type the label of its root row again' "${req[@]}" --ground minor_without_consent customer k4
wrong 'an option twice' 64 '--ticket is given twice' "${ok_[@]}" --ticket Canary customer k4
wrong 'an option without its value' 64 '--ground wants a value' "${req[@]}" customer k4 --ground
wrong 'an option of another command' 64 'unknown option "--reason"' "${ok_[@]}" --reason=Canary customer k4
wrong 'an abbreviated option' 64 'unknown option "--groun"; did you mean "--ground"' "${req[@]}" --groun=Canary customer k4
wrong 'a database that is not configured' 64 'no database "elsewhere"' "${ok_[@]}" --database elsewhere customer k4
wrong 'a database that has no such kind' 64 'database "away" has no customer' "${ok_[@]}" --database away customer k4
wrong 'a role that is not there' 77 'database "eu"' request --user "$(database_name noone)" --ground objection --ticket t --requested-by r --verified-by v customer k4
wrong 'a role that is no member' 77 'this role may not: "grant expunge_support to" it' request --user "$nobody" --ground objection --ticket t --requested-by r --verified-by v customer k4

# ---- approve -------------------------------------------------------------------------------------------------------------------

digest=$(printf 'a%.0s' $(seq 64))
wrong 'no disposal' 64 'something is missing' approve --plan "$digest" --user "$bert"
wrong 'a disposal that is no number' 64 'that is no disposal of a configured database: one would look like eu-17' approve Canary --plan "$digest" --user "$bert"
wrong 'a disposal of no database' 64 'one would look like eu-17' approve Canary-1 --plan "$digest" --user "$bert"
wrong 'a number alone, with several databases' 64 'there are several databases: name one, as in eu-2' approve 2 --plan "$digest" --user "$bert"
wrong 'number zero' 64 'one would look like eu-17' approve eu-0 --plan "$digest" --user "$bert"
wrong 'a negative number' 64 'one would look like eu-17' approve eu--2 --plan "$digest" --user "$bert"
wrong 'a disposal that is not there' 64 'no such disposal of a subject' approve eu-999 --plan "$digest" --user "$bert"
wrong 'a policy'"'"'s disposal' 64 'no such disposal of a subject' approve eu-3 --plan "$digest" --user "$bert"
wrong 'a digest that is none' 64 '64 hexadecimal digits' approve eu-2 --plan Canary --user "$bert"
wrong 'a digest in capitals' 64 'in lower case' approve eu-2 --plan "${digest^^}" --user "$bert"
wrong 'a digest that is too short' 64 '64 hexadecimal digits' approve eu-2 --plan "${digest:1}" --user "$bert"
wrong 'no digest where no plan was counted' 64 'no plan of disposal eu-2 is there to be approved yet' approve eu-2 --user "$bert"
wrong 'what waits for no approval' 64 'waits for no approval' approve eu-1 --plan "$digest" --user "$bert"
wrong 'whoever asked for it' 11 'takes a second person' approve eu-2 --plan "$digest" --user "$anna"
wrong 'an erasure that has begun' 64 'waits for no approval' approve eu-4 --plan "$digest" --user "$bert"

# ---- withdraw ------------------------------------------------------------------------------------------------------------------

wrong 'no reason' 64 'say why: --reason TEXT' withdraw eu-1 --user "$anna"
wrong 'a blank reason' 64 'say why: --reason TEXT' withdraw eu-1 --reason ' ' --user "$anna"
wrong 'a reason with a control character' 64 'the reason holds a control character' withdraw eu-1 --reason $'Canary\tx' --user "$anna"
wrong 'withdrawing what is not there' 64 'no such disposal of a subject' withdraw eu-999 --reason x --user "$anna"
wrong 'withdrawing a policy' 64 'no such disposal of a subject' withdraw eu-3 --reason x --user "$anna"
wrong 'withdrawing in mid erasure' 11 'is erasing: it cannot be withdrawn any more' withdraw eu-4 --reason x --user "$anna"
wrong 'withdrawing what is over' 11 'is cleared: it cannot be withdrawn any more' withdraw eu-5 --reason x --user "$anna"
wrong 'a hold for a disposal' 64 'that is no disposal' withdraw hold --reason Canary --user "$anna"

# ---- hold, release ---------------------------------------------------------------------------------------------------------------

hold=(hold --user "$anna" --reason 'Canary reason')
wrong 'no type' 64 'say of which type: --type TYPE' "${hold[@]}" customer k4
wrong 'an unknown type' 64 'legal, legal_process or restriction; did you mean "legal"' "${hold[@]}" --type leagl customer k4
wrong 'no reason for a hold' 64 'say why: --reason TEXT' hold --user "$anna" --type legal customer k4
wrong 'a legal process without its reference' 64 'say under which reference' "${hold[@]}" --type legal_process customer k4
wrong 'an empty reference' 64 'say under which reference' "${hold[@]}" --type legal --reference '' customer k4
wrong 'an end that is no time' 64 'wants a point in time' "${hold[@]}" --type legal --until tomorrow customer k4
wrong 'an end in the past' 64 'a hold ends in the future' "${hold[@]}" --type legal --until 2020-01-01 customer k4
wrong 'a hold on nobody' 64 'there is no customer of this key' "${hold[@]}" --type legal customer Canary
wrong 'a hold on everybody' 64 'no wildcards' "${hold[@]}" --type legal customer '*'
wrong 'a padded key for a hold' 64 'white space' "${hold[@]}" --type legal customer 'Padded '
wrong 'releasing nothing' 64 'something is missing' release --reason x --user "$anna"
wrong 'releasing without a reason' 64 'say why' release eu-1 --user "$anna"
wrong 'releasing what is not there' 64 'no such hold' release eu-999 --reason x --user "$anna"
wrong 'releasing twice' 64 'is released already' release eu-2 --reason x --user "$anna"
wrong 'releasing a key' 64 'that is no hold of a configured database' release Canary --reason x --user "$anna"
wrong 'releasing as nobody' 77 'may not' release eu-1 --reason x --user "$nobody"

# ---- run, watch, status -------------------------------------------------------------------------------------------------------------

wrong 'requests, and a policy' 64 '--requests names what is worked on, and so does --policy' run --requests --policy events
wrong 'requests, and a disposal' 64 'and so does --disposal' run --requests --disposal eu-1
wrong 'watching a word' 64 'one word too many' watch Canary
wrong 'a status of all for support' 64 'asks for one subject' status --user "$anna"
wrong 'a status of a wildcard for support' 64 'no wildcards' status --user "$anna" customer 'k%'
wrong 'a status of an unknown kind for support' 64 'no such kind' status --user "$anna" Canary k4

# ---- the functions --------------------------------------------------------------------------------------------------------------------

refused 'no kind' RX064 'the kind is missing' "request_erasure(null, 'k4', 'objection', 't', 'r', 'v')"
refused 'no key' RX064 'the key is empty' "request_erasure('customer', null, 'objection', 't', 'r', 'v')"
refused 'an empty key' RX064 'the key is empty' "request_erasure('customer', '', 'objection', 't', 'r', 'v')"
refused 'a padded key' RX064 'white space' "request_erasure('customer', E'Padded\\t', 'objection', 't', 'r', 'v')"
refused 'a wildcard' RX064 'no wildcards' "request_erasure('customer', 'k%', 'objection', 't', 'r', 'v')"
refused 'a key without an end' RX064 'longer than 1000' "request_erasure('customer', repeat('Canary', 1000), 'objection', 't', 'r', 'v')"
refused 'an unknown kind' RX064 'no such kind of subject is configured' "request_erasure('Canary', 'k4', 'objection', 't', 'r', 'v')"
refused 'an unknown key' RX064 'there is no customer of this key' "request_erasure('customer', 'Canary', 'objection', 't', 'r', 'v')"
refused 'no ground' RX064 'the ground is missing' "request_erasure('customer', 'k4', null, 't', 'r', 'v')"
refused 'an unknown ground' RX064 'the ground is none of' "request_erasure('customer', 'k4', 'Canary', 't', 'r', 'v')"
refused 'the worker'"'"'s ground' RX064 'the ground is none of' "request_erasure('customer', 'k4', 'policy', 't', 'r', 'v')"
refused 'P11: no ticket' RX064 'the ticket is missing' "request_erasure('customer', 'k4', 'objection', null, 'r', 'v')"
refused 'P11: no requester' RX064 'who requested it is missing' "request_erasure('customer', 'k4', 'objection', 't', ' ', 'v')"
refused 'P11: no identity check' RX064 'how identity was verified is missing' "request_erasure('customer', 'k4', 'objection', 't', 'r', null)"
refused 'at once without a label' RX064 'the label of its root row, typed again, is missing' "request_erasure('customer', 'k4', 'objection', 't', 'r', 'v', true)"
refused 'at once with another label' RX064 'not the one of this customer' "request_erasure('customer', 'k4', 'objection', 't', 'r', 'v', true, 'Canary')"
refused 'a minor without a label' RX064 'the label of its root row' "request_erasure('customer', 'k4', 'minor_without_consent', 't', 'r', 'v', false)"
refused 'an approval of nothing' RX064 'no such disposal' "approve(null, repeat('a', 64))"
refused 'an approval of no plan' RX064 '64 hexadecimal digits' "approve(2, null)"
refused 'an approval by whoever asked' RX011 'second person' "approve(2, repeat('a', 64))"
refused 'a withdrawal without a reason' RX064 'the reason is missing' "withdraw(1, null)"
refused 'a withdrawal of nothing' RX064 'no such disposal' "withdraw(null, 'x')"
refused 'a hold without a type' RX064 'the type of the hold is missing' "place_hold('customer', 'k4', null, 'x')"
refused 'a hold of an unknown type' RX064 'legal, legal_process or restriction' "place_hold('customer', 'k4', 'Canary', 'x')"
refused 'a hold without a reason' RX064 'the reason is missing' "place_hold('customer', 'k4', 'legal', '')"
refused 'a legal process without a reference' RX064 'the reference is missing' "place_hold('customer', 'k4', 'legal_process', 'x')"
refused 'a hold until always' RX064 'ends in the future' "place_hold('customer', 'k4', 'legal', 'x', 'infinity')"
refused 'a hold until now' RX064 'ends in the future' "place_hold('customer', 'k4', 'legal', 'x', now())"
refused 'a hold on nobody' RX064 'would hold nobody' "place_hold('customer', 'Canary', 'legal', 'x')"
refused 'a release of nothing' RX064 'no such hold' "release_hold(null, 'x')"
refused 'a release without a reason' RX064 'the reason is missing' "release_hold(1, ' ')"
refused 'a release of what is released' RX064 'released already' "release_hold(2, 'x')"
refused 'a status of everybody' RX064 'no wildcards' "subject_status('customer', '%')"
refused 'a status of an unknown kind' RX064 'no such kind' "subject_status('Canary', 'k4')"

expect_true 'at least 60 mistakes' test "$cases" -ge 60
sql "$DB" 'drop schema expunge cascade' 2>"$WORK/notice"
expect_status 'a database without schema expunge' 78 setsid -w "$EXPUNGE" --config "$CONF" "${ok_[@]}" customer k4
expect_match 'says by which command it comes' err 'run "expunge init" first'
done_testing
