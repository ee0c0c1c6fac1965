-- SPDX-License-Identifier: Apache-2.0
-- Erased disposals whose rows a store holds still.  $1 store; columns: disposal
  select c.disposal
    from expunge.copy c
    join expunge.disposal d on d.id = c.disposal
   where c.store = $1::text
     and c.state <> 'gone'
     and d.state = 'erased'
   order by c.disposal
