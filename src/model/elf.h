// What a shared library needs from the program that opens it, read from the bytes of its file.
//
// The file may be anything: truncated, or manipulated.  Every offset, count and address is checked
// against the available bytes.  None of its code runs.
//
// The reader uses the same data as the dynamic loader: program headers and the dynamic section.
// Section headers may be missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynpgext::model::elf {

enum class machine : std::uint16_t { x86_64 = 62, aarch64 = 183 };
[[nodiscard]] const char *name_of(machine m);

// The machine that this code is compiled for; nullopt: one for which no library can be redirected.
[[nodiscard]] constexpr std::optional<machine> own_machine() {
#if defined(__x86_64__)
  return machine::x86_64;
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return machine::aarch64;
#else
  return std::nullopt;
#endif
}

// How the loader fills a place in the library's memory with the address of a symbol.
enum class relocation_kind : std::uint8_t {
  address,             // with the address: a call, or a reference through the table of addresses
  address_and_addend,  // with the address and a constant: a pointer in the library's own data
  other                // in another way
};

struct relocation {
  std::uint64_t place = 0;   // before the library is loaded: its base is 0
  std::uint32_t import = 0;  // index in image::imports
  relocation_kind kind = relocation_kind::other;
  std::int64_t addend = 0;
};

struct address_range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] bool is_empty() const { return begin >= end; }
};

// The names point into the input.
struct image {
  elf::machine machine = elf::machine::x86_64;
  std::vector<std::string_view> imports;  // referenced symbols that others define
  std::vector<relocation> relocations;    // of these
  std::vector<std::string_view> exports;
  address_range read_only;  // after its relocation; its whole pages are

  [[nodiscard]] bool defines(std::string_view symbol) const;
  [[nodiscard]] bool refers_to(std::string_view symbol) const;
};

struct read_result {
  std::optional<elf::image> image;
  std::string fault;  // why there is none; for people
};

[[nodiscard]] read_result read(std::string_view file);

}  // namespace dynpgext::model::elf
