-- SPDX-License-Identifier: Apache-2.0
-- thousand.sql -- 1,000 tables and 2,500 foreign keys: t1 to t600 are a chain, every table has a second parent, half of them
-- a third (999 + 999 + 502).  Three roots have ended: 1 has a row in each table of the chain, 2 one in the first three
-- tables, 3 nothing; 4 stays.
create schema big;
create table big.t0 (id bigint primary key, ended_at timestamptz);
do $$
begin
    for i in 1..999 loop
        execute format('create table big.t%1$s (id bigint primary key, p0 bigint references big.t%2$s, p1 bigint references big.t%3$s, %4$s body text);
                        create index on big.t%1$s (p0); create index on big.t%1$s (p1)',
                       i, case when i <= 600 then i - 1 else (i * 7919) % 600 end, 23757 % i,
                       case when i <= 502 then format('p2 bigint references big.t%s,', 104729 % i) else '' end);
        if i <= 502 then
            execute format('create index on big.t%s (p2)', i);
        end if;
        if i % 20 = 0 then commit; end if;
    end loop;
end;
$$;
insert into big.t0 select g, case when g < 4 then now() - interval '3 days' end from generate_series(1, 4) g;
do $$
begin
    for i in 1..600 loop
        execute format('insert into big.t%s (id, p0, body) select g, g, ''x'' from unnest(%L::bigint[]) g', i,
                       case when i <= 3 then '{1,2,4}' else '{1,4}' end);
        if i % 50 = 0 then commit; end if;
    end loop;
end;
$$;
