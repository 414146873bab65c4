-- What any pool may read: what fulfilment decided about each order, and when.
CREATE VIEW fulfilment.order_states AS SELECT order_id, state, reason, decided_at FROM fulfilment.shipments;
