ALTER TABLE payment.payments
    DROP CONSTRAINT payments_state_check,
    -- requires_action: the buyer has to authenticate the payment, or to choose another payment method.
    ADD CONSTRAINT payments_state_check CHECK (state IN
        ('pending', 'requires_action', 'paid', 'declined', 'refunded', 'barred')),
    -- What the buyer has to do, while the state is requires_action.
    ADD COLUMN next_action jsonb,
    -- When the buyer first had to act.
    ADD COLUMN action_at timestamptz(3),
    -- Payment methods that the buyer has submitted after the first one.
    ADD COLUMN methods_submitted int NOT NULL DEFAULT 0,
    -- The sequence number of the last such submission in the stream of orders.
    ADD COLUMN last_submission bigint NOT NULL DEFAULT 0,
    -- Counts the decisions: one that was made about an older version is not written.
    ADD COLUMN version int NOT NULL DEFAULT 0,
    -- When the reservation expires.
    ADD COLUMN expires_at timestamptz(3);
