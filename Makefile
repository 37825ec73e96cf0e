# SPDX-License-Identifier: BSD-3-Clause
#
# A thin front for meson: `make demo` and `make test` do everything on a fresh Debian 12, as root.

# The one list of packages. gcc brings the sanitizers' libraries; libdpdk-dev brings every PMD.
PACKAGES := gcc libc6-dev meson ninja-build pkg-config \
	libdpdk-dev libbpf-dev libxdp-dev clang bpftool libjansson-dev libevent-dev libmicrohttpd-dev libpcap0.8-dev \
	libedit-dev libncurses-dev libbsd-dev libsystemd-dev uthash-dev libcmocka-dev python3 python3-scapy iproute2 ethtool procps \
	tcpreplay util-linux iputils-ping traceroute
# What only some targets need. prometheus: its promtool; dpdk-dev: dpdk-telemetry.py and dpdk-testpmd;
# qemu-system-x86: a kernel with what this machine's lacks (tests/system/linux_guest.py).
PACKAGES_TEST := valgrind libclang-rt-14-dev frr openvswitch-switch iperf3 prometheus python3-prometheus-client nftables lua5.4 dpdk-dev tmux smcroute netsniff-ng \
	qemu-system-x86
PACKAGES_BENCH := gnuplot-nox openvswitch-switch-dpdk
# dpdk-dev: dpdk-testpmd. Pktgen-DPDK itself is in no Debian release: PKTGEN says where it is.
PACKAGES_PKTGEN := dpdk-dev netsniff-ng
PACKAGES_LINT := clang-format clang-tidy
PACKAGES_MAN := mandoc

MESON ?= meson
PREFIX ?= /usr
SOURCES = $(shell git ls-files '*.c' '*.h')

.DEFAULT_GOAL := build
.PHONY: deps deps-test deps-bench deps-pktgen deps-lint build debug sanitize tsan demo test bench bench-quick pktgen install \
	format lint clean

# $(call install,PACKAGES): asks dpkg first, so that it costs nothing when all are there.
define install
	@missing=$$(for p in $(1); do \
		dpkg-query -W -f='$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || echo $$p; \
	done); \
	if [ -n "$$missing" ]; then \
		echo "installing:" $$missing; \
		apt-get update -q && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing; \
	fi
endef

# $(call configure,DIRECTORY,OPTIONS)
define configure
	@[ -f $(1)/build.ninja ] || $(MESON) setup $(1) --prefix=$(PREFIX) $(2)
endef

deps:
	$(call install,$(PACKAGES))

deps-test: deps
	$(call install,$(PACKAGES_TEST))

deps-bench: deps-test
	$(call install,$(PACKAGES_BENCH))

deps-pktgen: deps
	$(call install,$(PACKAGES_PKTGEN))

deps-lint: deps
	$(call install,$(PACKAGES_LINT) $(PACKAGES_MAN))

build: deps
	$(call configure,build,--buildtype=release)
	@ninja -C build

debug: deps
	$(call configure,build-debug,--buildtype=debug)
	@ninja -C build-debug

# The sanitizers make gcc warn of things that are not so: warnings are errors in `build` and `debug`.
sanitize: deps
	$(call configure,build-asan,--buildtype=debugoptimized -Dwerror=false -Db_sanitize=address$(comma)undefined)
	@ninja -C build-asan

# ThreadSanitizer: the shared memory and its tests only, DPDK is not built for it.
tsan: deps
	$(call configure,build-tsan,--buildtype=debugoptimized -Dwerror=false -Ddataplane=disabled -Db_sanitize=thread)
	@ninja -C build-tsan

comma := ,

demo: build
	@tests/system/demo.py

test: build sanitize tsan deps-test
	@tests/run

bench: build deps-bench
	@tests/bench/run

bench-quick: build deps-bench
	@tests/bench/run --quick

# make pktgen SCENARIO=mpls-swap [TEST=latency] [PKTGEN=/path/to/pktgen] [OPTIONS="--sizes 64,1518"]
# Without a SCENARIO: which ones there are.
pktgen: build deps-pktgen
	@pktgen-scripts/run $(SCENARIO) $(if $(TEST),--test $(TEST)) $(if $(PKTGEN),--pktgen $(PKTGEN)) $(OPTIONS)

install: build
	@DESTDIR=$(DESTDIR) $(MESON) install -C build --no-rebuild

format: deps-lint
	@clang-format -i $(SOURCES)

lint: debug deps-lint
	@clang-format --dry-run --Werror $(SOURCES)
	@clang-tidy --quiet -p build-debug --extra-arg=-Wno-unknown-warning-option $(filter %.c,$(SOURCES))

clean:
	@rm -rf build build-instructions build-debug build-asan build-tsan
