# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# processors.sh -- what the tests of processors share, beside cli.sh: a test authority and its certificates, the server of
# processor_server.py, a small schema whose customers are known to six vendors, and a configuration that pastes
# etc/processors/*.conf.
# shellcheck source=tests/support/cli.sh
. "$(dirname "${BASH_SOURCE[0]}")/cli.sh"

SERVER=$WORK/server
CREDS=$WORK/creds
PORT=

certificate() # NAME SUBJECT-ALTERNATIVE-NAMES [CA]: signed by the test's authority, or by itself
{
    local dir=$SERVER
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$dir/$1.key" -out "$dir/$1.csr" 2>>"$WORK/openssl.log"
    if [ "${3:-ca}" = self ]; then
        openssl x509 -req -in "$dir/$1.csr" -signkey "$dir/$1.key" -days 30 -extfile <(echo "subjectAltName=$2") -out "$dir/$1.pem" 2>>"$WORK/openssl.log"
    else
        openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 -extfile <(echo "subjectAltName=$2") -out "$dir/$1.pem" 2>>"$WORK/openssl.log"
    fi
}

make_certificates()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=test authority' -days 30 -keyout "$SERVER/ca.key" -out "$SERVER/ca.pem" 2>>"$WORK/openssl.log"
    certificate server 'DNS:localhost,DNS:vendor.example,IP:127.0.0.1'
    certificate other 'DNS:other.example'
    certificate stranger 'DNS:localhost' self
    certificate_two_years_ago
}

certificate_two_years_ago()
{
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=expired' -keyout "$SERVER/expired.key" -out "$SERVER/expired.csr" 2>>"$WORK/openssl.log"
    echo 'subjectAltName=DNS:localhost' >"$SERVER/expired.ext"
    faketime '2 years ago' openssl x509 -req -in "$SERVER/expired.csr" -CA "$SERVER/ca.pem" -CAkey "$SERVER/ca.key" -days 30 -extfile "$SERVER/expired.ext" -out "$SERVER/expired.pem" 2>>"$WORK/openssl.log"
}

start_server()
{
    rm -f "$SERVER/port"
    python3 -W ignore "$ROOT/tests/support/processor_server.py" "$SERVER" "$SERVER/server.pem" "$SERVER/server.key" 2>>"$SERVER/errors" &
    server=$!
    for ((i = 0; i < 600; i++)); do
        [ ! -e "$SERVER/port" ] || break
        sleep 0.05
    done
    PORT=$(cat "$SERVER/port") || die 'the server does not listen'
}

stop_server()
{
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
}

vendors() # the server, its certificates, and the credentials that the notifier has for it
{
    (umask 077 && mkdir -p "$SERVER" "$CREDS")
    make_certificates
    local name
    for name in stripe mailchimp zoho firebase analytics; do
        echo "credential-of-$name" >"$CREDS/$name"
        echo "$name credential-of-$name" >>"$SERVER/secrets"
    done
    echo "whsec_$(head -c 32 /dev/urandom | base64 -w 0)" >"$CREDS/webhook"
    echo "webhook $(cat "$CREDS/webhook")" >>"$SERVER/secrets"
    start_server
    at_end stop_server
}

fault() # NAME, or nothing
{
    echo "${1:-}" >"$SERVER/fault.new"
    mv "$SERVER/fault.new" "$SERVER/fault"
}

# Customers c1 … c60 have ended and are past their grace period; c2 is unknown to Stripe, c3 has two devices, c4 none.
load_vendors() # CONNINFO
{
    psql -qX -v ON_ERROR_STOP=1 -d "$1" <<'END'
create schema app;
create table app.customer (
    id           text primary key,
    email        text not null,
    stripe_id    text,
    zoho_id      text,
    analytics_id text,
    created_at   timestamptz not null default now() - interval '400 days',
    ended_at     timestamptz
);
create index on app.customer (ended_at);
create table app.device (
    id          bigint generated always as identity primary key,
    customer_id text not null references app.customer,
    firebase_id text not null
);
create index on app.device (customer_id);
insert into app.customer
select 'canary-c' || n, 'Canary.C' || n || '@Example.COM', case when n <> 2 then 'cus_canary' || n end, '5540000canary' || n, 'canary/u' || n || ' &x=1', now() - interval '400 days',
       now() - interval '40 days' - n * interval '1 minute'
  from generate_series(1, 60) as n;
insert into app.device (customer_id, firebase_id)
select 'canary-c' || n, 'canary-fid-' || n || '-' || d from generate_series(1, 60) as n, generate_series(1, case n when 3 then 2 when 4 then 0 else 1 end) as d;
END
}

# etc/processors/NAME.conf as a user pastes it, with this test's addresses and columns.
declaration() # NAME
{
    sed -E -e "s#https://[a-z0-9.]+/#https://localhost:$PORT/$1/#" \
        -e 's|billing.account\(stripe_customer_id\)|app.customer(stripe_id)|' -e 's|marketing.contact\(email\)|app.customer(email)|' \
        -e 's|sales.contact\(zoho_id\)|app.customer(zoho_id)|' -e 's|push.device\(firebase_id\)|app.device(firebase_id)|' \
        -e 's|web.visitor\(analytics_id\)|app.customer(analytics_id)|' \
        -e "s|^  purpose = .*|& private_hosts = [ \"localhost\" ]; ca_file = \"$SERVER/ca.pem\"; timeout = \"${TIMEOUT:-1 minute}\";|" \
        "$ROOT/etc/processors/$1.conf"
}

vendor_house() # NAME DATABASE PROCESSOR...
{
    local dir=$WORK/$1 database=$2 names='' separator='' one
    new_house "$1"
    shift 2
    for one; do
        names="$names$separator\"$one\""
        separator=', '
    done
    {
        cat <<END
worker = { state_dir = "$dir/state"; master_key = "file:$dir/master.key"; pace = { duty = 1.0; }; };
databases = ( { name = "eu"; conninfo = "$(conninfo "$database")"; region = "eu"; } );
subjects = (
  { kind = "customer"; root = "app.customer"; key = "id"; incarnation = "created_at"; ended_at = "ended_at"; grace = "30 days";
    processors = [ $names ]; }
);
stores = ( { name = "s"; kind = "directory"; role = "snapshots"; path = "$dir/snapshots"; region = "eu"; } );
safety = { max_share = 1.0; max_subjects = 100; };
processors = (
END
        separator=
        for one; do
            printf '%s' "$separator"
            declaration "$one"
            separator=,
        done
        printf ');\nend = true;\n'
    } >"$CONF"
    ! grep -o 'https*://[^/"]*' "$CONF" | grep -vx "https://localhost:$PORT" || die 'a request would leave this machine'
}

n() # ARGUMENTS...: notify, with its credentials
{
    CREDENTIALS_DIRECTORY=$CREDS "${NOTIFIER:-$EXPUNGE}" --config "$CONF" notify "$@"
}

again() # DATABASE: time passes: every message may be sent at once
{
    sql "$1" 'update expunge.processor_task set next_attempt_at = null'
}

later() # DISPOSAL: no message of it may be sent at once, however slow this machine is
{
    sql eu "update expunge.processor_task set next_attempt_at = next_attempt_at + interval '1 hour' where disposal = $1"
}

task() # DISPOSAL PROCESSOR COLUMNS: of its messages, a line each
{
    sql eu "select $3 from expunge.processor_task where disposal = $1 and processor = '$2' order by number"
}

asked() # VENDOR: requests so far
{
    grep -c "\"path\": \"/$1/" "$SERVER/requests"
}

# ---- faults ------------------------------------------------------------------------------------------------------------------

faults() # sixty erased customers, each met by one fault
{
    cluster_shared
    template expunge_vendors load_vendors
    database eu expunge_vendors
    vendors
    vendor_house home eu stripe mailchimp zoho analytics webhook
    fault
    x init >/dev/null || die 'init'
    x run >/dev/null || die 'run'
    cp "$CONF" "$WORK/good.conf"
    disposal=4
    expect_equal 'sixty disposals wait for their processors' 60 "$(sql eu "select count(*) from expunge.disposal where state = 'erased'")"
}

good() # the configuration as it was
{
    cp "$WORK/good.conf" "$CONF"
}

# One fault: the attempt fails with a reason, is told as it is, and waits; the next pass changes nothing before its time; when
# the fault has ended the message comes to its end.
faulty() # NAME PROCESSOR REASON
{
    disposal=$((disposal + 1))
    run n --disposal "eu-$disposal" --processor "$2"
    local said
    said="$STATUS $(task "$disposal" "$2" "concat_ws(' ', state, attempts, next_attempt_at is not null, receipt, confirmed_at)")"
    case $said in
    '12 requested 1 t' | '12 requested 1 t rj_'*) ok "$1: it is told, and tried again later" ;;
    *) not_ok "$1: it is told, and tried again later" "$said"$'\n'"$(last_run)" ;;
    esac
    expect_match "$1: with its reason" out "$3"
}

sent() { wc -l <"$SERVER/requests" 2>/dev/null || echo 0; }

# The fault has ended, and time has passed: three passes at most are needed.  RUNS: how many they were.
healed() # NAME PROCESSOR
{
    local state=
    fault
    RUNS=0
    while [ "$state" != confirmed ] && [ "$RUNS" -lt 4 ]; do
        again eu
        run n --disposal "eu-$disposal" --processor "$2"
        RUNS=$((RUNS + 1))
        state=$(task "$disposal" "$2" state)
    done
    expect_true "$1: it converges, after $RUNS of three passes" [ "$RUNS" -le 3 -a "$STATUS" = 0 ]
}

patient() # NAME PROCESSOR: the fault has ended, and no time has passed
{
    local before
    before=$(sent)
    fault
    later "$disposal"
    n --disposal "eu-$disposal" --processor "$2" >/dev/null 2>&1
    expect_equal "$1: nothing is sent before its time" "$before" "$(sent)"
}

trial() # FAULT PROCESSOR REASON [patient]
{
    fault "$1"
    faulty "$1" "$2" "$3"
    [ "${4:-}" != patient ] || patient "$1" "$2"
    healed "$1" "$2"
}

# After all faults: nothing was told, nothing was cleared by one, and now everything is.
faults_end()
{
    expect_equal 'no fault told a value' '' "$(sql eu 'select last_error from expunge.processor_task union select receipt from expunge.processor_task' | grep -iE 'canary|credential-of|@example')"
    expect_equal 'no fault cleared a disposal' 0 "$(sql eu "select count(*) from expunge.disposal where state = 'cleared'")"
    local passes=0
    while [ "$(sql eu "select count(*) from expunge.processor_task where state in ('waiting', 'requested', 'accepted')")" != 0 ] && [ "$passes" -lt 4 ]; do
        again eu
        n >/dev/null 2>&1
        passes=$((passes + 1))
    done
    expect_true "everybody is told, in $passes of three passes" [ "$passes" -le 3 ]
    expect_status 'the notifier has nothing left to do' 0 n
    expect_status 'the next run' 0 x run
    expect_equal 'clears every disposal' 'cleared 60' "$(sql eu "select state || ' ' || count(*) from expunge.disposal group by state")"
    expect_status 'and verifies' 0 x verify
    expect_equal 'the server made no mistake of its own' '' "$(cat "$SERVER/errors")"
}
