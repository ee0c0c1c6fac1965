-- SPDX-License-Identifier: Apache-2.0
-- Is schema expunge there?
-- columns: yes or no
  select to_regclass('expunge.migration') is not null
