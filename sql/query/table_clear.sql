-- SPDX-License-Identifier: Apache-2.0
-- A copy starts anew.  $1 disposal
  delete from expunge.disposal_table where disposal = $1::bigint
