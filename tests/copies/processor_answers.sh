#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# processor_answers.sh -- processors that fail while they answer: each fault leaves a truthful state, nothing is cleared by it,
# and the message comes to its end when the fault does (P12).  Time is advanced in the database, never waited for.
# shellcheck source=tests/support/processors.sh
. "$(dirname "$0")/../support/processors.sh"
faults

# ---- the connection -----------------------------------------------------------------------------------------------------------

trial reset_at_once webhook 'TLS could not|connection was lost|could not connect' patient
trial reset zoho 'connection was lost|without an answer'
trial no_answer webhook 'without an answer|connection was lost'
trial half_head webhook 'ended early|connection was lost|without an answer|not HTTP'
trial half_body zoho 'ended early|connection was lost'
trial half_chunk zoho 'ended early|connection was lost'
trial garbage webhook 'not HTTP|libcurl'
trial lost_answer webhook 'connection was lost|without an answer'
stop_server
faulty 'nobody listens' webhook 'could not connect'
old_port=$PORT
start_server
for conf in "$CONF" "$WORK/good.conf"; do
    sed -i "s/localhost:$old_port/localhost:$PORT/" "$conf"
done
healed 'nobody listens' webhook

# ---- answers ---------------------------------------------------------------------------------------------------------------

trial broken webhook 'status 500' patient
trial forbidden analytics 'status 403'
trial missing webhook 'status 404'
trial moved webhook 'status 301; redirects are not followed'
trial moved_with_method zoho 'status 307; redirects are not followed'
expect_no_match 'nobody went where a redirect led' "$SERVER/requests" '/elsewhere'
trial too_many webhook 'status 429'
trial unavailable zoho 'status 503' patient
for kind in too_many unavailable; do
    fault "$kind"
    faulty "$kind, its Retry-After" webhook 'status (429|503)'
    expect_equal "$kind: Retry-After is granted, with jitter" t \
        "$(task "$disposal" webhook "next_attempt_at between now() + interval '1 hour 55 minutes' and now() + interval '2 hours 26 minutes'")"
    healed "$kind, its Retry-After" webhook
done
fault retry_after_ages
faulty 'a Retry-After of ages' webhook 'status 503'
expect_equal 'no more than a week of it is granted' t "$(task "$disposal" webhook "next_attempt_at < now() + interval '9 days'")"
healed 'a Retry-After of ages' webhook
trial retry_after_nonsense webhook 'status 503'
trial error_inside zoho 'status 200, but nothing that is known is at "/data/0/code"' patient
trial no_json zoho 'status 200, but nothing is at'
trial empty zoho 'status 200, but nothing is at'
trial doubled_names zoho 'status 200, but nothing is at'
trial no_receipt analytics 'holds no receipt'
trial wild_receipt analytics 'no plain id'
trial long_receipt analytics 'no plain id'
trial telling_receipt analytics 'repeats what it was sent|no plain id'
trial job_failed stripe 'gave up: "/status" is "failed"'
expect_equal 'Stripe'"'"'s second job had another idempotency key' 1 "$(task "$disposal" stripe round)"
trial ten_gigabytes zoho 'larger than the 1048576 bytes'
trial endless zoho 'larger than the 1048576 bytes'
for ((i = 0; i < 200 && $(cat "$SERVER/flooded" 2>/dev/null || echo 99999999999) == 99999999999; i++)); do sleep 0.05; done
expect_true 'ten gigabytes end at the limit' test "$(cat "$SERVER/flooded")" -lt 100000000
trial large_headers webhook 'larger than|libcurl'

# ---- and in the end ----------------------------------------------------------------------------------------------------------

faults_end
done_testing
