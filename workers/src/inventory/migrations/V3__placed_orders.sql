-- What other pools may read: the lines of each order, of that body under its key which stands.
CREATE VIEW inventory.placed_orders AS
    SELECT order_id, currency, lines, placed_at FROM inventory.reservations WHERE lines IS NOT NULL;
