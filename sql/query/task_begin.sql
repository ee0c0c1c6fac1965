-- SPDX-License-Identifier: Apache-2.0
-- The live rows are gone: from here on a processor's time runs.  $1 disposal
  update expunge.processor_task t
     set deadline = now() + (t.deadline - t.made_at)
   where t.disposal = $1::bigint
