-- What other pools may read: the orders that are shipped, and when it was decided.
CREATE VIEW fulfilment.shipped_orders AS
    SELECT order_id, decided_at AS shipped_at FROM fulfilment.shipments WHERE state = 'shipped';
