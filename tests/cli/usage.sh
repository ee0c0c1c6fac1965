#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage.sh -- the command line as scripts and people rely on it (cli.md): options, mistakes and the nearest right word,
# JSON that is one object, exit statuses, help that follows from the same tables, and nothing written where it cannot go.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

small s
small_house s s
x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
fingerprint s >"$WORK/before"
options_of() # COMMAND → the options of its table
{
    sed -nE 's/.*\{ "(--[a-z-]+)", OPTION_.*/\1/p' "$ROOT/worker/cmd/cmd_$1.c" | xargs
}
commands='init check plan run restore status report certificate verify snapshot pause resume help'

# ---- mistakes -------------------------------------------------------------------------------------------------------

expect_usage() # NAME REGEX ARGUMENTS...: a mistake, told in text and in JSON, with the same words
{
    local name=$1 regex=$2
    shift 2
    expect_status "$name: usage" 64 x "$@"
    expect_match "$name: it says so" err "^expunge: .*$regex"
    expect_empty "$name: nothing on stdout" out
    run x --json "$@"
    if [ "$STATUS" = 64 ] && [ ! -s "$ERR" ] && [ "$(json out "select concat_ws(' ', j ->> 'ok', j #>> '{error,code}', jsonb_array_length(j #> '{error,story}') > 0) from doc")" = 'false usage t' ]; then
        ok "$name: with --json the error is one object on stdout, and nothing else"
    else
        not_ok "$name: with --json the error is one object on stdout, and nothing else" "$(last_run)"
    fi
}
expect_usage 'no command' 'which command\?'
expect_usage 'an unknown command' 'unknown command "plann"; did you mean "plan"\?' plann
expect_usage 'another unknown command' 'unknown command "snapshots"; did you mean "snapshot"\?' snapshots
expect_usage 'a word like no command' 'unknown command "frobnicate".*"expunge help" lists them' frobnicate
expect_usage 'an empty command' 'unknown command ""' ''
expect_usage 'an unknown option' 'unknown option "--polcy"; did you mean "--policy"\?' run --polcy visits
expect_usage 'an unknown option with a value' 'unknown option "--polcy"; did you mean "--policy"\?' run --polcy=visits
expect_usage 'an option like no other' 'unknown option "--frobnicate"; "expunge help run" lists them' run --frobnicate
expect_usage 'an option of another command' 'unknown option "--allow-large"' plan --allow-large
expect_usage 'a short option' 'unknown option "-j"' run -j 2
expect_usage 'a command'"'"'s option before the command' 'unknown option "--policy"' --policy visits run
for short in --pol --polic --dispos --job --allow; do
    expect_usage "an abbreviated option, $short" "unknown option \"$short\"" run "$short" visits
done
expect_usage 'an abbreviated common option' 'unknown option "--verb"' --verb run
expect_usage 'a missing value at the end' '--policy wants a value' run --policy
expect_usage 'a missing value before another option' '--policy wants a value' run --policy --allow-large
expect_usage 'an empty value' 'no policy ""' run --policy=
expect_usage 'an option that is there twice' '--policy is given twice' run --policy visits --policy events
expect_usage 'a flag that is there twice' '--allow-large is given twice' run --allow-large --allow-large
expect_usage 'a flag with a value' '--allow-large takes no value' run --allow-large=yes
expect_usage 'a common flag with a value' '--quiet takes no value' run --quiet=yes
for number in 0 -1 1.5 two 99999999999 '' ' 2' 2x; do
    expect_usage "a number that is none, \"$number\"" "--jobs wants a number from 1 on, not \"$number\"" run "--jobs=$number"
done
for time in yesterday 2026-13-01 2026-02-30 12:00 ''; do
    expect_usage "a time that is none, \"$time\"" "--as-of wants a point in time such as" plan "--as-of=$time"
done
expect_usage 'a word too many' 'one word too many: expunge pause' pause --reason x now
expect_usage 'a word missing' 'something is missing: expunge certificate' certificate
expect_usage 'a certificate of what is no disposal' '"one" is no disposal: it would look like eu-17' certificate one
expect_usage 'a format that does not exist' 'pdf' certificate eu-1 --format pdf
expect_usage 'a report in a format that does not exist' '--format is text, json, csv or html, not "yaml"' report --format yaml
expect_usage 'a report in a format that is nearly one' 'did you mean "html"\?' report --format htm
expect_usage 'a certificate for a spreadsheet' '--format is text, json or html, not "csv"' certificate eu-1 --format csv
expect_status 'a page and --json contradict each other: usage' 64 x report --format html --json
expect_match 'and it says so' out '--json and --format html contradict each other'
expect_usage 'something to verify that does not exist' 'ledgr.*did you mean "ledger"' verify ledgr
expect_usage 'something to do with snapshots that does not exist' 'did you mean "list"' snapshot lst
expect_usage 'help on what does not exist' 'did you mean "plan"' help plann
expect_usage 'init of a database that the configuration does not have' 'no database "us"' init --database us
expect_status '--config twice: usage' 64 "$EXPUNGE" --config "$CONF" --config "$CONF" status
expect_match '--config twice: it says so' err '--config is given twice'
expect_status '--config without a value: usage' 64 "$EXPUNGE" --config
expect_match '--config without a value: it says so' err '--config wants a value'
expect_unchanged 'no mistake changed anything' "$WORK/before" s
expect_true 'the help is not printed for a mistake: three lines are enough' test "$(x plann 2>&1 | wc -l)" -le 3

# ---- what is right ----------------------------------------------------------------------------------------------------

expect_status 'options may stand behind the command, and common ones anywhere' 0 "$EXPUNGE" plan --policy=visits --config="$CONF" --json
expect_json 'and count' '1 visits' out "select jsonb_array_length(j -> 'disposals') || ' ' || (j #>> '{disposals,0,name}') from doc"
expect_status 'behind "--" nothing is an option' 0 x plan -- customer --policy
expect_status '--version' 0 "$EXPUNGE" --version
expect_line '--version says what is in file VERSION' out "expunge $(cat "$ROOT/VERSION")"

# ---- JSON -----------------------------------------------------------------------------------------------------------

x run --json >"$WORK/run.json" || die 'the run'
id=$(disposal_of s policy events | sed 's/^s-/eu-/')
expect_object() # ARGUMENTS...: one JSON object, first names in order, stderr empty
{
    local name="$*" keys
    run x "$@" --json
    keys=$(psql -qAtX -d "$CONNINFO dbname=postgres" 2>&1 <<END
\\set j \`cat '$OUT'\`
select string_agg(k, ' ') from (select k from json_object_keys(:'j'::json) as k limit 3) as t;
END
    )
    if [ "$STATUS" = 0 ] && [ ! -s "$ERR" ] && [ "$keys" = 'schema_version command ok' ] &&
        [ "$(json out "select concat_ws(' ', j ->> 'schema_version', j ->> 'command', j ->> 'ok') from doc")" = "1 $1 true" ]; then
        ok "$name --json: one object, schema_version, command and ok first; nothing on stderr"
    else
        not_ok "$name --json: one object, schema_version, command and ok first; nothing on stderr" "$keys"$'\n'"$(last_run)"
    fi
}
expect_object init
expect_object check
expect_object plan
expect_object run
expect_object status
expect_object status "$id"
expect_object report
expect_object certificate "$id"
expect_object verify
expect_object snapshot list
expect_object snapshot show "$id"
expect_object pause --reason x
expect_object resume
run x --json certificate eu-4711
expect_equal 'an error is told with the same names first' 'schema_version command ok' "$(grep -oE '^  "[a-z_]+"' "$OUT" | head -n 3 | tr -d ' "' | xargs)"
expect_json 'ok is false then, and error has a code and a story' 'false certificate usage t' out "select concat_ws(' ', j ->> 'ok', j ->> 'command', j #>> '{error,code}', j #>> '{error,story,0}' <> '') from doc"
run x --json plann
expect_json 'where there is no command it is null' 't' out "select j -> 'command' = 'null' from doc"

run x certificate "$(sql s "select 'eu-' || min(id) from expunge.disposal where kind = 'customer' and state = 'cleared'")" --json
expect_json 'P3: a certificate has every name that other tools rely on' t out \
    "select j ?& '{disposal,subject_commitment,requested,ground,archived_at,erased_at,cleared_at,tables,copies,processors,not_erased,ledger,configuration_digest}'
        and j -> 'ledger' ?& '{seq,digest}' and j #> '{tables,0}' ?& '{table,action,rows}' and (j ->> 'erased_at') is not null and (j ->> 'cleared_at') is not null from doc"
run x certificate "$id" --json
expect_json 'its copies say where, in which state, and until when' 'snapshots living t' out "select concat_ws(' ', j #>> '{copies,0,store}', j #>> '{copies,0,state}', (j #>> '{copies,0,until}')::timestamptz > now()) from doc"

# ---- help -----------------------------------------------------------------------------------------------------------

expect_status 'help' 0 "$EXPUNGE" help
cp "$OUT" "$WORK/help"
for command in $commands; do
    expect_match "help lists $command" "$WORK/help" "^  $command +[^ ]"
    run "$EXPUNGE" help "$command"
    cp "$OUT" "$WORK/page"
    missing=
    for option in $(options_of "$command"); do
        grep -qE "^  $option( |\$)" "$WORK/page" || missing="$missing $option"
    done
    expect_equal "help $command lists every option of its table" '' "$missing"
    expect_match "help $command has its usage" "$WORK/page" "^usage: expunge $command"
    expect_true "no line of help $command is longer than 120" test "$(wc -L <"$WORK/page")" -le 120
    run "$EXPUNGE" "$command" --help
    expect_true "$command --help is the same, and does nothing else" cmp "$WORK/page" "$OUT"
    expect_match "the manual page knows $command" "$ROOT/etc/man/expunge.8" "expunge.*$command|\\b$command\\b"
    for option in $(options_of "$command"); do
        grep -qF -e "${option//-/\\-}" "$ROOT/etc/man/expunge.8" || missing="$missing $option"
    done
    expect_equal "the manual page knows every option of $command" '' "$missing"
done
run "$EXPUNGE" help exit-codes
expect_equal 'help exit-codes has the statuses that cli.md promises, and no others' '0 10 11 12 13 14 15 64 69 70 74 75 77 78' "$(awk '{ print $1 }' "$OUT" | xargs)"
expect_equal 'with the meanings of the one table' "$(tr -d '\n\134' <"$ROOT/worker/base/err.h" | grep -oE 'X\([A-Z_]+, *[0-9]+, *"[^"]*"\)' | sed -E 's/^X\([A-Z_]+, *([0-9]+), *"(.*)"\)$/\1 \2/')" "$(sed -E 's/^ *([0-9]+) +/\1 /' "$OUT")"
expect_status 'help config' 0 "$EXPUNGE" help config
expect_status 'help is for people: with --json it is refused' 64 "$EXPUNGE" help --json
expect_match 'and says so' out 'help is for people: leave out --json'
expect_status '--version stands alone' 64 x --version
expect_match 'and says so' err '"--version" stands alone'
run "$EXPUNGE" certificate eu-1 --help
expect_match '--help behind words is the help of the command' out '^usage: expunge certificate'

# ---- where it writes ------------------------------------------------------------------------------------------------

declare -A config=([--version]='')
for command in 'help' 'plan' 'run' 'status' 'report' "certificate $id" 'verify' 'snapshot list' "snapshot show $id" "snapshot cat $id app.event" 'check' 'plan --json' '--version'; do
    # shellcheck disable=SC2086 # words
    "$EXPUNGE" $command ${config[$command]-"--config=$CONF"} >/dev/full 2>"$ERR" </dev/null
    expect_equal "$command: output that cannot be written is exit status 74" 74 $?
    expect_match "$command: and it says so" err 'could not write'
done
run x run
expect_empty 'without a terminal there is no progress on stderr' err
run x --quiet snapshot cat "$id" app.event
expect_empty '--quiet: no messages' err

esc=$(printf '\033')
run x check
expect_no_match 'without a terminal there is no colour' out "$esc"
if command -v script >/dev/null; then
    on_terminal() # ENVIRONMENT-AND-ARGUMENTS
    {
        script -qec "env $1 '$EXPUNGE' --config '$CONF' $2" /dev/null </dev/null >"$OUT" 2>"$ERR"
    }
    on_terminal '-u NO_COLOR' check
    expect_match 'on a terminal there is colour' out "$esc\\["
    on_terminal 'NO_COLOR=1' check
    expect_no_match 'NO_COLOR is honoured' out "$esc\\["
    on_terminal '-u NO_COLOR' '--no-color check'
    expect_no_match 'so is --no-color' out "$esc\\["
else
    skip 'on a terminal there is colour' 'script is not installed'
fi
done_testing
