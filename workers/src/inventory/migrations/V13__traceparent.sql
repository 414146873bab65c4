-- The trace of the request that placed an order (W3C Trace Context): its client's, if there was one.
ALTER TABLE inventory.reservations ADD COLUMN traceparent text;
