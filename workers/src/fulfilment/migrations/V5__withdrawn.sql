-- What other pools believe: which orders will never be shipped, and which were.
CREATE VIEW fulfilment.withdrawn AS
    SELECT order_id, NULL::bigint AS amount, NULL::text AS currency FROM fulfilment.shipments
    WHERE state = 'withdrawn';
CREATE VIEW fulfilment.fulfilled AS
    SELECT order_id, NULL::bigint AS amount, NULL::text AS currency FROM fulfilment.shipments
    WHERE state = 'shipped';
