-- What an order says besides what is ordered. Most orders have no row.
CREATE TABLE inventory.order_contents (
    order_id         uuid PRIMARY KEY,
    -- Read and written whole, so json and not jsonb.
    shipping_address json,
    contact          json,
    metadata         json
);

COMMENT ON TABLE inventory.order_contents IS 'Where orders are shipped to, how their buyers are reached, and what shops keep with them';
