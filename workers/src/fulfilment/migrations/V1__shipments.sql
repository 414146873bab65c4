CREATE SCHEMA IF NOT EXISTS fulfilment;

CREATE TABLE fulfilment.shipments (
    -- One row decides for good whether an order is shipped or withdrawn.
    order_id   uuid PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('shipped', 'withdrawn')),
    shipment   text CHECK ((state = 'shipped') = (shipment IS NOT NULL)),
    decided_at timestamptz(3) NOT NULL
);

COMMENT ON TABLE fulfilment.shipments IS 'What fulfilment decided about each order: the proof of ship and withdraw';
