-- SPDX-License-Identifier: Apache-2.0
-- $1 request, $2 its commitment
  update expunge.request set recorded = true, commitment = $2::text where id = $1::bigint and not recorded
