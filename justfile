# Show what there is.
default:
    @just --list

# Every test, against real servers.
test:
    cargo test --workspace --locked

# What needs no servers: seconds after a build.
test-fast:
    cargo test --workspace --locked --lib --bins
    cargo test --locked -p orders -p streams
    cargo test --locked -p lab --test system -- configuration:: provider:: tidy::

# One test or some, by a part of their names: `just test-only breaker`.
test-only NAME:
    cargo test --workspace --locked {{NAME}}

# A cluster, 1,000 real orders, an audit.
demo *ARGS:
    cargo run --release --locked -- demo {{ARGS}}

# A cluster that stays up until Ctrl-C.
up *ARGS:
    cargo run --release --locked -- up {{ARGS}}

# The benchmarks, into out/.
bench *ARGS:
    cargo run --release --locked -- bench --report out {{ARGS}}

# Faults under load, by a seed.
chaos SEED="1" TIME="120s":
    cargo run --release --locked -- chaos --seed {{SEED}} --for {{TIME}}

# One fuzz target for a minute: `just fuzz batch`. Needs cargo-fuzz and a nightly toolchain.
fuzz TARGET="place_order":
    cd fuzz && cargo +nightly fuzz run {{TARGET}} -- -max_total_time=60

# Regenerate the documents that are generated from the code.
docs:
    UPDATE_DOCS=1 cargo test --locked -p lab --test system configuration
    UPDATE_DOCS=1 cargo test --locked -p edge --lib the_document_that_is_served

# What must hold at every commit.
ci:
    .ci/run

# What must hold before a release: outside tools, long chaos, the version before, containers.
full *PARTS:
    .ci/full {{PARTS}}
