#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# golden.sh -- what people read, whole: plan, run, status, report, certificate, check, verify, snapshots, and the refusals
# that matter most.  EXPUNGE_GOLDEN=write rewrites golden/; look at the difference before you keep it.
# shellcheck source=tests/support/cli.sh
. "$(dirname "$0")/../support/cli.sh"
cluster_shared

small s
small_house home s
export USER=ops # who paused

# Times, digests, commitments and sizes (of compressed rows that hold times) differ from run to run.
golden_filter()
{
    sed -E -e 's/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/INSTALLATION/g' -e 's/(tool +expunge) [0-9.]+$/\1 VERSION/' -e "s|$WORK|WORK|g" -e "s|$ROOT|ROOT|g" -e 's/[0-9a-f]{64}/DIGEST/g' -e 's/\b[0-9]+-[0-9a-f]{32}\b/KEY/g' \
        -e 's/\b[0-9a-f]{16}…/DIGEST…/g' -e 's/\beu-[0-9]+-[0-9a-f]{8}\b/SNAPSHOT/g' -e 's/\b[0-9a-f]{12}\b/COMMITMENT  /g' -e 's/\b[0-9a-f]{32}\b/ID/g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?)?( UTC|Z)?/TIME/g' \
        -e 's/ +[0-9][0-9.]* (B|kB|MB|GB)\b/ SIZE/g' -e 's/, (now|[0-9]+ s ago)$/, AGO/' -e 's/the next in [0-9]+ s/the next in N s/' -e 's/ +$//'
}

# shellcheck disable=SC2317 # it is called
csv_report() # the dates of the overdue history are many, and all alike
{
    x report --format csv | tr -d '\r' | grep -v '^overdue,'
    return "${PIPESTATUS[0]}"
}

x init >"$WORK/init" 2>&1 || die "init: $(cat "$WORK/init")"
sql s "insert into expunge.hold (kind, subject_key, type, reason) values ('customer', 'k1', 'legal', 'dispute')"
expect_golden 'check before anything was accepted' check.txt x check
expect_golden 'a plan' plan.txt x plan
expect_golden 'a plan with --verbose' plan_verbose.txt x plan --verbose
expect_golden 'a plan in JSON' plan_json.txt x plan customer e1 --json
expect_golden 'status before the first run' status_before.txt x status
x pause --reason 'audit on Monday' >"$WORK/paused" 2>&1
expect_golden 'a paused run' run_paused.txt x run
x resume >"$WORK/resumed" 2>&1
cp "$CONF" "$WORK/good.conf"
sed -i 's/max_rows = 100000/max_rows = 10/' "$CONF"
expect_golden 'a run beyond its caps' run_capped.txt x run
cp "$WORK/good.conf" "$CONF"
sql s "create function app.refuse() returns trigger language plpgsql as \$\$begin
           if old.document_id in (select id from app.document where customer_id = 'e3') then return null; end if; return old; end\$\$;
       create trigger refuse before delete on app.page for each row execute function app.refuse()"
expect_golden 'a run that one disposal does not come through' run.txt x run --jobs 1
expect_golden 'status after it' status.txt x status
sql s 'drop trigger refuse on app.page; update expunge.disposal set next_attempt_at = null'
expect_golden 'the next run' run_next.txt x run --jobs 1
expect_golden 'the certificate of an erased customer' certificate_subject.txt x certificate eu-3
expect_golden 'of one in the grace period' certificate_grace.txt x certificate eu-6
expect_golden 'of a policy' certificate_policy.txt x certificate eu-1
expect_golden 'a report' report.txt x report
expect_golden 'a report for a spreadsheet' report_csv.txt csv_report
expect_golden 'verify' verify.txt x verify
expect_golden 'the snapshots' snapshot_list.txt x snapshot list
expect_golden 'one of them' snapshot_show.txt x snapshot show eu-1
expect_golden 'one disposal'"'"'s story' status_one.txt x status eu-1
done_testing
