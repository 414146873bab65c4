-- What other pools believe: which orders were reserved, and what each of them costs.
CREATE VIEW inventory.reserved AS
    SELECT order_id, total AS amount, currency FROM inventory.reservations
    WHERE state IN ('reserved', 'released');
