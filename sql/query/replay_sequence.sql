-- SPDX-License-Identifier: Apache-2.0
-- Numbers that the ledger has for disposals of the lost time are not given again.  $1 the highest one; columns: number
  select setval(s.name::regclass, greatest($1::bigint, nextval(s.name::regclass)))
    from pg_get_serial_sequence('expunge.disposal', 'id') s(name)
