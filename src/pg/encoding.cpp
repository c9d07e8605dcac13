#include "pg/encoding.h"

namespace dynpgext::pg {
namespace {

std::string convert(const std::string &text, bool to) {
  const char *from = text.data();
  const int size = static_cast<int>(text.size());
  const char *converted = call([=] {
    return to ? pg_server_to_any(from, size, PG_UTF8) : pg_any_to_server(from, size, PG_UTF8);
  });
  return converted == from ? text : std::string(converted);
}

}  // namespace

std::string to_utf8(const std::string &text) { return convert(text, true); }
std::string from_utf8(const std::string &text) { return convert(text, false); }

}  // namespace dynpgext::pg
