-- SPDX-License-Identifier: Apache-2.0
-- After a restore from a backup: what the ledger says is gone is erased again.

alter table expunge.installation add column replaying_since timestamptz; -- until it is done, nothing else is

-- The ledger's entry by which this subject, or a policy's rows, were erased already: no grace period, whatever the root says.
alter table expunge.disposal add column replay_seq bigint;

do $$
begin
    execute format('grant update on sequence %s to expunge_worker', pg_get_serial_sequence('expunge.disposal', 'id'));
end
$$;
