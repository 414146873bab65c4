-- Why an order is withdrawn. Nothing could withdraw one before this column was there.
ALTER TABLE fulfilment.shipments
    ADD COLUMN reason json,
    ADD CHECK ((state = 'withdrawn') = (reason IS NOT NULL));
