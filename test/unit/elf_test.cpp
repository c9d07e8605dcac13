// The reader of libraries: relocations of both machines, and truncated or inconsistent files.
#include "model/elf.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "elf_builder.h"

namespace dynpgext::model::elf {
namespace {

std::string build(library_plan plan) { return library_builder(std::move(plan)).build(); }

library_plan x86_plan() {
  return {.imports = {{"called", R_X86_64_JUMP_SLOT, 0, true},
                      {"in_table", R_X86_64_GLOB_DAT},
                      {"in_data", R_X86_64_64, 24},
                      {"by_thread", R_X86_64_TPOFF64},
                      {"not_used", 0}}};
}
library_plan arm_plan() {
  return {.machine = machine::aarch64,
          .imports = {{"called", R_AARCH64_JUMP_SLOT, 0, true},
                      {"in_table", R_AARCH64_GLOB_DAT},
                      {"in_data", R_AARCH64_ABS64, 24},
                      {"by_thread", R_AARCH64_TLS_TPREL},
                      {"not_used", 0}}};
}

relocation of(const image &i, std::string_view import) {
  for (const relocation &r : i.relocations)
    if (i.imports[r.import] == import) return r;
  ADD_FAILURE() << "nothing refers to " << import;
  return {};
}

std::string fault_of(const std::string &bytes) {
  const read_result r = read(bytes);
  EXPECT_EQ(r.image.has_value(), r.fault.empty());
  return r.fault;
}

class each_machine : public testing::TestWithParam<library_plan> {};

TEST_P(each_machine, relocations_have_their_kinds) {
  const std::string bytes = build(GetParam());
  const read_result r = read(bytes);
  ASSERT_TRUE(r.image) << r.fault;
  EXPECT_EQ(r.image->machine, GetParam().machine);
  EXPECT_EQ(r.image->imports.size(), 4U);
  EXPECT_FALSE(r.image->refers_to("not_used"));
  EXPECT_EQ(of(*r.image, "called").kind, relocation_kind::address);
  EXPECT_EQ(of(*r.image, "in_table").kind, relocation_kind::address);
  EXPECT_EQ(of(*r.image, "in_data").kind, relocation_kind::address_and_addend);
  EXPECT_EQ(of(*r.image, "in_data").addend, 24);
  EXPECT_EQ(of(*r.image, "by_thread").kind, relocation_kind::other);
  EXPECT_TRUE(r.image->defines("_PG_init"));
  EXPECT_FALSE(r.image->defines("called"));
}

TEST_P(each_machine, addresses_need_not_be_offsets) {
  library_plan plan = GetParam();
  plan.base = 0x10000;
  const std::string moved = build(plan);
  const std::string plain = build(GetParam());
  const read_result r = read(moved);
  ASSERT_TRUE(r.image) << r.fault;
  const read_result before = read(plain);
  EXPECT_EQ(of(*r.image, "called").place, of(*before.image, "called").place + 0x10000);
  EXPECT_EQ(r.image->read_only.begin, before.image->read_only.begin + 0x10000);
  EXPECT_FALSE(r.image->read_only.is_empty());
}

TEST_P(each_machine, the_older_hash_table_does_too) {
  library_plan plan = GetParam();
  plan.gnu_hash = false;
  const std::string bytes = build(plan);
  const read_result r = read(bytes);
  ASSERT_TRUE(r.image) << r.fault;
  EXPECT_TRUE(r.image->defines("_PG_init"));
}

TEST_P(each_machine, a_place_in_read_only_memory_cannot_be_redirected) {
  library_plan plan = GetParam();
  plan.writable = false;
  const std::string bytes = build(plan);
  const read_result r = read(bytes);
  ASSERT_TRUE(r.image) << r.fault;
  for (const relocation &one : r.image->relocations) EXPECT_EQ(one.kind, relocation_kind::other);
}

// Every truncated file is refused; none is read beyond its end, as the fuzz target's sanitizers
// check.
TEST_P(each_machine, truncated_files_are_refused) {
  const std::string bytes = build(GetParam());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(fault_of(bytes.substr(0, size)), "") << size;
}

TEST_P(each_machine, changed_bytes_do_no_harm) {
  const std::string good = build(GetParam());
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (int changes = 0; changes < 3; ++changes)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 2 == 0 ? 0xff : random());
    const read_result r = read(bytes);
    if (!r.image) continue;
    for (const relocation &one : r.image->relocations)
      ASSERT_LT(one.import, r.image->imports.size());
  }
}

INSTANTIATE_TEST_SUITE_P(elf, each_machine, testing::Values(x86_plan(), arm_plan()),
                         [](const auto &p) {
                           return p.param.machine == machine::x86_64 ? "x86_64" : "aarch64";
                         });

// Overwrites a member of a header.
template <class Header, class T>
std::string with(std::string bytes, std::size_t header_at, T Header::*member, T value) {
  Header h;
  std::memcpy(&h, bytes.data() + header_at, sizeof h);
  h.*member = value;
  std::memcpy(bytes.data() + header_at, &h, sizeof h);
  return bytes;
}
template <class T>
std::string with_header(T Elf64_Ehdr::*member, T value) {
  return with(build(x86_plan()), 0, member, value);
}

TEST(elf, other_files_are_refused_by_name) {
  EXPECT_EQ(fault_of(""), "it is not in ELF format");
  EXPECT_EQ(fault_of("#!/bin/sh\n"), "it is not in ELF format");
  EXPECT_EQ(fault_of(with_header<Elf64_Half>(&Elf64_Ehdr::e_type, ET_EXEC)),
            "it is not a shared library");
  EXPECT_EQ(fault_of(with_header<Elf64_Half>(&Elf64_Ehdr::e_machine, EM_S390)),
            "it is for a machine other than x86-64 and aarch64");
  std::string narrow = build(x86_plan());
  narrow[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(fault_of(narrow), "it is not for 64 bits");
  std::string turned = build(x86_plan());
  turned[EI_DATA] = ELFDATA2MSB;
  EXPECT_EQ(fault_of(turned), "it is not little-endian");
}

TEST(elf, headers_that_lie_are_refused) {
  EXPECT_EQ(fault_of(with_header<Elf64_Off>(&Elf64_Ehdr::e_phoff, UINT64_MAX)), "it is truncated");
  EXPECT_EQ(fault_of(with_header<Elf64_Half>(&Elf64_Ehdr::e_phnum, 65535)), "it is truncated");
  EXPECT_EQ(fault_of(with_header<Elf64_Half>(&Elf64_Ehdr::e_phnum, 0)),
            "it has no dynamic section");
  EXPECT_EQ(fault_of(with_header<Elf64_Half>(&Elf64_Ehdr::e_phentsize, 1)),
            "its program headers have an unknown size");
  const std::size_t segment = sizeof(Elf64_Ehdr);
  EXPECT_EQ(fault_of(with<Elf64_Phdr, Elf64_Xword>(build(x86_plan()), segment, &Elf64_Phdr::p_memsz,
                                                   UINT64_MAX)),
            "");
  EXPECT_EQ(fault_of(with<Elf64_Phdr, Elf64_Addr>(build(x86_plan()), segment, &Elf64_Phdr::p_vaddr,
                                                  UINT64_MAX)),
            "a segment has no end");
  EXPECT_EQ(fault_of(with<Elf64_Phdr, Elf64_Off>(build(x86_plan()), segment, &Elf64_Phdr::p_offset,
                                                 UINT64_MAX)),
            "it is truncated");
  EXPECT_EQ(fault_of(with<Elf64_Phdr, Elf64_Xword>(build(x86_plan()), segment,
                                                   &Elf64_Phdr::p_filesz, 100)),
            "an address is outside of its segments");
}

// Found by the fuzzer: an endless loop in the reader.
TEST(elf, a_dynamic_section_without_bounds_ends_where_it_says) {
  const std::size_t dynamic_segment = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  for (const Elf64_Xword size : {UINT64_MAX, UINT64_MAX - 1})
    EXPECT_EQ(fault_of(with<Elf64_Phdr, Elf64_Xword>(build(x86_plan()), dynamic_segment,
                                                     &Elf64_Phdr::p_filesz, size)),
              "");
}

TEST(elf, a_name_without_end_is_refused) {
  library_plan plan = x86_plan();
  plan.exports.back() = std::string(5000, 'x');
  EXPECT_EQ(fault_of(build(plan)), "the name of a symbol has no end");
}

// This test program is not a library, or one without Pg_magic_func; in both cases its tables are
// real.
TEST(elf, a_real_file_is_read) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const read_result r = read(bytes);
  if (!r.image) {
    EXPECT_EQ(r.fault, "it is not a shared library");
    return;
  }
  EXPECT_EQ(r.image->machine, own_machine());
  EXPECT_TRUE(r.image->refers_to("malloc") || r.image->refers_to("memcpy"));
  EXPECT_FALSE(r.image->relocations.empty());
}

}  // namespace
}  // namespace dynpgext::model::elf
