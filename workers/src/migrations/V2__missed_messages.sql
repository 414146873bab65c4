CREATE TABLE workers.missed_messages (
    step           text NOT NULL,
    -- Sequence numbers in the stream of orders.
    first_sequence bigint NOT NULL,
    last_sequence  bigint NOT NULL,
    noticed_at     timestamptz(3) NOT NULL DEFAULT now(),
    -- When the step had rebuilt from rows what these messages said, and for how many orders.
    rebuilt_at     timestamptz(3),
    rebuilt_orders bigint,
    PRIMARY KEY (step, first_sequence, last_sequence)
);

COMMENT ON TABLE workers.missed_messages IS 'Messages that were purged before an observing step had processed them';
