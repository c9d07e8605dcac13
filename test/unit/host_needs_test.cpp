// The needs of a library, and which libraries are refused, before any of its code runs.
#include "model/host_needs.h"

#include <gtest/gtest.h>

#include <set>

#include "elf_builder.h"

namespace dynpgext::model {
namespace {

using elf::built_import;
using elf::library_plan;
using elf::machine;

std::vector<host_finding> needs_of(library_plan plan,
                                   std::optional<machine> server = machine::x86_64) {
  const std::string bytes = elf::library_builder(std::move(plan)).build();
  return host_needs(elf::read(bytes), server);
}
built_import call_of(const char *name) { return {name, R_X86_64_JUMP_SLOT, 0, true}; }
built_import variable(const char *name) { return {name, R_X86_64_GLOB_DAT}; }

const host_finding *find(const std::vector<host_finding> &findings, const std::string &need) {
  for (const host_finding &f : findings)
    if (f.need == need) return &f;
  return nullptr;
}

TEST(host_needs, what_it_refers_to_is_told_by_need) {
  const auto found = needs_of(
      {.imports = {call_of("ShmemInitStruct"), call_of("RequestAddinShmemSpace"),
                   call_of("RegisterBackgroundWorker"), variable("planner_hook"), call_of("palloc"),
                   variable("ExecutorStart_hook"), call_of("DefineCustomIntVariable"),
                   call_of("AllocateFile"), call_of("unlink")}});
  EXPECT_EQ(found.front().need, "library");
  EXPECT_EQ(found.front().detail, "x86-64");
  EXPECT_EQ(found.front().verdict, host_verdict::hosted);
  ASSERT_NE(find(found, "shared memory"), nullptr);
  EXPECT_EQ(find(found, "shared memory")->detail, "RequestAddinShmemSpace, ShmemInitStruct");
  EXPECT_EQ(find(found, "hooks")->detail, "ExecutorStart_hook, planner_hook");
  EXPECT_NE(find(found, "static workers"), nullptr);
  EXPECT_NE(find(found, "settings"), nullptr);
  EXPECT_EQ(find(found, "files")->detail, "AllocateFile, unlink");
  EXPECT_EQ(found.size(), 6U);
  EXPECT_EQ(refusal_of(found), "");
}

TEST(host_needs, what_has_to_be_there_from_the_start_is_refused) {
  for (const char *symbol : {"RegisterCustomRmgr", "pgstat_register_kind"}) {
    const auto found = needs_of({.imports = {call_of("ShmemInitStruct"), call_of(symbol)}});
    EXPECT_EQ(found.front().verdict, host_verdict::refused) << symbol;
    EXPECT_NE(refusal_of(found).find(symbol), std::string::npos);
    EXPECT_NE(refusal_of(found).find("start"), std::string::npos) << refusal_of(found);
  }
}

TEST(host_needs, what_the_table_does_not_know_is_refused) {
  for (const char *symbol :
       {"ShmemInitTree", "SimpleLruInit", "RequestNamedSomething", "ProcArrayShmemSize",
        "PGSharedMemoryDetach", "pgstat_register_callback", "RegisterCustomThing"}) {
    const auto found = needs_of({.imports = {call_of(symbol)}});
    EXPECT_EQ(found.front().verdict, host_verdict::refused) << symbol;
    ASSERT_NE(find(found, "unknown symbol"), nullptr) << symbol;
    EXPECT_EQ(find(found, "unknown symbol")->detail.rfind(symbol, 0), 0U);
  }
  for (const char *symbol : {"RegisterCustomScanMethods", "RegisterXactCallback", "hash_search"})
    EXPECT_EQ(needs_of({.imports = {call_of(symbol)}}).size(), 1U) << symbol;
}

TEST(host_needs, a_hook_that_comes_too_early_is_told) {
  const auto found = needs_of({.imports = {variable("ClientAuthentication_hook")}});
  EXPECT_EQ(found.front().verdict, host_verdict::limited);
  EXPECT_NE(find(found, "hooks")->detail.find("never"), std::string::npos);
  EXPECT_EQ(refusal_of(found), "");
}

TEST(host_needs, a_reference_that_cannot_be_redirected_is_refused) {
  EXPECT_EQ(needs_of({.imports = {{"ShmemInitStruct", R_X86_64_PC32}}}).front().verdict,
            host_verdict::refused);
  EXPECT_EQ(needs_of({.imports = {call_of("ShmemInitStruct")}, .writable = false}).front().verdict,
            host_verdict::refused);
  // an import that is not replaced may have any relocation
  EXPECT_EQ(needs_of({.imports = {{"MyProcPid", R_X86_64_PC32}}}).front().verdict,
            host_verdict::hosted);
}

TEST(host_needs, a_file_that_is_no_such_library_is_refused) {
  EXPECT_EQ(refusal_of(host_needs(elf::read("text"), machine::x86_64)),
            "It cannot be read as a library: it is not in ELF format.");
  EXPECT_EQ(refusal_of(needs_of({.exports = {"Pg_magic_func"}})),
            "It has no _PG_init, so there is nothing to host.");
  EXPECT_EQ(refusal_of(needs_of({.exports = {"_PG_init"}})),
            "It is not a library for PostgreSQL: it has no Pg_magic_func.");
  EXPECT_EQ(refusal_of(needs_of({.exports = {"Pg_magic_func", "_PG_init", "_Dynpgext_magic"}})),
            "It takes part in dynpgext by itself: CREATE EXTENSION is all it needs.");
  EXPECT_EQ(
      refusal_of(needs_of({.exports = {"Pg_magic_func", "_PG_init", "dynpgext_launcher_main"}})),
      "It is dynpgext itself.");
  EXPECT_EQ(refusal_of(needs_of({}, machine::aarch64)),
            "It is for x86-64, and the server for aarch64.");
  EXPECT_EQ(refusal_of(needs_of({}, std::nullopt)),
            "No library can be hosted on a machine of this kind.");
}

TEST(host_symbols, each_is_there_once_and_explained) {
  std::set<std::string_view> names;
  for (const host_symbol &s : host_symbols()) {
    EXPECT_TRUE(names.insert(s.name).second) << s.name;
    EXPECT_FALSE(s.note.empty()) << s.name;
    EXPECT_EQ(find_host_symbol(s.name), &s);
    EXPECT_GE(s.since, 15);
    const bool is_for_people = s.what == treatment::forbidden || s.what == treatment::limited;
    EXPECT_EQ(s.note.ends_with('.'), is_for_people) << s.name;
  }
  EXPECT_EQ(find_host_symbol("palloc"), nullptr);
}

}  // namespace
}  // namespace dynpgext::model
