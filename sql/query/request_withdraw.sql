-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 reason
  select expunge.withdraw($1::bigint, $2::text)
