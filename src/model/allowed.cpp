#include "model/allowed.h"

#include <optional>
#include <string>
#include <vector>

namespace dynpgext::model {
namespace {

struct rule {
  bool refuses = false;
  bool is_for_all = false;
  std::string name;
};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class list_reader {
 public:
  explicit list_reader(std::string_view text) : rest_(text) {}

  // nullopt if the text is not a list.
  std::optional<std::vector<rule>> rules() {
    std::vector<rule> all;
    skip_spaces();
    if (rest_.empty()) return all;
    for (;;) {
      const std::optional<rule> one = next();
      if (!one) return std::nullopt;
      all.push_back(*one);
      skip_spaces();
      if (rest_.empty()) return all;
      if (!take(',')) return std::nullopt;
    }
  }

 private:
  void skip_spaces() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<rule> next() {
    rule r;
    skip_spaces();
    r.refuses = take('!');
    skip_spaces();
    if (take('"')) {
      if (!quoted(r.name)) return std::nullopt;
    } else {
      while (!rest_.empty() && !is_space(rest_.front()) && rest_.front() != ',' &&
             rest_.front() != '"') {
        r.name += rest_.front();
        rest_.remove_prefix(1);
      }
      r.is_for_all = r.name == "*";
    }
    if (r.name.empty()) return std::nullopt;
    return r;
  }

  bool quoted(std::string &name) {
    while (!rest_.empty()) {
      if (take('"')) {
        if (!take('"')) return true;
        name += '"';
      } else {
        name += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

bool is_allowed(std::string_view list, std::string_view extension) {
  const auto rules = list_reader(list).rules();
  if (!rules) return false;
  for (const rule &r : *rules)
    if (r.is_for_all || r.name == extension) return !r.refuses;
  return false;
}

bool is_allowed_list(std::string_view list) { return list_reader(list).rules().has_value(); }

}  // namespace dynpgext::model
