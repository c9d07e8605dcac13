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

void escape(std::string_view bytes, std::string &into) {
  for (const char c : bytes) {
    char escaped[5];
    snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
    into += escaped;
  }
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; });
}

// In SQL_ASCII, bytes of another encoding cannot be distinguished from the reader's own.
std::string escape_all(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i)
    if (is_ascii(text.substr(i, 1)))
      result += text[i];
    else
      escape(text.substr(i, 1), result);
  return result;
}

}  // namespace

int encoding_of_database(Oid database) {
  if (!OidIsValid(database) || database == MyDatabaseId) return GetDatabaseEncoding();
  return call([=] {
    const HeapTuple row = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
    if (!HeapTupleIsValid(row)) return GetDatabaseEncoding();
    const int encoding = reinterpret_cast<Form_pg_database>(GETSTRUCT(row))->encoding;
    ReleaseSysCache(row);
    return encoding;
  });
}

std::string readable(std::string_view text, int encoding) {
  const int own = GetDatabaseEncoding();
  if (own == PG_SQL_ASCII && encoding != own) return escape_all(text);
  if (encoding == own || encoding == PG_SQL_ASCII || is_ascii(text)) return readable(text);
  const Oid conversion = call([=] { return FindDefaultConversionProc(encoding, own); });
  if (!OidIsValid(conversion)) return readable(text);
  std::string result;
  std::vector<char> converted(text.size() * MAX_CONVERSION_GROWTH + 1);
  while (!text.empty()) {
    const char *from = text.data();
    char *to = converted.data();
    const int size = static_cast<int>(text.size());
    const int room = static_cast<int>(converted.size());
    const int taken = call([=] {
      // does not change its input
      auto *source = reinterpret_cast<unsigned char *>(const_cast<char *>(from));
      return pg_do_encoding_conversion_buf(conversion, encoding, own, source, size,
                                           reinterpret_cast<unsigned char *>(to), room, true);
    });
    result += to;
    text.remove_prefix(static_cast<size_t>(taken));
    if (text.empty()) break;
    const int length = pg_encoding_mblen(encoding, text.data());
    const std::string_view character = text.substr(0, static_cast<size_t>(std::max(length, 1)));
    escape(character, result);
    text.remove_prefix(character.size());
  }
  return result;
}

std::string readable(std::string_view text) {
  const int encoding = GetDatabaseEncoding();
  std::string result;
  while (!text.empty()) {
    const int valid = pg_encoding_verifymbstr(encoding, text.data(), static_cast<int>(text.size()));
    result += text.substr(0, static_cast<size_t>(valid));
    text.remove_prefix(static_cast<size_t>(valid));
    if (text.empty()) break;
    escape(text.substr(0, 1), result);
    text.remove_prefix(1);
  }
  return result;
}

std::string to_utf8(const std::string &text) { return convert(text, true); }
std::string from_utf8(const std::string &text) { return convert(text, false); }

}  // namespace dynpgext::pg
