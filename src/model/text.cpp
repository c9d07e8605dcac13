#include "model/text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dynpgext::model {
namespace {

// FNV-1a; two of them with different start values are as good as one of 128 bits.
std::uint64_t hash(std::string_view text, std::uint64_t from) {
  for (const char c : text) {
    from ^= static_cast<unsigned char>(c);
    from *= 0x100000001b3;
  }
  return from;
}

constexpr std::string_view digits = "0123456789abcdef";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Length in bytes of the first character of `text`; 0 if there is none.
std::size_t first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xc2   ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  std::uint32_t code = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
    code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  const bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  return is_overlong || is_surrogate || code > 0x10ffff ? 0 : length;
}

bool is_any_control(char c) {
  const auto code = static_cast<unsigned char>(c);
  return code < 0x20 || code == 0x7f;
}

bool is_control(char c) { return is_any_control(c) && c != '\t' && c != '\n' && c != '\r'; }

}  // namespace

std::size_t characters_in(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

bool is_readable(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = is_control(bytes.front()) ? 0 : first_character(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::size_t whole_length(std::string_view cut) noexcept {
  std::size_t lead = cut.size();
  while (lead > 0 && cut.size() - lead < 3 && is_continuation(cut[lead - 1])) --lead;
  if (lead == 0) return cut.size();
  const auto first = static_cast<unsigned char>(cut[lead - 1]);
  const std::size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return cut.size() - (lead - 1) < length ? lead - 1 : cut.size();
}

std::string sql_literal(std::string_view text) {
  const bool has_escapes =
      std::any_of(text.begin(), text.end(), [](char c) { return c == '\\' || is_any_control(c); });
  std::string quoted = has_escapes ? "E'" : "'";
  for (const char c : text) {
    if (is_any_control(c))
      quoted += "\\x" + to_hex({&c, 1});
    else
      quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
  }
  return quoted + '\'';
}

std::string to_hex(std::string_view bytes) {
  std::string result;
  result.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    result += digits[code >> 4];
    result += digits[code & 0xf];
  }
  return result;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0 || text.find_first_not_of(digits) != text.npos) return std::nullopt;
  std::string result;
  result.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2)
    result += static_cast<char>(digits.find(text[i]) << 4 | digits.find(text[i + 1]));
  return result;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string digest_of(std::string_view text) {
  std::string bytes;
  for (const std::uint64_t from : {0xcbf29ce484222325U, 0x84222325cbf29ce4U})
    for (std::uint64_t rest = hash(text, from), i = 0; i < 8; ++i, rest <<= 8)
      bytes += static_cast<char>(rest >> 56);
  return to_hex(bytes);
}

}  // namespace dynpgext::model
