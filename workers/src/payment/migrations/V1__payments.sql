CREATE SCHEMA IF NOT EXISTS payment;

CREATE TABLE payment.payments (
    order_id     uuid PRIMARY KEY,
    -- pending: being charged. barred: withdrawn before money was taken, so none will be.
    state        text NOT NULL CHECK (state IN ('pending', 'paid', 'declined', 'refunded', 'barred')),
    amount       bigint,
    currency     text,
    -- The one payment intent that may be confirmed for this order.
    intent       text,
    decline_code text,
    decided_at   timestamptz(3),
    refunded_at  timestamptz(3)
) WITH (fillfactor = 70);

COMMENT ON TABLE payment.payments IS 'What became of the money of each order: the proof of charge and refund';
