# One image for every role: the binary `millrace` on a bare Debian.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
# The caches keep the crates, and what was built of them, for the next build. Cargo goes by the
# sources' times, which are in no order when checkouts take turns: touched, they are all new.
# What is stripped only debuggers read.
RUN --mount=type=cache,id=millrace-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=millrace-target,target=/target,sharing=locked \
    find . -type f -exec touch {} + \
    && cargo build --release --locked -p cluster --target-dir /target \
    && strip --strip-debug -o /usr/local/bin/millrace /target/release/millrace

FROM debian:trixie-slim
# Whom to trust when the payment provider is reached by https.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/millrace /usr/local/bin/
# A user of no name, who owns nothing here.
USER 10001:10001
ENTRYPOINT ["millrace"]
