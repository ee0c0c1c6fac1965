-- SPDX-License-Identifier: Apache-2.0
-- $1 the highest number of a hold in the ledger
  select expunge.skip_holds($1::bigint)
