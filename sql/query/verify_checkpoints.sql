-- SPDX-License-Identifier: Apache-2.0
-- columns: number, size, digest of the checkpoints that this database knows of, in their order
  select number, size, digest
    from expunge.checkpoint
   order by number
