-- SPDX-License-Identifier: Apache-2.0
-- Further actions of edges: an element leaves an array; kept rows go when their window is over; shared rows go when nobody
-- refers to them any more.

alter table expunge.disposal_table drop constraint disposal_table_action_check;
alter table expunge.disposal_table add constraint disposal_table_action_check
  check (action in ('delete', 'set_null', 'set_default', 'anonymise', 'keep', 'remove_element'));

-- Rows that an erasure left behind for a window of their own: their keys, and nothing else of them, until they are gone.
create table expunge.kept (
    disposal    bigint      not null references expunge.disposal (id),
    number      integer     not null,                        -- as in not_erased
    owner       text        not null,                        -- the kind of subject, or "policy" and its name
    edge        text        not null,
    schema_name text        not null,
    table_name  text        not null,
    key         text[]      not null,
    since       timestamptz not null,                        -- the window begins here
    until       timestamptz not null,                        -- and was said to end here
    primary key (disposal, number, key)
);
create index kept_row on expunge.kept (schema_name, table_name, key);
create index kept_window on expunge.kept (schema_name, table_name, since);

-- Shared rows that rows of a disposal referred to: whether somebody else does is judged when those are gone.
create table expunge.orphan (
    disposal bigint  not null references expunge.disposal (id),
    number   integer not null,                               -- of disposal_table
    key      text[]  not null,
    primary key (disposal, number, key)
);

grant select, insert, update, delete on expunge.kept, expunge.orphan to expunge_worker;
