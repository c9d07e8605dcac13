# dynpgext: make, make install, make installcheck; PG_CONFIG=... selects the server.
#
# Our own variables start with DYNPGEXT_, because PGXS already uses many other names.
PG_CONFIG ?= pg_config

EXTENSION = dynpgext
MODULE_big = dynpgext
MODULES = src/pg/sessions/dynpgext_sessions

DYNPGEXT_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" dynpgext.control)
DYNPGEXT_SOURCES := $(sort $(wildcard src/*.cpp src/*/*.cpp))
DYNPGEXT_SCRIPT = dynpgext--$(DYNPGEXT_VERSION).sql
DYNPGEXT_SCRIPT_PARTS := $(sort $(wildcard schema/*.sql))

OBJS = $(DYNPGEXT_SOURCES:.cpp=.o)
DATA = $(wildcard schema/updates/*.sql) schema/dynpgext.schema.json
DATA_built = $(DYNPGEXT_SCRIPT)
HEADERS = include/dynpgext.h
SCRIPTS = script/check_dynpgext script/dynpgext_report
EXTRA_CLEAN = $(DYNPGEXT_SCRIPT) $(OBJS:.o=.d)

REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
ISOLATION = $(sort $(patsubst specs/%.spec,%,$(wildcard specs/*.spec)))
ISOLATION_OPTS = --load-extension=dynpgext

# PGXS would compile bitcode without our flags, and nothing of this library is inlined into SQL.
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS would search these in subfolders.
.PHONY: dynpgext-uninstall
uninstall: dynpgext-uninstall
dynpgext-uninstall:
	rm -f $(addprefix '$(DESTDIR)$(pkglibdir)'/,$(notdir $(addsuffix $(DLSUFFIX),$(MODULES)))) \
		$(addprefix '$(DESTDIR)$(bindir)'/,$(notdir $(SCRIPTS)))

# The last two concern macros of the server.
DYNPGEXT_WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wformat=2 \
	-Wnull-dereference -Wundef -Wsuggest-override -Wnon-virtual-dtor \
	-Wno-register -Wno-deprecated-volatile
# Two more of g++'s.  Ask the compiler itself: c++ may be either one, and "clang++" contains "g++".
ifeq (,$(shell $(CXX) -dM -E -x c++ /dev/null | grep __clang__))
DYNPGEXT_WARNINGS += -Wduplicated-cond -Wlogical-op
endif
ifdef DYNPGEXT_WERROR
DYNPGEXT_WARNINGS += -Werror
endif

# The server's headers as system headers, because their warnings are not ours.
override CPPFLAGS := -Iinclude -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-DDYNPGEXT_VERSION='"$(DYNPGEXT_VERSION)"' $(filter -D% -U%,$(CPPFLAGS)) $(DYNPGEXT_CPPFLAGS)
override CXXFLAGS := -std=c++20 -O2 -g -fPIC -fvisibility=hidden -fvisibility-inlines-hidden \
	-ffunction-sections -fdata-sections -fno-strict-aliasing -fwrapv $(DYNPGEXT_WARNINGS) $(DYNPGEXT_CXXFLAGS)
# Linked statically: opening libstdc++.so costs each new process about as much as everything else.
SHLIB_LINK += -static-libgcc -Wl,-Bstatic -lstdc++ -Wl,-Bdynamic -Wl,--exclude-libs,ALL \
	-Wl,--gc-sections
# A process may have two versions of the library loaded: each must call its own functions.
SHLIB_LINK += -Wl,-Bsymbolic

%.o: %.cpp
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# make CXX=clang++ tidy: clang-tidy, and the warnings of clang, all as errors.  The analyzer stops after
# 50,000 steps in a function: its default, 225,000, takes twice the time.
DYNPGEXT_CLANG_TIDY ?= clang-tidy-14
DYNPGEXT_TIDIED = $(DYNPGEXT_SOURCES:.cpp=.tidy)

.PHONY: tidy $(DYNPGEXT_TIDIED)
tidy: $(DYNPGEXT_TIDIED)
$(DYNPGEXT_TIDIED): %.tidy: %.cpp
	$(DYNPGEXT_CLANG_TIDY) --quiet $< -- $(CXXFLAGS) $(CPPFLAGS) \
		-Xclang -analyzer-config -Xclang max-nodes=50000

# The version is a macro in two files, but only the control file sets it.
src/module.o src/pg/own_version.o: dynpgext.control

$(DYNPGEXT_SCRIPT): $(DYNPGEXT_SCRIPT_PARTS) dynpgext.control
	cat $(DYNPGEXT_SCRIPT_PARTS) > $@

-include $(OBJS:.o=.d)
