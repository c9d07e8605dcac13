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

std::string readable(std::string_view text) {
  const int encoding = GetDatabaseEncoding();
  std::string result;
  while (!text.empty()) {
    const int valid = pg_encoding_verifymbstr(encoding, text.data(), static_cast<int>(text.size()));
    result += text.substr(0, static_cast<size_t>(valid));
    text.remove_prefix(static_cast<size_t>(valid));
    if (text.empty()) break;
    char escaped[5];
    snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(text.front()));
    result += escaped;
    text.remove_prefix(1);
  }
  return result;
}

std::string to_utf8(const std::string &text) { return convert(text, true); }
std::string from_utf8(const std::string &text) { return convert(text, false); }

}  // namespace dynpgext::pg
