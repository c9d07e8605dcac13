// JSON text to plain values and back.  Only json.cpp uses nlohmann/json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dynpgext::model::json {

// A fault and its place: an RFC 6901 pointer ("" is the document).
struct fault {
  std::string pointer;
  std::string message;         // lower case, no full stop: "not an interval"
  bool beyond_schema = false;  // cannot be expressed in the JSON Schema
};
// "/workers/2/restart/delay: not an interval"; the document itself is "(document)".
[[nodiscard]] std::string text_of(const fault &f);

struct value;
using array = std::vector<value>;
using member = std::pair<std::string, value>;
using object = std::vector<member>;  // in the order of the text; names are unique

// A number with a fraction, or out of the range of int64.
struct real {
  double number;
};

struct value {
  std::variant<std::nullptr_t, bool, std::int64_t, real, std::string, array, object> of = nullptr;

  [[nodiscard]] const value *find(std::string_view name) const;  // of an object; or nullptr
};

// Appends an escaped step to a pointer.
[[nodiscard]] std::string child(const std::string &pointer, std::string_view name);
[[nodiscard]] std::string child(const std::string &pointer, std::size_t index);

struct limits {
  std::size_t bytes = 1 << 20;
  int depth = 16;
};

struct parsed {
  value document;
  std::vector<fault>
      faults;  // empty: it is JSON, in UTF-8, within the limits, without twice a name
};
// Throws only for lack of memory.
[[nodiscard]] parsed parse(std::string_view text, const limits &within);
// UTF-8; one line, or indented by two spaces.
[[nodiscard]] std::string print(const value &v, bool indented);

}  // namespace dynpgext::model::json
