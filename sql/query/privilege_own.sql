-- SPDX-License-Identifier: Apache-2.0
-- What the worker needs in schema expunge and does not have; LOCK TABLE … IN SHARE MODE asks for one of three.
-- columns: table, privileges of which one is needed, the one to grant
  select w.name, w.privilege, upper(split_part(w.privilege, ',', 1))
    from (values ('migration', 'select'), ('installation', 'select'), ('installation', 'update'), ('disposal', 'select'),
                 ('disposal', 'insert'), ('disposal', 'update'), ('disposal_table', 'select'), ('disposal_table', 'insert'),
                 ('disposal_table', 'update'), ('disposal_table', 'delete'), ('move_batch', 'select'),
                 ('move_batch', 'insert'), ('move_batch', 'delete'), ('not_erased', 'select'),
                 ('not_erased', 'insert'), ('not_erased', 'delete'), ('outbox', 'select'), ('outbox', 'insert'),
                 ('outbox', 'update'), ('outbox', 'delete'), ('hold', 'select'), ('hold', 'update, delete, truncate'),
                 ('report_disposal', 'select'), ('report_not_erased', 'select'), ('report_hold', 'select'),
                 ('checkpoint', 'select'), ('checkpoint', 'insert'), ('processor_task', 'select'),
                 ('processor_task', 'insert'), ('processor_task', 'update'), ('processor_task', 'delete'),
                 ('processor_work', 'select'), ('processor_key', 'select'), ('processor_key', 'insert'),
                 ('processor_key', 'delete'))
         w(name, privilege)
   where not has_table_privilege('expunge.' || w.name, w.privilege)
   order by w.name, w.privilege
