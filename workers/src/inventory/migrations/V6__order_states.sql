-- What any pool may read: what inventory decided about each order, and when.
CREATE VIEW inventory.order_states AS
    SELECT order_id, state, reason, digest, placed_at, decided_at, released_at FROM inventory.reservations;
