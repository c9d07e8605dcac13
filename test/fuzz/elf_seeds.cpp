// Writes the fuzzer's initial libraries into a folder: one for each machine and form.
#include <cstdio>
#include <fstream>

#include "../unit/elf_builder.h"

using namespace dynpgext::model::elf;

int main(int count, char **arguments) {
  if (count != 2) return 1;
  int made = 0;
  for (const machine m : {machine::x86_64, machine::aarch64}) {
    const bool is_x86 = m == machine::x86_64;
    const auto type = [is_x86](int x86, int arm) {
      return static_cast<std::uint32_t>(is_x86 ? x86 : arm);
    };
    library_plan plan{.machine = m};
    plan.imports = {{"ShmemInitStruct", type(R_X86_64_JUMP_SLOT, R_AARCH64_JUMP_SLOT), 0, true},
                    {"planner_hook", type(R_X86_64_GLOB_DAT, R_AARCH64_GLOB_DAT)},
                    {"shmem_startup_hook", type(R_X86_64_64, R_AARCH64_ABS64), 8},
                    {"RegisterCustomRmgr", type(R_X86_64_JUMP_SLOT, R_AARCH64_JUMP_SLOT), 0, true}};
    for (const bool gnu_hash : {true, false}) {
      plan.gnu_hash = gnu_hash;
      std::ofstream file(std::string(arguments[1]) + "/" + std::to_string(++made) + ".so",
                         std::ios::binary);
      file << library_builder(plan).build();
      if (!file) return 1;
    }
  }
  std::printf("%d files\n", made);
  return 0;
}
