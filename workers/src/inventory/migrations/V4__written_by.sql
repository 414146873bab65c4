-- The message that wrote the row last: the kind of its event and its place, as `created ORDERS/17`. It
-- answers for its copies. Rows of an earlier version have none.
ALTER TABLE inventory.reservations ADD COLUMN written_by text;
