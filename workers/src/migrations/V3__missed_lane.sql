-- The stream of the lane. Versions without lanes have one stream, and do not name it.
ALTER TABLE workers.missed_messages ADD COLUMN stream text NOT NULL DEFAULT 'ORDERS';
ALTER TABLE workers.missed_messages DROP CONSTRAINT missed_messages_pkey;
ALTER TABLE workers.missed_messages ADD PRIMARY KEY (step, stream, first_sequence, last_sequence);
