CREATE SCHEMA IF NOT EXISTS inventory;

CREATE TABLE inventory.stock (
    sku          text PRIMARY KEY,
    name         text NOT NULL,
    currency     text NOT NULL,
    unit_price   bigint NOT NULL CHECK (unit_price > 0),
    other_prices bigint[] NOT NULL DEFAULT '{}',
    -- All that was ever put in: what the audit compares with.
    loaded       bigint NOT NULL CHECK (loaded >= 0),
    on_hand      bigint NOT NULL CHECK (on_hand BETWEEN 0 AND loaded),
    version      bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50); -- Room for the next version of a row beside it: no index is touched.

COMMENT ON TABLE inventory.stock IS 'What can be ordered, for each SKU';

CREATE TABLE inventory.reservations (
    order_id    uuid PRIMARY KEY,
    -- barred: withdrawn before it was placed here, so it will never be reserved.
    state       text NOT NULL CHECK (state IN ('reserved', 'rejected', 'released', 'barred')),
    digest      bytea,
    customer_id text,
    reference   text,
    currency    text,
    total       bigint,
    -- Read and written whole, so json and not jsonb.
    lines       json,
    -- Why it was rejected or released.
    reason      json,
    placed_at   timestamptz(3),
    decided_at  timestamptz(3) NOT NULL,
    released_at timestamptz(3)
) WITH (fillfactor = 90);

COMMENT ON TABLE inventory.reservations IS 'What inventory decided about each order: the proof of reserve and release';
