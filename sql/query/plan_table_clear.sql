-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal
  delete from expunge.plan_table where disposal = $1::bigint
