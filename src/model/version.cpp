#include "model/version.h"

#include <algorithm>

namespace dynpgext::model {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_prerelease(char c) {
  return c == '-' || c == '~' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view take_number(std::string_view &text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto length = static_cast<std::size_t>(end - text.begin());
  std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

}  // namespace

std::strong_ordering compare_versions(std::string_view left, std::string_view right) {
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      const std::string_view a = take_number(left);
      const std::string_view b = take_number(right);
      if (a.size() != b.size()) return a.size() <=> b.size();
      if (a != b) return a <=> b;
      continue;
    }
    const char a = left.front();
    const char b = right.front();
    // "1.0" against "1a": the one whose numbers end first is lower
    if (starts_prerelease(a) != starts_prerelease(b))
      return starts_prerelease(a) ? std::strong_ordering::less : std::strong_ordering::greater;
    if (a != b) return static_cast<unsigned char>(a) <=> static_cast<unsigned char>(b);
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  if (left.empty() && right.empty()) return std::strong_ordering::equal;
  if (left.empty())
    return starts_prerelease(right.front()) ? std::strong_ordering::greater
                                            : std::strong_ordering::less;
  return starts_prerelease(left.front()) ? std::strong_ordering::less
                                         : std::strong_ordering::greater;
}

}  // namespace dynpgext::model
