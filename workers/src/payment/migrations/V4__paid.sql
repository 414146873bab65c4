-- What other pools believe: whose money was taken, also if it was returned later, and which orders hold none.
CREATE VIEW payment.paid AS
    SELECT order_id, amount, currency FROM payment.payments WHERE state IN ('paid', 'refunded');
CREATE VIEW payment.declined AS
    SELECT order_id, NULL::bigint AS amount, NULL::text AS currency FROM payment.payments
    WHERE state = 'declined';
CREATE VIEW payment.refunded AS
    SELECT order_id, NULL::bigint AS amount, NULL::text AS currency FROM payment.payments
    WHERE state IN ('refunded', 'barred', 'declined');
