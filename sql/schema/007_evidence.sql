-- SPDX-License-Identifier: Apache-2.0
-- What this database knows of the checkpoints outside it: one that is taken away there, or replaced, is missed here.

create table expunge.checkpoint (
    number   bigint      not null primary key,
    size     bigint      not null,               -- entries of the ledger that it signs
    digest   text        not null,               -- SHA-256 of its file
    noted_at timestamptz not null default now()
);

grant select, insert on expunge.checkpoint to expunge_worker;
