-- SPDX-License-Identifier: Apache-2.0
-- $1 disposal, $2 processor, $3 number
  update expunge.processor_task
     set key_id = null, sealed = null
   where disposal = $1::bigint and processor = $2::text and number = $3::integer
