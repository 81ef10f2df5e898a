# The benchmark and its programs: load generator, bare references, a long line. Included by
# the Makefile at the top, where OUT is a variant's folder. The programs are always built for
# speed, whatever the variant.

DEPS_BENCH := iproute2 python3 strace
DEPS_BENCH_CLIENTS := curl lftp

B ?= $(or $(OUT),build/release)
BENCH_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Isrc -Iinclude -O2 -g -Wall -Wextra -Wshadow -Wconversion \
	-Werror -pthread $(CFLAGS)

bench_objects = $(patsubst bench/%.c,$(B)/bench/%.o,$(wildcard bench/$(1)/*.c))
BENCH_PROGRAMS := $(foreach name,load reference wan translate,$(B)/bench/$(name)/$(name))

.PHONY: bench bench-quick bench-ready bench-check bench-programs bench-translate

bench: bench-ready ## measure against bare references and named peers, under 30 minutes (BENCH='--help')
	@bench/run $(BENCH)

bench-quick: bench-ready ## does the benchmark work? All of it in under 3 minutes, no verdicts
	@bench/run --quick $(BENCH)

# What is measured is the release, whatever VARIANT says.
bench-ready:
	@tests/packages.sh $(DEPS_BUILD) $(DEPS_BENCH)
	@tests/packages.sh $(DEPS_BENCH_CLIENTS) || true # their lines then say that they are missing
	@$(MAKE) VARIANT=release all bench-programs

bench-check: $(B)/bench/load/load $(B)/bench/reference/reference ## tests of what the benchmark calculates, draws and sends
	@python3 bench/tests/harness_test.py
	@LOAD=$< REFERENCE=$(B)/bench/reference/reference python3 bench/tests/load_test.py

bench-translate: $(B)/bench/translate/translate ## how quickly text is converted, beside memcpy
	@$<

bench-programs: $(BENCH_PROGRAMS)

define bench_program
$(B)/bench/$(1)/$(1): $(call bench_objects,$(1))
	$$(Q)$$(CC) $$(BENCH_CFLAGS) -fno-lto $$(LDFLAGS) -o $$@ $$^
endef
# The load generator speaks FTP by the client library.
$(B)/bench/load/load: $(LIBRARY)
$(foreach name,load reference wan,$(eval $(call bench_program,$(name))))

# It measures functions of src/, which it is linked with.
TRANSLATE_OBJECTS := $(patsubst src/translate/%.c,$(B)/bench/kernels/%.o,$(wildcard src/translate/*.c))

$(B)/bench/translate/translate: $(call bench_objects,translate) $(TRANSLATE_OBJECTS)
	$(Q)$(CC) $(BENCH_CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/bench/kernels/%.o: src/translate/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -Isrc -Iinclude -MMD -MP -c -o $@ $<

$(B)/bench/translate/translate.o: BENCH_CFLAGS += -Iinclude

$(B)/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(B)/bench/*/*.d)
