# SPDX-License-Identifier: Apache-2.0
# The whole build.  GNU make 4.3, no recursion; everything it makes is below build/.  "make help" lists the targets.
#
#   MODE=release   build/expunge            what is shipped
#   MODE=test      build/test/expunge       the same and the fault points
#   MODE=asan      build/asan/expunge       fault points, address and undefined-behaviour sanitizers; the C tests
#   MODE=cov       build/cov/expunge        fault points, gcov
#
# Every mode has its rules at any time ("make build/asan/expunge" works); MODE only chooses what "make all" makes.

MODE     ?= release
MODES    := release test asan cov
V        ?= 0
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
# radosgw: "make check-s3" installs it
SUITES   ?= unit db fault copies property cli systemd $(if $(wildcard /usr/bin/radosgw),s3)
DESTDIR  ?=
PREFIX   ?= /usr/local
CONFDIR  ?= /etc/expunge
UNITDIR  ?= $(PREFIX)/lib/systemd/system
VERSION  := $(file < VERSION)

ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE=$(MODE) is none of: $(MODES))
endif

# as many jobs as processors, unless the command line says otherwise
MAKEFLAGS += --no-builtin-rules -j$(shell nproc)
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-6s %s\n' '$(1)' '$(2)')

# ---- what there is --------------------------------------------------------------------------------------------------
SOURCES    := $(sort $(wildcard worker/*/*.c) $(wildcard worker/main.c))
HEADERS    := $(sort $(wildcard worker/*/*.h))
SQL        := $(sort $(wildcard sql/query/*.sql sql/template/*.sql sql/schema/*.sql))
SQL_DIRS   := $(wildcard sql/query sql/template sql/schema)
SUPPORT    := $(sort $(wildcard tests/support/*.c))
UNIT_TESTS := $(patsubst tests/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
DB_TESTS   := $(patsubst tests/%.c,%,$(sort $(wildcard tests/db/test_*.c)))
TEST_C     := $(SUPPORT) $(sort $(wildcard tests/unit/*.c tests/db/*.c))
SHELL_FILES := $(sort $(wildcard scripts/*.sh tests/*.sh tests/*/*.sh etc/completions/*.bash) $(wildcard .ci/run))

# ---- flags ----------------------------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Werror
BASE     := -std=c11 -D_GNU_SOURCE -Iworker -Ibuild/gen -DEXPUNGE_VERSION='"$(VERSION)"' -pthread $(WARNINGS)
HARDENED := -fPIE -fstack-protector-strong
LDBASE   := -pie -Wl,-z,relro -Wl,-z,now -pthread

CFLAGS_release  := -O2 -g $(HARDENED) -D_FORTIFY_SOURCE=2
CFLAGS_test     := $(CFLAGS_release) -DEXPUNGE_FAULTS
CFLAGS_asan     := -O1 -g $(HARDENED) -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
                   -DEXPUNGE_FAULTS
CFLAGS_cov      := -O0 -g $(HARDENED) --coverage -DEXPUNGE_FAULTS
LDFLAGS_release :=
LDFLAGS_test    :=
LDFLAGS_asan    := -fsanitize=address,undefined
LDFLAGS_cov     := --coverage

# Libraries are asked for when the first recipe needs them, not when this file is read: "make check" on a fresh machine
# installs them first.  libsystemd is loaded at run time.
PACKAGES := libpq libconfig libzstd libsodium jansson libcurl expat
ask = $(or $(shell pkg-config $(1) 2>/dev/null && echo -pthread),$(error \
      pkg-config does not know all of: $(2); "sh scripts/install-deps.sh build test" installs them))
PKG_CFLAGS   = $(eval PKG_CFLAGS := $(patsubst -I%,-isystem %,$(call ask,--cflags $(PACKAGES),$(PACKAGES))))$(PKG_CFLAGS)
PKG_LIBS     = $(eval PKG_LIBS := $(call ask,--libs $(PACKAGES),$(PACKAGES)))$(PKG_LIBS)
CHECK_CFLAGS = $(eval CHECK_CFLAGS := $(call ask,--cflags check,check))$(CHECK_CFLAGS)
CHECK_LIBS   = $(eval CHECK_LIBS := $(call ask,--libs check,check))$(CHECK_LIBS)

# ---- what to install before the first recipe: only for goals that promise it ------------------------------------------
NEEDS_check := build test
NEEDS_check-s3 := build test s3
NEEDS_bench := build test
NEEDS_cov   := build test
NEEDS_demo  := build
NEEDS_lint  := build lint
NEEDS := $(sort $(foreach goal,$(MAKECMDGOALS),$(NEEDS_$(goal))))

.PHONY: deps
deps:
	$(if $(NEEDS),$(Q)sh scripts/install-deps.sh $(NEEDS))

# ---- SQL, embedded ----------------------------------------------------------------------------------------------------
# The header is replaced only when it changed, so that an edited statement compiles one file, not all.
build/gen/stamp: scripts/embed_sql.awk $(SQL) $(SQL_DIRS)
	$(call say,SQL,build/gen/sql.c)
	$(Q)mkdir -p $(@D)
	$(Q)awk -v header=$(@D)/sql.h.new -v source=$(@D)/sql.c.new -f scripts/embed_sql.awk $(SQL) < /dev/null
	$(Q)cmp -s $(@D)/sql.h.new $(@D)/sql.h || mv $(@D)/sql.h.new $(@D)/sql.h
	$(Q)rm -f $(@D)/sql.h.new && mv $(@D)/sql.c.new $(@D)/sql.c && touch $@
build/gen/sql.h build/gen/sql.c: build/gen/stamp
	@test -e $@ || { rm -f $<; echo 'make: $@ was missing: run make again' >&2; exit 1; }

# ---- one set of rules per mode ----------------------------------------------------------------------------------------
BIN_release := build/expunge
BIN_test    := build/test/expunge
BIN_asan    := build/asan/expunge
BIN_cov     := build/cov/expunge

define mode_rules
OBJECTS_$(1) := $$(patsubst worker/%.c,build/$(1)/obj/%.o,$$(SOURCES)) build/$(1)/obj/gen/sql.o
LIBRARY_$(1) := $$(filter-out build/$(1)/obj/main.o,$$(OBJECTS_$(1)))
SUPPORT_$(1) := $$(patsubst tests/%.c,build/$(1)/obj/tests/%.o,$$(SUPPORT))
TESTS_$(1)   := $$(patsubst %,build/$(1)/tests/%,$$(UNIT_TESTS) $$(DB_TESTS))

build/$(1)/obj/%.o: worker/%.c Makefile VERSION | deps build/gen/sql.h
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(BASE) $$(CFLAGS_$(1)) $$(CFLAGS) $$(PKG_CFLAGS) -MMD -MP -c -o $$@ $$<

build/$(1)/obj/gen/sql.o: build/gen/sql.c Makefile | deps build/gen/sql.h
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(BASE) $$(CFLAGS_$(1)) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

build/$(1)/obj/tests/%.o: tests/%.c Makefile VERSION | deps build/gen/sql.h
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(BASE) -Itests $$(CFLAGS_$(1)) $$(CFLAGS) $$(PKG_CFLAGS) $$(CHECK_CFLAGS) -MMD -MP -c -o $$@ $$<

$$(BIN_$(1)): $$(OBJECTS_$(1))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDBASE) $$(LDFLAGS_$(1)) $$(LDFLAGS) -o $$@ $$(OBJECTS_$(1)) $$(PKG_LIBS) -ldl

build/$(1)/libexpunge.a: $$(LIBRARY_$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$(LIBRARY_$(1))

build/$(1)/tests/%: build/$(1)/obj/tests/%.o build/$(1)/libexpunge.a $$(SUPPORT_$(1))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDBASE) $$(LDFLAGS_$(1)) $$(LDFLAGS) -o $$@ $$< $$(SUPPORT_$(1)) build/$(1)/libexpunge.a \
		$$(PKG_LIBS) $$(CHECK_LIBS) -ldl

.SECONDARY: $$(patsubst %,build/$(1)/obj/tests/%.o,$$(UNIT_TESTS) $$(DB_TESTS))
-include $$(OBJECTS_$(1):.o=.d) $$(patsubst %,build/$(1)/obj/tests/%.d,$$(UNIT_TESTS) $$(DB_TESTS)) \
         $$(SUPPORT_$(1):.o=.d)
endef
$(foreach mode,$(MODES),$(eval $(call mode_rules,$(mode))))

# ---- goals ------------------------------------------------------------------------------------------------------------
.PHONY: all asan cov check check-s3 test-unit test-db test-cli test-fault test-property bench demo
all: $(BIN_$(MODE)) ## build the program (MODE=release, test, asan or cov)

asan: $(BIN_asan) $(TESTS_asan) ## build the program and the C tests with sanitizers

check: $(BIN_release) $(BIN_test) $(BIN_asan) $(TESTS_asan) ## install what the tests need, build, run every test
	@scripts/run_tests.sh $(SUITES)

check-s3: $(BIN_release) $(BIN_test) $(BIN_asan) ## stores of kind s3 against Ceph's radosgw, which it installs (70 MB), and moto
	@scripts/run_tests.sh s3

test-unit: $(filter build/asan/tests/unit/%,$(TESTS_asan)) ## unit tests: no server, milliseconds
	@scripts/run_tests.sh unit

test-db: $(filter build/asan/tests/db/%,$(TESTS_asan)) ## C tests against a throwaway cluster
	@scripts/run_tests.sh db

test-cli: $(BIN_release) $(BIN_test) ## the command line against golden output
	@scripts/run_tests.sh cli

test-fault: $(BIN_test) $(BIN_asan) ## crashes, full disks, cut connections
	@scripts/run_tests.sh fault

test-property: $(BIN_release) $(BIN_test) ## 100 random schemas against a reference model
	@scripts/run_tests.sh property

cov: $(BIN_cov) $(TESTS_cov) ## line coverage of the unit, db and cli tests: build/cov/report.txt
	@find build/cov -name '*.gcda' -delete
	@EXPUNGE_TEST_MODE=cov scripts/run_tests.sh unit db cli
	@scripts/coverage.sh build/cov/obj > build/cov/report.txt && cat build/cov/report.txt

bench: $(BIN_release) build/release/tests/bench/steps ## figures against peers, side by side; minutes
	@tests/bench/run.sh

demo: $(BIN_release) ## install what is missing, build, and show the main job on a private PostgreSQL
	@scripts/demo.sh

# ---- lint ---------------------------------------------------------------------------------------------------------------
LINT_C     := $(SOURCES) $(TEST_C)
FORMATTED  := $(HEADERS) $(LINT_C) $(sort $(wildcard tests/*/*.h))
LINT_GCC   := $(LINT_C:%=build/lint/gcc/%.ok)
LINT_CLANG := $(LINT_C:%=build/lint/clang/%.ok)

build/lint/gcc/%.ok build/lint/clang/%.ok: LINT_CC = $(word 3,$(subst /, ,$@))
build/lint/gcc/%.ok: % Makefile | deps build/gen/sql.h
	$(lint_one)
build/lint/clang/%.ok: % Makefile | deps build/gen/sql.h
	$(lint_one)
define lint_one
	$(call say,LINT,$(LINT_CC) $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINT_CC) $(BASE) -Itests -DEXPUNGE_FAULTS $(PKG_CFLAGS) $(CHECK_CFLAGS) -fsyntax-only \
		-MMD -MP -MF $(@:.ok=.d) -MT $@ $<
	$(Q)touch $@
endef
-include $(LINT_GCC:.ok=.d) $(LINT_CLANG:.ok=.d)

.PHONY: lint lint-layers lint-sizes lint-format lint-compilers lint-cppcheck lint-shell lint-manual
lint: lint-layers lint-sizes lint-format lint-compilers lint-cppcheck lint-shell lint-manual ## layers, sizes, format, gcc, clang, cppcheck, shellcheck, manual
	@echo 'lint: clean'
lint-layers: | deps
	@scripts/check_layers.sh
lint-sizes: | deps
	@scripts/check_sizes.sh
lint-format: | deps
	@clang-format --dry-run -Werror $(FORMATTED)
lint-compilers: $(LINT_GCC) $(LINT_CLANG)
lint-cppcheck: | deps build/gen/sql.h
	@cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress='*:build/gen/*' \
		-D_GNU_SOURCE -UEXPUNGE_FAULTS -D'EXPUNGE_VERSION="$(VERSION)"' -Iworker -Ibuild/gen $(SOURCES)
lint-manual: | deps
	@scripts/check_manual.sh
lint-shell: | deps
	@$(if $(SHELL_FILES),shellcheck -x -P SCRIPTDIR -e SC2317 -e SC2016 $(SHELL_FILES))

# ---- install, clean, help -----------------------------------------------------------------------------------------------
.PHONY: format install clean help
format: ## write the C files as .clang-format wants them
	@clang-format -i $(FORMATTED)

install: $(BIN_release) ## PREFIX=/usr/local DESTDIR=: program, configuration, units (all disabled), manual pages, completion
	install -D -m 0755 $(BIN_release) $(DESTDIR)$(PREFIX)/bin/expunge
	test -e $(DESTDIR)$(CONFDIR)/expunge.conf || install -D -m 0644 etc/expunge.conf $(DESTDIR)$(CONFDIR)/expunge.conf
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d
	for unit in etc/systemd/*.service etc/systemd/*.timer; do \
		sed 's|/usr/bin/expunge|$(PREFIX)/bin/expunge|' "$$unit" > $(DESTDIR)$(UNITDIR)/"$${unit##*/}" && \
		chmod 0644 $(DESTDIR)$(UNITDIR)/"$${unit##*/}" || exit 1; done
	install -m 0644 etc/sysusers.d/expunge.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/expunge.conf
	install -D -m 0644 etc/man/expunge.8 $(DESTDIR)$(PREFIX)/share/man/man8/expunge.8
	install -D -m 0644 etc/man/expunge.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/expunge.conf.5
	install -d $(DESTDIR)$(PREFIX)/share/expunge/processors
	install -m 0644 etc/processors/*.conf $(DESTDIR)$(PREFIX)/share/expunge/processors/
	install -D -m 0644 etc/completions/expunge.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/expunge

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: test-fault-long
test-fault-long: $(BIN_release) $(BIN_test) ## kill -9 at every fault point, several passages; every outage: many minutes
	@EXPUNGE_SAMPLE=1 EXPUNGE_KILL_PASSAGES=some EXPUNGE_TEST_TIMEOUT=36000 scripts/run_tests.sh tests/fault/kill.sh tests/fault/outage.sh

.PHONY: test-race-long
test-race-long: $(BIN_test) ## 250 permutations of each race: half an hour or more
	@EXPUNGE_INTERLEAVE=250 EXPUNGE_TEST_TIMEOUT=36000 scripts/run_tests.sh tests/fault/interleave.sh

.PHONY: test-property-long
test-property-long: $(BIN_release) $(BIN_test) ## 5,000 random schemas: an hour or two
	@EXPUNGE_PROPERTY_FIXED=1000 EXPUNGE_PROPERTY_FRESH=4000 EXPUNGE_PROPERTY_LANES=$(shell nproc) EXPUNGE_TEST_TIMEOUT=36000 \
		scripts/run_tests.sh tests/property/property.sh
