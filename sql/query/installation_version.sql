-- SPDX-License-Identifier: Apache-2.0
-- columns: newest migration that was applied
  select coalesce(max(m.version), 0) from expunge.migration m
