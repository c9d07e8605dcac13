#include "model/elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <unordered_map>

namespace dynpgext::model::elf {
namespace {

// C symbols are shorter, and many symbols could share one name that fills the file.
constexpr std::size_t longest_name = 4096;

// Caught by read().
struct damaged {
  const char *why;
};

class file_reader {
 public:
  explicit file_reader(std::string_view file) : file_(file) {}

  [[nodiscard]] image read() {
    read_header();
    read_segments();
    read_dynamic_section();
    image result;
    result.machine = machine_;
    result.read_only = read_only_;
    read_relocations(tables_.jump, result);
    read_relocations(tables_.rest, result);
    read_exports(result);
    return result;
  }

 private:
  // A table in the memory of the library.
  struct table {
    std::uint64_t address = 0;
    std::uint64_t size = 0;  // bytes
  };

  template <class T>
  [[nodiscard]] T at(std::uint64_t offset) const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (offset > file_.size() || sizeof(T) > file_.size() - offset)
      throw damaged{"it is truncated"};
    T value;
    std::memcpy(&value, file_.data() + offset, sizeof value);
    return value;
  }

  // Offset in the file of the content at an address, with at least `size` bytes.
  [[nodiscard]] std::uint64_t offset_of(std::uint64_t address, std::uint64_t size) const {
    for (const Elf64_Phdr &s : segments_) {
      if (address < s.p_vaddr || address - s.p_vaddr > s.p_filesz) continue;
      const std::uint64_t skipped = address - s.p_vaddr;
      if (size > s.p_filesz - skipped) continue;
      if (s.p_offset > file_.size() || skipped > file_.size() - s.p_offset)
        throw damaged{"it is truncated"};
      return s.p_offset + skipped;
    }
    throw damaged{"an address is outside of its segments"};
  }
  template <class T>
  [[nodiscard]] T in_memory(std::uint64_t address) const {
    return at<T>(offset_of(address, sizeof(T)));
  }
  // The n-th element of a table; the multiplication cannot overflow for n of 32 bits.
  template <class T>
  [[nodiscard]] T element(std::uint64_t address, std::uint64_t n) const {
    const std::uint64_t distance = n * sizeof(T);
    if (distance > UINT64_MAX - address) throw damaged{"an address is outside of its segments"};
    return in_memory<T>(address + distance);
  }

  [[nodiscard]] bool is_writable(std::uint64_t address, std::uint64_t size) const {
    return std::any_of(segments_.begin(), segments_.end(), [=](const Elf64_Phdr &s) {
      return (s.p_flags & PF_W) != 0 && address >= s.p_vaddr && size <= s.p_memsz &&
             address - s.p_vaddr <= s.p_memsz - size;
    });
  }

  void read_header() {
    if (file_.substr(0, SELFMAG) != std::string_view(ELFMAG, SELFMAG))
      throw damaged{"it is not in ELF format"};
    header_ = at<Elf64_Ehdr>(0);
    if (header_.e_ident[EI_CLASS] != ELFCLASS64) throw damaged{"it is not for 64 bits"};
    if (header_.e_ident[EI_DATA] != ELFDATA2LSB) throw damaged{"it is not little-endian"};
    if (header_.e_type != ET_DYN) throw damaged{"it is not a shared library"};
    if (header_.e_machine != static_cast<Elf64_Half>(machine::x86_64) &&
        header_.e_machine != static_cast<Elf64_Half>(machine::aarch64))
      throw damaged{"it is for a machine other than x86-64 and aarch64"};
    machine_ = static_cast<machine>(header_.e_machine);
    if (header_.e_phentsize != sizeof(Elf64_Phdr))
      throw damaged{"its program headers have an unknown size"};
  }

  void read_segments() {
    for (Elf64_Half i = 0; i < header_.e_phnum; ++i) {
      if (header_.e_phoff > UINT64_MAX - i * sizeof(Elf64_Phdr)) throw damaged{"it is truncated"};
      const auto h = at<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
      if (h.p_vaddr > UINT64_MAX - h.p_memsz) throw damaged{"a segment has no end"};
      if (h.p_type == PT_LOAD) segments_.push_back(h);
      if (h.p_type == PT_DYNAMIC) dynamic_ = {h.p_vaddr, h.p_filesz};
      if (h.p_type == PT_GNU_RELRO) read_only_ = {h.p_vaddr, h.p_vaddr + h.p_memsz};
    }
    if (dynamic_.size == 0) throw damaged{"it has no dynamic section"};
  }

  void read_dynamic_section() {
    std::uint64_t symbol_size = sizeof(Elf64_Sym);
    std::uint64_t relocation_size = sizeof(Elf64_Rela);
    std::uint64_t jump_kind = DT_RELA;
    bool has_ended = false;
    for (std::uint64_t i = 0; !has_ended && i < dynamic_.size / sizeof(Elf64_Dyn); ++i) {
      const auto d = element<Elf64_Dyn>(dynamic_.address, i);
      const std::uint64_t value = d.d_un.d_val;
      switch (d.d_tag) {
        case DT_NULL: has_ended = true; break;
        case DT_SYMTAB: symbols_ = value; break;
        case DT_SYMENT: symbol_size = value; break;
        case DT_STRTAB: tables_.names.address = value; break;
        case DT_STRSZ: tables_.names.size = value; break;
        case DT_JMPREL: tables_.jump.address = value; break;
        case DT_PLTRELSZ: tables_.jump.size = value; break;
        case DT_PLTREL: jump_kind = value; break;
        case DT_RELA: tables_.rest.address = value; break;
        case DT_RELASZ: tables_.rest.size = value; break;
        case DT_RELAENT: relocation_size = value; break;
        case DT_HASH: hash_ = value; break;
        case DT_GNU_HASH: gnu_hash_ = value; break;
        case DT_REL: throw damaged{"its relocations have an unknown form"};
        default: break;
      }
    }
    if (symbol_size != sizeof(Elf64_Sym)) throw damaged{"its symbols have an unknown size"};
    if (relocation_size != sizeof(Elf64_Rela) || jump_kind != DT_RELA)
      throw damaged{"its relocations have an unknown form"};
    if (symbols_ == 0 || tables_.names.size == 0) throw damaged{"it has no symbols"};
  }

  [[nodiscard]] Elf64_Sym symbol(std::uint64_t index) const {
    return element<Elf64_Sym>(symbols_, index);
  }
  [[nodiscard]] std::string_view name_of(const Elf64_Sym &s) const {
    if (s.st_name >= tables_.names.size) throw damaged{"a symbol has no name"};
    const std::uint64_t begin = offset_of(tables_.names.address, tables_.names.size) + s.st_name;
    if (begin >= file_.size()) throw damaged{"it is truncated"};
    const std::uint64_t room = std::min<std::uint64_t>(
        {tables_.names.size - s.st_name, file_.size() - begin, longest_name});
    const std::string_view rest = file_.substr(begin, room);
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) throw damaged{"the name of a symbol has no end"};
    return rest.substr(0, end);
  }

  [[nodiscard]] relocation_kind kind_of(std::uint64_t type) const {
    const bool is_x86 = machine_ == machine::x86_64;
    if (type == (is_x86 ? R_X86_64_JUMP_SLOT : R_AARCH64_JUMP_SLOT) ||
        type == (is_x86 ? R_X86_64_GLOB_DAT : R_AARCH64_GLOB_DAT))
      return relocation_kind::address;
    if (type == (is_x86 ? R_X86_64_64 : R_AARCH64_ABS64))
      return relocation_kind::address_and_addend;
    return relocation_kind::other;
  }

  void read_relocations(const table &t, image &result) {
    for (std::uint64_t i = 0; i < t.size / sizeof(Elf64_Rela); ++i) {
      const auto r = element<Elf64_Rela>(t.address, i);
      const std::uint64_t index = ELF64_R_SYM(r.r_info);
      if (index == 0) continue;
      const Elf64_Sym s = symbol(index);
      if (s.st_shndx != SHN_UNDEF) continue;
      const auto [known, is_new] =
          import_of_.emplace(index, static_cast<std::uint32_t>(result.imports.size()));
      if (is_new) result.imports.push_back(name_of(s));
      relocation_kind kind = kind_of(ELF64_R_TYPE(r.r_info));
      if (!is_writable(r.r_offset, sizeof(std::uint64_t))) kind = relocation_kind::other;
      result.relocations.push_back({r.r_offset, known->second, kind, r.r_addend});
    }
  }

  // The dynamic section does not have the number of symbols; their lookup tables do.
  [[nodiscard]] std::uint64_t count_symbols() const {
    if (hash_ != 0) return element<Elf64_Word>(hash_, 1);
    if (gnu_hash_ == 0) throw damaged{"its symbols cannot be found"};
    const std::uint64_t buckets = element<Elf64_Word>(gnu_hash_, 0);
    const std::uint64_t first = element<Elf64_Word>(gnu_hash_, 1);
    const std::uint64_t words = element<Elf64_Word>(gnu_hash_, 2);
    constexpr std::uint64_t header = 4;
    const std::uint64_t buckets_at = header + 2 * words;  // in units of four bytes
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < buckets; ++i)
      last = std::max<std::uint64_t>(last, element<Elf64_Word>(gnu_hash_, buckets_at + i));
    if (last < first) return first;
    // the chain of the last bucket ends at an element with the lowest bit set
    while ((element<Elf64_Word>(gnu_hash_, buckets_at + buckets + last - first) & 1) == 0) ++last;
    return last + 1;
  }

  void read_exports(image &result) const {
    const std::uint64_t count = count_symbols();
    for (std::uint64_t i = 1; i < count; ++i) {
      const Elf64_Sym s = symbol(i);
      const unsigned binding = ELF64_ST_BIND(s.st_info);
      if (s.st_shndx != SHN_UNDEF && (binding == STB_GLOBAL || binding == STB_WEAK))
        result.exports.push_back(name_of(s));
    }
  }

  std::string_view file_;
  Elf64_Ehdr header_{};
  elf::machine machine_ = machine::x86_64;
  std::vector<Elf64_Phdr> segments_;
  address_range read_only_;
  table dynamic_;
  struct {
    table names, jump, rest;
  } tables_;
  std::uint64_t symbols_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t gnu_hash_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> import_of_;  // by index of the symbol
};

bool contains(const std::vector<std::string_view> &names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const char *name_of(machine m) { return m == machine::x86_64 ? "x86-64" : "aarch64"; }

bool image::defines(std::string_view symbol) const { return contains(exports, symbol); }
bool image::refers_to(std::string_view symbol) const { return contains(imports, symbol); }

read_result read(std::string_view file) {
  try {
    return {file_reader(file).read(), {}};
  } catch (const damaged &d) {
    return {std::nullopt, d.why};
  }
}

}  // namespace dynpgext::model::elf
