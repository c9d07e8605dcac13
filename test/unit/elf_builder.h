// Builds small shared libraries for the tests of the reader, byte by byte: one segment, with the
// dynamic section first and all tables after it.  Addresses are offsets in the file, plus `base`.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "model/elf.h"

namespace dynpgext::model::elf {

struct built_import {
  std::string name;
  std::uint32_t type;  // of the relocation; 0: none refers to it
  std::int64_t addend = 0;
  bool is_call = false;  // in the jump table
};

struct library_plan {
  elf::machine machine = machine::x86_64;
  std::vector<built_import> imports{};
  std::vector<std::string> exports{"Pg_magic_func", "_PG_init"};
  bool gnu_hash = true;
  std::uint64_t base = 0;
  bool writable = true;
};

class library_builder {
 public:
  explicit library_builder(library_plan plan) : plan_(std::move(plan)) {}

  [[nodiscard]] std::string build() {
    bytes_.assign(sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr), '\0');
    const std::uint64_t dynamic = bytes_.size();
    constexpr std::size_t dynamic_count = 16;
    bytes_.append(dynamic_count * sizeof(Elf64_Dyn), '\0');
    const std::uint64_t places = bytes_.size();
    bytes_.append(8 * (plan_.imports.size() + 1), '\0');
    names_ = std::string(1, '\0');
    std::vector<Elf64_Sym> symbols(1);
    for (const built_import &i : plan_.imports) symbols.push_back(symbol(i.name, SHN_UNDEF));
    for (const std::string &e : plan_.exports) symbols.push_back(symbol(e, 1));
    const std::uint64_t symbols_at = append(symbols);
    std::vector<Elf64_Rela> jump;
    std::vector<Elf64_Rela> rest;
    for (std::size_t i = 0; i < plan_.imports.size(); ++i) {
      if (plan_.imports[i].type == 0) continue;
      const Elf64_Rela r{plan_.base + places + 8 * i, ELF64_R_INFO(i + 1, plan_.imports[i].type),
                         plan_.imports[i].addend};
      (plan_.imports[i].is_call ? jump : rest).push_back(r);
    }
    rest.push_back({plan_.base + places, ELF64_R_INFO(0, R_X86_64_RELATIVE), 1});
    const std::uint64_t jump_at = append(jump);
    const std::uint64_t rest_at = append(rest);
    const std::uint64_t hash_at = append(hash(symbols.size()));
    const std::uint64_t names_at = bytes_.size();
    bytes_ += names_;
    const std::vector<Elf64_Dyn> entries{
        entry(DT_SYMTAB, plan_.base + symbols_at),
        entry(DT_SYMENT, sizeof(Elf64_Sym)),
        entry(DT_STRTAB, plan_.base + names_at),
        entry(DT_STRSZ, names_.size()),
        entry(DT_JMPREL, plan_.base + jump_at),
        entry(DT_PLTRELSZ, jump.size() * sizeof(Elf64_Rela)),
        entry(DT_PLTREL, DT_RELA),
        entry(DT_RELA, plan_.base + rest_at),
        entry(DT_RELASZ, rest.size() * sizeof(Elf64_Rela)),
        entry(DT_RELAENT, sizeof(Elf64_Rela)),
        entry(plan_.gnu_hash ? DT_GNU_HASH : DT_HASH, plan_.base + hash_at),
        entry(DT_NULL, 0)};
    std::memcpy(bytes_.data() + dynamic, entries.data(), entries.size() * sizeof(Elf64_Dyn));
    write_headers(dynamic, dynamic_count * sizeof(Elf64_Dyn), places);
    return bytes_;
  }

 private:
  static Elf64_Dyn entry(Elf64_Sxword tag, std::uint64_t value) {
    Elf64_Dyn d{};
    d.d_tag = tag;
    d.d_un.d_val = value;
    return d;
  }
  Elf64_Sym symbol(const std::string &name, Elf64_Section section) {
    Elf64_Sym s{};
    s.st_name = static_cast<Elf64_Word>(names_.size());
    s.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    s.st_shndx = section;
    names_ += name;
    names_ += '\0';
    return s;
  }
  template <class T>
  std::uint64_t append(const std::vector<T> &items) {
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
    const std::uint64_t at = bytes_.size();
    bytes_.append(reinterpret_cast<const char *>(items.data()), items.size() * sizeof(T));
    return at;
  }
  // One bucket, and one chain of all exported symbols.
  [[nodiscard]] std::vector<Elf64_Word> hash(std::size_t symbols) const {
    if (!plan_.gnu_hash) return {1, static_cast<Elf64_Word>(symbols)};
    const auto first = static_cast<Elf64_Word>(plan_.imports.size() + 1);
    std::vector<Elf64_Word> words{1, first, 1, 0, 0, 0};
    words.push_back(plan_.exports.empty() ? 0 : first);
    for (std::size_t i = 0; i < plan_.exports.size(); ++i)
      words.push_back(i + 1 == plan_.exports.size() ? 1 : 0);
    return words;
  }
  void write_headers(std::uint64_t dynamic, std::uint64_t dynamic_size, std::uint64_t places) {
    Elf64_Ehdr h{};
    std::memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_ident[EI_VERSION] = EV_CURRENT;
    h.e_type = ET_DYN;
    h.e_machine = static_cast<Elf64_Half>(plan_.machine);
    h.e_phoff = sizeof h;
    h.e_phentsize = sizeof(Elf64_Phdr);
    h.e_phnum = 3;
    std::memcpy(bytes_.data(), &h, sizeof h);
    const auto flags = static_cast<Elf64_Word>(PF_R | (plan_.writable ? PF_W : 0));
    const Elf64_Phdr segments[] = {
        {PT_LOAD, flags, 0, plan_.base, plan_.base, bytes_.size(), bytes_.size(), 4096},
        {PT_DYNAMIC, PF_R, dynamic, plan_.base + dynamic, plan_.base + dynamic, dynamic_size,
         dynamic_size, 8},
        {PT_GNU_RELRO, PF_R, places, plan_.base + places, plan_.base + places, 8, 8, 1}};
    std::memcpy(bytes_.data() + sizeof h, segments, sizeof segments);
  }

  library_plan plan_;
  std::string bytes_;
  std::string names_;
};

}  // namespace dynpgext::model::elf
