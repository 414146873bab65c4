# Three images, each with one binary, its shared libraries and certificates: no shell, no package manager.
#   --target millrace            what runs in production
#   --target payment-simulator   a payment provider that takes no real money
#   --target millrace-lab        the product's commands and the lab's: the demo, the audit, chaos

FROM rust:1.95-slim-trixie AS source
WORKDIR /src
COPY . .
# Cargo compares modification times, which are unreliable when checkouts alternate: touching every file
# makes all of them new.
RUN find . -type f -exec touch {} +
# Where `millrace keys` writes: a new volume at any of these belongs to the user of the image.
RUN mkdir /keys && cd /keys && mkdir brokers redis postgres edge inventory payment fulfilment analytics \
    admin auditor viewer operator exporter system

# The caches keep the crates and their build output for the next build. The binary is stripped of debug
# information; `ldd` lists the shared libraries that are copied beside it.
FROM source AS build-millrace
RUN --mount=type=cache,id=millrace-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=millrace-target,target=/target,sharing=locked \
    .ci/build-image millrace millrace /image

FROM source AS build-payment-simulator
RUN --mount=type=cache,id=millrace-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=millrace-target,target=/target,sharing=locked \
    .ci/build-image payment-simulator payment-simulator /image

FROM source AS build-millrace-lab
RUN --mount=type=cache,id=millrace-registry,target=/usr/local/cargo/registry \
    --mount=type=cache,id=millrace-target,target=/target,sharing=locked \
    .ci/build-image lab millrace-lab /image

# Run as an unprivileged UID that owns no file in the image, but the empty folders for keys.
FROM scratch AS payment-simulator
COPY --from=build-payment-simulator /image /
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/payment-simulator"]

FROM scratch AS millrace-lab
COPY --from=build-millrace-lab /image /
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/millrace-lab"]

# The last stage is the default target of `docker build .`.
FROM scratch AS millrace
COPY --from=build-millrace /image /
COPY --from=source --chown=10001:10001 /keys /keys
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/millrace"]
