-- SPDX-License-Identifier: Apache-2.0
-- A new pass over a table starts at its beginning.  $1 disposal
  update expunge.disposal_table set position = null where disposal = $1::bigint and position is not null
