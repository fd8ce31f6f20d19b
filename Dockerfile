# syntax=docker/dockerfile:1
# faro for those who build with Docker; `zarpa up` needs none of this.

FROM rust:1.95.0-slim-bookworm AS chef
WORKDIR /src
# cargo-auditable writes the list of dependencies into the binary, where makers of SBOMs read it.
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7

# What the dependencies are, without the sources: this layer changes with Cargo.lock only.
FROM chef AS plan
COPY . .
RUN cargo chef prepare --bin faro --recipe-path recipe.json

FROM chef AS dependencies
ENV RUSTFLAGS="-C target-feature=+crt-static"
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --release --locked --package faro --target x86_64-unknown-linux-gnu --recipe-path recipe.json

FROM chef AS test
COPY . .
RUN cargo test --locked --package faro && mkdir -p /tested/data

FROM dependencies AS build
COPY . .
RUN cargo auditable build --release --locked --package faro --bin faro --target x86_64-unknown-linux-gnu

# The empty folder comes from the tests' stage, so that an image whose tests failed is never made.
FROM scratch
COPY --from=build /src/target/x86_64-unknown-linux-gnu/release/faro /usr/bin/faro
COPY --from=test --chown=1000:1000 /tested/data /data
ENV FARO_DATA_DIR=/data
USER 1000:1000
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s CMD ["/usr/bin/faro", "check"]
ENTRYPOINT ["/usr/bin/faro"]
