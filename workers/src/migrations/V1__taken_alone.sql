CREATE SCHEMA IF NOT EXISTS workers;

CREATE TABLE workers.taken_alone (
    step    text NOT NULL,
    record  text NOT NULL,
    -- The run of a worker that took it last.
    process bigint NOT NULL,
    -- How many runs have begun with it and not come to its end.
    times   integer NOT NULL,
    PRIMARY KEY (step, record)
);

COMMENT ON TABLE workers.taken_alone IS 'Records in work by themselves: one that is still here later has killed its worker';
