-- SPDX-License-Identifier: Apache-2.0
-- A snapshot's rows are back in the live tables: what is left of the disposal is to end its snapshot.

alter table expunge.disposal add column restored_at timestamptz;
create index disposal_restored on expunge.disposal (commitment, restored_at) where restored_at is not null;
