# sluice: one Makefile, no configure script. `make help` lists every target.
#
# Objects lie in build/$(VARIANT)/, so variants stand side by side and none disturbs another.
# A new file in src/, tests/unit/ or tests/faults/ is found by its place; nothing is listed here.

SLUICE_VERSION := 0.1.0

PREFIX ?= /usr/local
DESTDIR ?=
ROOT ?= build/sample
PORT ?= 2121
RUN ?=
RUN_VARIANT := release
FUZZ_SECONDS ?= 10
V ?=

# Debian packages: to build and run, to run every test, to examine the source as well.
DEPS_BUILD := gcc libc6-dev make libcap-dev libcrypt-dev libssl-dev liburing-dev zlib1g-dev
DEPS_TEST := libcmocka-dev aria2 bash curl filezilla iproute2 lftp man-db ncftp procps python3 python3-aioftp \
	rclone strace systemd tnftp wget xdotool xvfb zsh
DEPS_EXAMINE := clang clang-format clang-tidy cppcheck libclang-rt-dev
DEPS_ARM64 := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
DEPS := $(DEPS_BUILD) $(DEPS_TEST) $(DEPS_EXAMINE) $(DEPS_ARM64)

# --- Variants ------------------------------------------------------------------------------------

VARIANT ?= release
OUT := build/$(VARIANT)

# CC is gcc unless the variant or the caller says otherwise.
ifeq ($(origin CC),default)
CC := gcc
endif

# The programs are optimized as a whole: a small download runs through a hundred short functions of sixty files.
# Objects are fat, so the archive is one for any ar and linker, and tests are linked without it. What only gcc's
# whole view warns of is no error: it differs from one version to the next.
ifeq ($(VARIANT),release)
LTO := $(shell echo 'int x;' | $(CC) -Werror -flto=auto -ffat-lto-objects -x c -c -o /dev/null - 2>/dev/null && \
	echo -flto=auto -ffat-lto-objects)
endif
VARIANT_CFLAGS_release := -O2 -g $(LTO) -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
VARIANT_CFLAGS_debug := -O1 -g
VARIANT_CFLAGS_clang := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
VARIANT_CFLAGS_arm64 := -O2 -g
VARIANT_CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Wno-maybe-uninitialized \
	-fno-omit-frame-pointer
VARIANT_CFLAGS_tsan := -O1 -g -fsanitize=thread -Wno-maybe-uninitialized -fno-omit-frame-pointer
VARIANT_CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
# The analyzer of gcc 12 does not see that a caller has filled a buffer.
VARIANT_CFLAGS_analyzer := -O1 -g -fanalyzer -Wno-analyzer-use-of-uninitialized-value

ifneq ($(filter $(VARIANT),clang fuzz),)
CC := clang
endif
ifeq ($(VARIANT),arm64)
CC := aarch64-linux-gnu-gcc
endif
ifndef VARIANT_CFLAGS_$(VARIANT)
$(error VARIANT=$(VARIANT) is unknown; known: $(patsubst VARIANT_CFLAGS_%,%,$(filter VARIANT_CFLAGS_%,$(.VARIABLES))))
endif

CPPFLAGS_ALL := -Isrc -Iinclude -D_GNU_SOURCE -DSLUICE_VERSION='"$(SLUICE_VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=gnu17 -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Werror \
	-fstack-protector-strong -fPIE -pthread $(VARIANT_CFLAGS_$(VARIANT)) $(CFLAGS)
LDFLAGS_ALL := -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS := -luring -lcap -lcrypt -lcrypto -lz -lpthread

# As many jobs as there are CPUs; a make below another shares its jobs.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))

# --- What is built -------------------------------------------------------------------------------

MAINS := $(wildcard src/*.c)
ROOMS := $(wildcard src/*/*.c)
UNITS := $(wildcard tests/unit/*/*_test.c)
SUPPORT := $(wildcard tests/support/*.c)
FAULTS := $(wildcard tests/faults/*.c)
HARNESSES := $(wildcard tests/fuzz/*_fuzz.c)
FORMATTED := $(wildcard src/*.[ch] src/*/*.[ch] include/*/*.h tests/*/*.[ch] tests/*/*/*.[ch] bench/*.[ch] bench/*/*.[ch])
SCRIPTS := $(wildcard tests/*.sh)

MAIN_PROGRAMS := $(MAINS:src/%.c=$(OUT)/%)
UNIT_PROGRAMS := $(UNITS:tests/unit/%.c=$(OUT)/unit/%)
FUZZ_PROGRAMS := $(HARNESSES:tests/fuzz/%.c=$(OUT)/fuzz/%)
FAULT_PROGRAM := $(if $(FAULTS),$(OUT)/sluiced-faults)
LIBRARY := $(OUT)/libsluice.a
SUPPORT_LIBRARY := $(if $(SUPPORT),$(OUT)/libsupport.a)
objects = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help all deps deps-build deps-test run test check faults test-all asan tsan fuzz arm64 bench format \
	install uninstall clean programs units harnesses compilers sample layers check-format examine clang-tidy cppcheck \
	analyzer

all: programs ## build the programs (release; VARIANT=debug, asan, tsan, clang for others)

programs: $(MAIN_PROGRAMS)
	@:

units: $(UNIT_PROGRAMS) $(FAULT_PROGRAM) $(MAIN_PROGRAMS)
	@:

$(OUT)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(if $(filter tests/%,$<),-Itests) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(LIBRARY): $(call objects,$(ROOMS))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(OUT)/libsupport.a: $(call objects,$(SUPPORT))
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(MAIN_PROGRAMS): $(OUT)/%: $(OUT)/obj/src/%.o $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Wno-error $(LDFLAGS_ALL) -o $@ $< $(LIBRARY) $(LIBS)

# The server itself with a table of operations that fail on demand, put in place before main(), and
# with its completions counted on their way out of the ring.
$(OUT)/sluiced-faults: $(call objects,src/sluiced.c $(FAULTS)) $(LIBRARY)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -fno-lto $(LDFLAGS_ALL) -Wl,--wrap=io_uring_peek_batch_cqe -o $@ $^ $(LIBS)

$(OUT)/unit/%: $(OUT)/obj/tests/unit/%.o $(SUPPORT_LIBRARY) $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -fno-lto $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS)

harnesses: $(FUZZ_PROGRAMS)
	@:

$(OUT)/fuzz/%: $(OUT)/obj/tests/fuzz/%.o $(LIBRARY)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(LIBS)

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

# --- Run -----------------------------------------------------------------------------------------

deps: ## install exactly the Debian packages that are missing (sudo when not root)
	@tests/packages.sh $(DEPS)

deps-build:
	@tests/packages.sh $(DEPS_BUILD)

deps-test:
	@tests/packages.sh $(DEPS_BUILD) $(DEPS_TEST)
	@bench/peers.sh || true # their tests then say that they are skipped

run: ## serve ROOT (default: a sample tree) on 127.0.0.1 and ::1, port PORT (2121), with options RUN
	@$(MAKE) deps-build
	@$(MAKE) VARIANT=$(RUN_VARIANT) programs sample
	@tests/serve.sh build/$(RUN_VARIANT)/sluiced '$(ROOT)' '$(PORT)' $(RUN)

sample: build/sample
	@:

build/sample: tests/sample.sh
	@tests/sample.sh $@

# --- Tests ---------------------------------------------------------------------------------------

ENGINES := uring epoll uring515

test: ## install what is missing, then units, conversations, clients and faults on every engine
	@$(MAKE) deps-test
	@$(MAKE) VARIANT=debug units bench-check
	@tests/suites.sh debug units $(foreach engine,$(ENGINES),\
		$(engine)/conversation $(engine)/interop $(engine)/faults)

check: ## a quick check: units, conversations, include direction, format
	@$(MAKE) VARIANT=debug units layers check-format bench-check
	@tests/suites.sh debug units uring/conversation

faults: ## each call failing once, peers that go away, disks that are full, cut or silent
	@$(MAKE) VARIANT=debug units
	@tests/suites.sh debug $(foreach engine,$(ENGINES),$(engine)/faults)

test-all: ## both compilers, both sanitizers, static analysis, a little fuzzing, arm64, then test
	@$(MAKE) deps
	@$(MAKE) compilers
	@$(MAKE) layers check-format
	@$(MAKE) examine
	@$(MAKE) asan
	@$(MAKE) tsan
	@$(MAKE) fuzz
	@$(MAKE) arm64
	@$(MAKE) test

# What is installed, by both compilers: optimised and fortified, other than what `make test` runs.
compilers:
	@$(MAKE) VARIANT=release units bench-programs
	@tests/suites.sh release units uring/conversation
	@$(MAKE) VARIANT=clang units bench-programs
	@tests/suites.sh clang units uring/conversation

# What runs under a sanitizer: the representations are every TYPE, form, STRU and MODE, both ways, by
# clients other than sluice and by it.
SANITIZED := units uring515/conversation $(foreach engine,uring epoll,\
	$(engine)/conversation $(engine)/faults $(engine)/interop/representation) \
	$(addprefix uring/interop/,sluice_represent kept_connection active pressure)

asan: ## units, conversations, faults, representations under the address and undefined-behaviour sanitizers
	@$(MAKE) VARIANT=asan units
	@tests/suites.sh asan $(SANITIZED)

tsan: ## units, conversations, faults, representations under the thread sanitizer
	@$(MAKE) VARIANT=tsan units
	@tests/suites.sh tsan $(SANITIZED)

fuzz: ## each parser against invented input, for FUZZ_SECONDS (default 10)
	@tests/packages.sh $(DEPS_BUILD) clang libclang-rt-dev
	@$(MAKE) VARIANT=fuzz harnesses
	@tests/fuzz.sh build/fuzz/fuzz $(FUZZ_SECONDS)

arm64: ## build for arm64, and run the units of conversions and formats in an emulator
	@tests/packages.sh $(DEPS_BUILD) $(DEPS_ARM64)
	@MAKE='$(MAKE)' tests/arm64.sh build/arm64

layers:
	@tests/layers.sh src

check-format:
	@clang-format --dry-run -Werror $(FORMATTED)

format: ## lay out the source as .clang-format says
	@clang-format -i $(FORMATTED)

examine: clang-tidy cppcheck analyzer

clang-tidy:
	@printf '%s\n' $(MAINS) $(ROOMS) | xargs -P $$(nproc) -I{} \
		clang-tidy --quiet --warnings-as-errors='*' {} -- $(CPPFLAGS_ALL) -std=gnu17

cppcheck:
	@cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability \
		--inline-suppr --suppress=ctunullpointer --std=c11 -j $$(nproc) -Isrc -Iinclude -D_GNU_SOURCE src

analyzer:
	@$(MAKE) VARIANT=analyzer CC=gcc build/analyzer/libsluice.a

ifneq ($(wildcard bench/bench.mk),)
include bench/bench.mk
else
bench:
	@echo 'bench: no scenario yet'
endif

# --- Install -------------------------------------------------------------------------------------

UNITDIR ?= $(PREFIX)/lib/systemd/system
UNIT_FILES := sluiced.socket sluiced.service

BASHDIR := $(PREFIX)/share/bash-completion/completions
ZSHDIR := $(PREFIX)/share/zsh/site-functions

install: programs ## install programs, manual, completions and systemd units below DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(UNITDIR)
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 755 $(OUT)/sluice $(DESTDIR)$(PREFIX)/bin/sluice
	install -m 755 $(OUT)/sluiced $(DESTDIR)$(PREFIX)/sbin/sluiced
	install -m 644 man/sluice.1 $(DESTDIR)$(PREFIX)/share/man/man1/sluice.1
	install -m 644 man/sluiced.8 $(DESTDIR)$(PREFIX)/share/man/man8/sluiced.8
	install -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR)
	install -m 644 man/sluice.bash $(DESTDIR)$(BASHDIR)/sluice
	install -m 644 man/_sluice $(DESTDIR)$(ZSHDIR)/_sluice
	for unit in $(UNIT_FILES); do \
		sed 's,/usr/local/sbin,$(PREFIX)/sbin,' systemd/$$unit >$(DESTDIR)$(UNITDIR)/$$unit && \
		chmod 644 $(DESTDIR)$(UNITDIR)/$$unit || exit 1; \
	done

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/sbin/sluiced $(DESTDIR)$(PREFIX)/share/man/man8/sluiced.8
	rm -f $(DESTDIR)$(PREFIX)/bin/sluice $(DESTDIR)$(PREFIX)/share/man/man1/sluice.1
	rm -f $(DESTDIR)$(BASHDIR)/sluice $(DESTDIR)$(ZSHDIR)/_sluice
	rm -f $(UNIT_FILES:%=$(DESTDIR)$(UNITDIR)/%)

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
