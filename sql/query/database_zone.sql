-- SPDX-License-Identifier: Apache-2.0
-- The time zone that sessions of this database have when they do not ask for another one; a worker's session is set to UTC.
-- columns: its name, it is not UTC at some time of the year
  select z.name,
         timestamp '2026-01-15 12:00' at time zone z.name <> timestamptz '2026-01-15 12:00:00+00'
         or timestamp '2026-07-15 12:00' at time zone z.name <> timestamptz '2026-07-15 12:00:00+00'
    from (select coalesce((select substr(c.setting, 10)
                             from pg_db_role_setting s, unnest(s.setconfig) c(setting)
                            where s.setrole = 0
                              and s.setdatabase = (select d.oid from pg_database d where d.datname = current_database())
                              and lower(c.setting) like 'timezone=%'),
                          (select p.reset_val from pg_settings p where p.name = 'TimeZone')) as name) z
