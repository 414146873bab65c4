-- The message that wrote the row last: the kind of its event and its place, as `reserved ORDERS/17`. It
-- answers for its copies. Rows of an earlier version have none.
ALTER TABLE payment.payments ADD COLUMN written_by text;
