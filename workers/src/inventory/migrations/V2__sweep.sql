-- Reservations in the order in which their time is over.
CREATE INDEX reservations_by_time ON inventory.reservations (decided_at, order_id)
    WHERE state = 'reserved';

CREATE TABLE inventory.sweep (
    -- There is one row.
    is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    decided_at timestamptz(3) NOT NULL,
    order_id   uuid NOT NULL
);

INSERT INTO inventory.sweep (decided_at, order_id) VALUES (to_timestamp(0), '00000000-0000-0000-0000-000000000000');

COMMENT ON TABLE inventory.sweep IS 'The last reservation of which it is known that it was paid in time or asked to be cancelled';
