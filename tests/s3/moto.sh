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
moto_start
rich_bucket versioned Enabled
small eu
S3_BUCKET=versioned
copies_house home eu "$(s3_store 't/${key}/' | sed 's/timeout = "1 second"/timeout = "1 minute"/')"
expect_status 'check finds the bucket' 0 x check
clears 'a versioned bucket' versioned
expect_status 'the evidence verifies' 0 x verify

done_testing
