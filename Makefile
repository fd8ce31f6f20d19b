# The two commands: `make up` brings faro up with zarpa, `make test` runs every test.

# Where rustup puts cargo, for shells that have not read its profile yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

ZARPA = target/release/zarpa
# More for the compiler: `-C strip=none` keeps the names of functions for a profiler.
RUSTC_FLAGS =

.PHONY: up test build

up: build
	$(ZARPA) up

# Static, so that it runs on any Linux and inside any container; at a fixed address, as helm and kubectl are,
# so that it starts without moving a million bytes of addresses first.
build:
	scripts/install cc=gcc git=git
	cargo rustc --release --locked -p zarpa --bin zarpa -- -C target-feature=+crt-static -C relocation-model=static $(RUSTC_FLAGS)

test:
	scripts/install cc=gcc git=git npm=npm unzip=unzip skopeo=skopeo nft=nftables \
	    /bin/busybox=busybox-static redis-server=redis-server pg_ctlcluster=postgresql gpg=gnupg \
	    valgrind=valgrind
	cargo xtask tools
	cargo xtask ci
	cargo xtask e2e
	cargo xtask count
