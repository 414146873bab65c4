-- The message that wrote the row last: the kind of its event and its place, as `paid ORDERS/17`. It
-- answers for its copies. Rows of an earlier version have none.
ALTER TABLE fulfilment.shipments ADD COLUMN written_by text;
