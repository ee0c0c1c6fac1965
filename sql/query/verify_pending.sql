-- columns: entries that may not have reached the ledger's file yet
  select count(*) from expunge.outbox
