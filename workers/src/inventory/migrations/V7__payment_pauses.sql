-- When payment was paused, by the time of the database: reservations do not expire in that time.
CREATE TABLE inventory.payment_pauses (
    began_at timestamptz PRIMARY KEY,
    -- When the pause was last seen.
    seen_at  timestamptz NOT NULL,
    is_over  boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX one_pause_at_a_time ON inventory.payment_pauses (is_over) WHERE NOT is_over;

-- What payment reads of it.
CREATE VIEW inventory.pauses_of_payment AS SELECT began_at, seen_at FROM inventory.payment_pauses;
