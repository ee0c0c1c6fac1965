-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 plan digest, $3 who approved it
  update expunge.approval set recorded = true
   where disposal = $1::bigint and plan_digest = $2::text and approved_by = $3::text and not recorded
