-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 plan digest
  select expunge.approve($1::bigint, $2::text)
