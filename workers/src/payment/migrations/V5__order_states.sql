-- What any pool may read: what became of the payment of each order, and when.
CREATE VIEW payment.order_states AS
    SELECT order_id, state, next_action, action_at, decided_at, refunded_at FROM payment.payments;
