// Any bytes as a library's file: nothing may crash or be read beyond the end, and
//   - the result is either a readable fault or an image, never both;
//   - every relocation refers to an existing import, and every name lies in the file;
//   - the needs of a library can be determined for any image.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "model/elf.h"
#include "model/host_needs.h"
#include "model/text.h"

namespace {

using namespace dynpgext::model;

void require(bool condition, const char *what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

bool is_part_of(std::string_view whole, std::string_view part) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_image(std::string_view file, const elf::image &image) {
  for (const std::string_view name : image.imports)
    require(is_part_of(file, name), "an import's name is of the file");
  for (const std::string_view name : image.exports)
    require(is_part_of(file, name), "an export's name is of the file");
  for (const elf::relocation &r : image.relocations)
    require(r.import < image.imports.size(), "a relocation is of an import");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char *>(data), size);
  const elf::read_result result = elf::read(file);
  require(result.image.has_value() == result.fault.empty(), "a fault, or an image");
  require(is_readable(result.fault), "a fault is readable");
  if (result.image) check_image(file, *result.image);
  for (const elf::machine m : {elf::machine::x86_64, elf::machine::aarch64}) {
    const auto findings = host_needs(result, m);
    require(!findings.empty(), "there is always the library as a whole");
    require(refusal_of(findings).empty() == (findings.front().verdict != host_verdict::refused),
            "it is refused with a reason, and only then");
  }
  return 0;
}
