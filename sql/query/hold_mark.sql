-- SPDX-License-Identifier: Apache-2.0
-- Changes with every hold that is placed.  columns: mark
  select coalesce(max(h.id), 0)::text || ' ' || count(*) from expunge.hold h
