-- By what orders are listed and erased. A migration of its own: an added column would have locked the tables for reads
-- as well while all rows are read.
CREATE INDEX reservations_by_caller ON inventory.reservations (caller, placed_at DESC, order_id DESC)
    WHERE caller IS NOT NULL;
CREATE INDEX reservations_by_reference
    ON inventory.reservations (caller, reference, placed_at DESC, order_id DESC)
    WHERE caller IS NOT NULL AND reference IS NOT NULL;
CREATE INDEX reservations_by_customer ON inventory.reservations (customer_id, order_id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX order_contents_by_customer ON inventory.order_contents (customer_id, order_id)
    WHERE customer_id IS NOT NULL;
