-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 seq, $3 digest
  update expunge.disposal set ledger_seq = $2::bigint, ledger_digest = $3::text where id = $1::bigint
