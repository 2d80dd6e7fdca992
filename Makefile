# The short commands in front of meson. 'make' builds, 'make check' tests without root in seconds,
# 'make check T=guard' runs the tests of that name, 'make check-system' needs root.
BUILD ?= build
T ?=
SECONDS ?= 10
SEEDS ?= 100
FIRST ?= 1
PYTEST = /usr/bin/python3 -m pytest -q -p no:cacheprovider

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >/dev/null

check: all
	@if [ -n "$(T)" ]; then \
	    names=$$(meson test -C $(BUILD) --list 2>/dev/null | sed 's|.* / ||' | grep -e '$(T)') || \
	        { echo "no test is called $(T)"; exit 1; }; \
	    meson test -C $(BUILD) --no-rebuild --print-errorlogs $$names; \
	else meson test -C $(BUILD) --no-rebuild --print-errorlogs; fi

check-system: all vcenter
	@$(PYTEST) tests $(if $(T),-k "$(T)")

# The Config Module on a Linux bridge under sanitizers, in QEMU: minutes and a large download, so it is no part of ./check.
check-qemu:
	@tests/qemu/run

vcenter:
	@lab/vcenter/build

bench: all vcenter
	@/usr/bin/python3 tests/bench/bench.py --json $(BUILD)/bench.json

# The decision core in worlds made of the seeds FIRST, FIRST+1, ...; and without one guard at a time.
sim: all
	@$(BUILD)/vsn-sim run --seeds $(SEEDS) --first $(FIRST) --timed

mutations: all
	@tests/mutations/run $(BUILD)

# Fuzzers are built by clang in a folder of their own; each runs SECONDS over its corpus.
fuzz:
	@tests/fuzz/run $(SECONDS)

# Writes what tests expect anew from what the programs say now: look at the difference before you commit it.
update-golden: all
	@UPDATE=1 meson test -C $(BUILD) --no-rebuild --suite replay --suite golden

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	@rm -rf $(BUILD) $(BUILD)-*

.PHONY: all check check-system check-qemu vcenter bench sim mutations fuzz update-golden format clean
