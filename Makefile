# Thin: the scripts do the work, so that they run on a machine without make.
BENCH =
JSON =
SEEDS = 10
SEED =
PREFIX = /usr/local

all:
	scripts/setup
	[ -f build/build.ninja ] || PKG_CONFIG_PATH=.deps/rdkafka/lib/pkgconfig meson setup build --prefix $(PREFIX)
	ninja -C build
demo:
	scripts/demo
test:
	scripts/test
bench:
	scripts/bench $(BENCH) $(if $(JSON),--json)
chaos:
	scripts/chaos --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))
install: all
	meson install -C build
clean:
	rm -rf build build-*
.PHONY: all demo test bench chaos install clean
