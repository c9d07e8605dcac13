#include "hosting/listed_databases.h"

#include "pg/settings.h"

namespace dynpgext::hosting {

std::vector<Oid> listed_databases() {
  std::vector<Oid> found;
  std::string_view rest = pg::settings::hosting_databases();
  constexpr std::string_view digits = "0123456789";
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_of(digits), rest.size()));
    if (rest.empty()) return found;
    const size_t size = std::min(rest.find_first_not_of(digits), rest.size());
    uint64 oid = 0;
    for (const char digit : rest.substr(0, size))
      oid = std::min<uint64>(10 * oid + static_cast<uint64>(digit - '0'), UINT64_C(1) << 40);
    if (oid != InvalidOid && oid <= UINT32_MAX) found.push_back(static_cast<Oid>(oid));
    rest.remove_prefix(size);
  }
}

void follow_again(state::shared &s) {
  const std::vector<Oid> listed = listed_databases();
  if (listed.empty()) return;
  {
    const state::exclusive lock(s);
    for (const Oid database : listed)
      if (state::database_entry *entry = s.databases.find({database})) entry->visited = false;
  }
  state::wake_launcher();
}

}  // namespace dynpgext::hosting
