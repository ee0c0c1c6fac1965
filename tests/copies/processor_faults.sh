#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# processor_faults.sh -- processors whose names, addresses and certificates are wrong, that never end, and a notifier that is killed:
# each fault leaves a truthful state, and the message comes to its end when the fault does (P12).
# shellcheck source=tests/support/processors.sh
. "$(dirname "$0")/../support/processors.sh"
faults

# ---- TLS and addresses --------------------------------------------------------------------------------------------------------

trial expired webhook 'certificate does not verify' patient
trial stranger webhook 'certificate does not verify'
trial other_name webhook 'certificate does not verify'
trial no_tls webhook 'TLS could not be agreed on|not HTTP'
trial old_tls webhook 'TLS could not be agreed on'

sed -i 's/private_hosts = \[ "localhost" \];//' "$CONF"
faulty 'a private address that nobody allowed' webhook 'address in a private or special network; if that is right, allow the host by name'
good
healed 'a private address that nobody allowed' webhook
sed -i 's/localhost:/no-such-host.invalid:/' "$CONF"
faulty 'a name that nobody knows' webhook 'could not be resolved'
good
healed 'a name that nobody knows' webhook

# A name that answers with a public address when it is looked up first, and with a loopback address afterwards.  The resolver
# and the way to the public address are made by a library that is loaded in front: no packet leaves this machine.
cat >"$WORK/rebind.c" <<'END'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#define PUBLIC "93.184.215.14"
static int lookups(void)
{
    FILE *file = fopen(getenv("REBIND_COUNT"), "r");
    int count = 0;
    if (file != NULL) { if (fscanf(file, "%d", &count) != 1) count = 0; fclose(file); }
    file = fopen(getenv("REBIND_COUNT"), "w");
    fprintf(file, "%d\n", count + 1);
    fclose(file);
    return count;
}
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = (__typeof__(real))dlsym(RTLD_NEXT, "getaddrinfo");
    if (node != NULL && strcmp(node, "vendor.example") == 0)
        node = lookups() == 0 ? PUBLIC : "127.0.0.1";
    return real(node, service, hints, result);
}
int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    int (*real)(int, const struct sockaddr *, socklen_t) = (__typeof__(real))dlsym(RTLD_NEXT, "connect");
    struct sockaddr_in copy;
    if (address->sa_family == AF_INET && ((const struct sockaddr_in *)address)->sin_addr.s_addr == inet_addr(PUBLIC))
    {
        memcpy(&copy, address, sizeof copy);
        copy.sin_addr.s_addr = inet_addr("127.0.0.1");
        return real(fd, (struct sockaddr *)&copy, sizeof copy);
    }
    return real(fd, address, length);
}
END
gcc -shared -fPIC -o "$WORK/rebind.so" "$WORK/rebind.c" -ldl || die 'the resolver of this test'
rebinding() { REBIND_COUNT=$WORK/lookups LD_PRELOAD=$WORK/rebind.so n "$@"; }
sed -i -e 's/private_hosts = \[ "localhost" \];//' -e 's/localhost:/vendor.example:/' "$CONF"
disposal=$((disposal + 1))
rm -f "$WORK/lookups"
expect_status 'a name with a public address' 0 rebinding --disposal "eu-$disposal" --processor webhook
expect_equal 'is looked up once: what was judged is what was connected to' 1 "$(cat "$WORK/lookups")"
disposal=$((disposal + 1))
expect_status 'the same name with a loopback address afterwards' 12 rebinding --disposal "eu-$disposal" --processor webhook
expect_match 'DNS rebinding is refused' out 'address in a private or special network'
expect_equal 'and nothing was sent' '0' "$(grep -c "$(task "$disposal" webhook message_id)" "$SERVER/requests")"
good
healed 'DNS rebinding' webhook
sed -i 's|https://localhost|http://localhost|' "$CONF"
fault no_tls
disposal=$((disposal + 1))
run n --disposal "eu-$disposal" --processor webhook
expect_equal 'http is taken for a loopback host that is allowed by name' '0 confirmed' "$STATUS $(task "$disposal" webhook state)"
fault
good

# ---- time ---------------------------------------------------------------------------------------------------------------------

sed -i 's/timeout = "1 minute"/timeout = "3 seconds"/' "$CONF"
fault timeout
faulty 'no answer in time' webhook 'did not answer in time'
good
healed 'no answer in time' webhook
sed -i 's/timeout = "1 minute"/timeout = "3 seconds"/' "$CONF"
fault slow_loris
faulty 'a letter at a time' webhook 'did not answer in time'
good
healed 'a letter at a time' webhook
disposal=$((disposal + 1))
fault broken
for ((i = 1; i <= 11; i++)); do
    n --disposal "eu-$disposal" --processor webhook >/dev/null 2>&1
    task "$disposal" webhook 'extract(epoch from next_attempt_at - now())::integer' >>"$WORK/pauses"
    again eu
done
expect_equal 'pauses grow as Standard Webhooks asks: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h, with jitter' 't' \
    "$(paste -sd ' ' "$WORK/pauses" | awk '{ n = split("5 300 1800 7200 18000 36000 50400 72000 86400 86400 86400", w, " ")
        for (i = 1; i <= n; i++) if ($i < w[i] - 60 || $i > 1.2 * w[i] + 1) { print $0; exit } print "t" }')"
fault

# ---- the notifier itself ----------------------------------------------------------------------------------------------------------

for point in notify.recorded notify.committed notify.answered notify.key_destroyed; do
    disposal=$((disposal + 1))
    EXPUNGE_FAULT=$point NOTIFIER=$EXPUNGE_FAULTY n --disposal "eu-$disposal" --processor webhook >/dev/null 2>&1
    again eu
    expect_status "killed at $point: the next pass goes on" 0 n --disposal "eu-$disposal" --processor webhook
    expect_equal "killed at $point: one message, one id, no key" 'confirmed t 1' \
        "$(task "$disposal" webhook "concat_ws(' ', state, key_id is null)") $(grep '"path": "/webhook/' "$SERVER/requests" | grep -o "$(task "$disposal" webhook message_id)" | sort -u | wc -l)"
done
disposal=$((disposal + 1))
mv "$CREDS/webhook" "$CREDS/webhook.away"
run n --disposal "eu-$disposal"
expect_equal 'a missing credential is a mistake of the configuration' 78 "$STATUS"
expect_match 'with file, line, processor and what to do' err "expunge.conf:[0-9]+: processor \"webhook\""
expect_equal 'nothing was sent to anybody' 0 "$(sql eu "select count(*) from expunge.processor_task where disposal = $disposal and state <> 'waiting'")"
mv "$CREDS/webhook.away" "$CREDS/webhook"
echo 'not a secret' >"$CREDS/webhook.new"
cp "$CREDS/webhook" "$CREDS/webhook.old" && cp "$CREDS/webhook.new" "$CREDS/webhook"
faulty 'a secret that is none' webhook 'the secret of the signature is not'
cp "$CREDS/webhook.old" "$CREDS/webhook"
healed 'a secret that is none' webhook
echo 'expired-token' >"$CREDS/zoho"
faulty 'a credential that the vendor does not take' zoho 'status 401'
echo 'credential-of-zoho' >"$CREDS/zoho"
healed 'a credential that the vendor does not take' zoho
sed -i 's/"zoho"/"zoho-too"/g' "$CONF"
disposal=$((disposal + 1))
run n --disposal "eu-$disposal"
expect_equal 'a processor that the configuration forgot: it is told, and tried again later' '12 waiting 1' "$STATUS $(task "$disposal" zoho "concat_ws(' ', state, attempts)")"
expect_match 'a processor that the configuration forgot: with its reason' out 'the configuration has no such processor any more'
good
healed 'a processor that the configuration forgot' zoho
sql eu "update expunge.processor_task set sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) where disposal = $((disposal + 1)) and processor = 'webhook'"
disposal=$((disposal + 1))
run n --disposal "eu-$disposal" --processor webhook
expect_equal 'damaged values are sent to nobody' '12 requested' "$STATUS $(task "$disposal" webhook state)"
expect_status 'a person settles that one' 0 n --settle "eu-$disposal" webhook --reason 'asked by letter'

# ---- Ed25519 -------------------------------------------------------------------------------------------------------------------

openssl genpkey -algorithm ed25519 -out "$WORK/ed.pem" 2>/dev/null
openssl pkey -in "$WORK/ed.pem" -pubout -out "$WORK/ed.pub" 2>/dev/null
openssl pkey -in "$WORK/ed.pem" -outform DER 2>/dev/null | tail -c 32 >"$WORK/seed"
cp "$CREDS/webhook" "$CREDS/webhook.old"
echo "whsk_$(base64 -w 0 "$WORK/seed")" >"$CREDS/webhook"
sed -i 's/scheme = "v1"/scheme = "v1a"/' "$CONF"
disposal=$((disposal + 1))
expect_status 'v1a: a message is signed with Ed25519' 0 n --disposal "eu-$disposal" --processor webhook
expect_status 'openssl verifies it' 0 openssl pkeyutl -verify -pubin -inkey "$WORK/ed.pub" -rawin -in "$SERVER/signed" -sigfile "$SERVER/signature"
cp "$CREDS/webhook.old" "$CREDS/webhook"
good

# ---- and in the end ----------------------------------------------------------------------------------------------------------

faults_end
done_testing
