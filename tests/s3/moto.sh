#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# moto.sh -- stores of kind s3 against moto's server, where the machine has it: another reading of S3's documentation.
# shellcheck source=tests/support/s3_real.sh
. "$(dirname "$0")/../support/s3_real.sh"
if ! command -v moto_server >/dev/null; then
    skip 'moto' 'moto_server is not installed'
    done_testing
fi
cluster_shared
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
moto_server -H 127.0.0.1 -p "$port" >"$WORK/moto.log" 2>&1 &
moto=$!
moto_stop()
{
    kill "$moto" 2>/dev/null
    wait "$moto" 2>/dev/null
}
at_end moto_stop
for ((i = 0; i < 600; i++)); do
    ! (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    sleep 0.1
done
S3_ENDPOINT=http://127.0.0.1:$port ACCESS=anybody SECRET=anything
credentials
rich_bucket versioned Enabled
small eu
S3_BUCKET=versioned
copies_house home eu "$(s3_store 't/${key}/' | sed 's/timeout = "1 second"/timeout = "1 minute"/')"
expect_status 'check finds the bucket' 0 x check
clears 'a versioned bucket' versioned
expect_status 'the evidence verifies' 0 x verify

done_testing
