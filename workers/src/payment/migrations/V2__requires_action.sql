ALTER TABLE payment.payments
    DROP CONSTRAINT payments_state_check,
    -- requires_action: the buyer has to authenticate the payment, or to choose another payment method.
    ADD CONSTRAINT payments_state_check CHECK (state IN
        ('pending', 'requires_action', 'paid', 'declined', 'refunded', 'barred')),
    -- What the buyer has to do, while the state is requires_action.
    ADD COLUMN next_action jsonb,
    -- When the buyer first had to act.
    ADD COLUMN action_at timestamptz(3),
    -- The ids of the payment methods that the buyer has submitted after the first one.
    ADD COLUMN submissions jsonb NOT NULL DEFAULT '[]',
    -- Counts the decisions: one that was made about an older version is not written.
    ADD COLUMN version int NOT NULL DEFAULT 0,
    -- When the reservation expires.
    ADD COLUMN expires_at timestamptz(3);
