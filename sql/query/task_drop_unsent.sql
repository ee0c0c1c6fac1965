-- SPDX-License-Identifier: Apache-2.0
-- A disposal that is withdrawn tells nobody.  $1 disposal
  delete from expunge.processor_task t where t.disposal = $1::bigint and t.state in ('waiting', 'not_concerned')
